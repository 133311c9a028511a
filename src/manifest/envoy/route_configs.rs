//! Route configurations, their virtual hosts and routes, as a dump writes them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fault::{Fault, OfRoute, fault, of_route};
use super::json_spans::Text;
use super::list::List;
use super::origin::RawMetadata;
use super::raw_action::{RawDirectResponse, RawRedirect, RawRouteAction};
use super::raw_match::RawMatch;
use crate::diag::{Note, Span};

/// A route configuration.
#[derive(Clone, Debug)]
pub(super) struct RouteConfig {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) virtual_hosts: Vec<VirtualHost>,
    pub(super) ignores_port: bool,
    pub(super) fault: Option<Fault>,
}

/// Which version it is, where a control plane gave it.
#[derive(Clone, Debug, Default)]
pub(super) struct Version {
    /// What the control plane calls it.
    pub(super) info: Option<String>,
    /// When the proxy took it.
    pub(super) last_updated: Option<String>,
}

/// A virtual host.
#[derive(Clone, Debug)]
pub(super) struct VirtualHost {
    pub(super) name: String,
    pub(super) domains: Vec<String>,
    pub(super) routes: Vec<Route>,
    pub(super) https_only: bool,
    pub(super) https_outside: bool,
    pub(super) has_matcher: bool,
    pub(super) fault: Option<Fault>,
    pub(super) span: Span,
}

/// A route with its place.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) span: Span,
    pub(super) text: RawRoute,
}

/// `RouteConfiguration`; its routes are read in a second step, because they have places.
#[derive(Deserialize)]
pub(super) struct RawRouteConfig<'s> {
    #[serde(default)]
    pub(super) name: String,
    #[serde(borrow, default, alias = "virtualHosts")]
    pub(super) virtual_hosts: List<RawVirtualHost<'s>>,
    #[serde(default, alias = "ignorePortInHostMatching")]
    pub(super) ignore_port_in_host_matching: bool,
    #[serde(default, alias = "typedPerFilterConfig", deserialize_with = "fault")]
    pub(super) typed_per_filter_config: Option<Fault>,
    /// It stands around the configuration.
    #[serde(skip)]
    pub(super) version: Version,
}

/// `VirtualHost`.
#[derive(Deserialize)]
pub(super) struct RawVirtualHost<'s> {
    #[serde(default)]
    name: String,
    #[serde(default)]
    domains: List<String>,
    #[serde(borrow, default)]
    routes: List<&'s RawValue>,
    #[serde(default, alias = "requireTls")]
    require_tls: Option<String>,
    #[serde(borrow, default)]
    matcher: Option<&'s RawValue>,
    #[serde(default, alias = "typedPerFilterConfig", deserialize_with = "fault")]
    typed_per_filter_config: Option<Fault>,
}

/// `Route`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRoute {
    pub(super) name: String,
    pub(super) r#match: RawMatch,
    pub(super) route: Option<Box<RawRouteAction>>,
    pub(super) redirect: Option<RawRedirect>,
    #[serde(alias = "directResponse")]
    pub(super) direct_response: Option<RawDirectResponse>,
    pub(super) metadata: RawMetadata,
    #[serde(alias = "typedPerFilterConfig", deserialize_with = "of_route")]
    pub(super) typed_per_filter_config: OfRoute,
}

impl RouteConfig {
    /// Reads the routes of a configuration.
    pub(super) fn new(text: RawRouteConfig<'_>, place: Text<'_>) -> Result<Self, Box<Note>> {
        let hosts = text.virtual_hosts.into_iter();
        let hosts: Result<Vec<VirtualHost>, Box<Note>> =
            hosts.map(|host| VirtualHost::new(host, place)).collect();
        let virtual_hosts = hosts?;
        Ok(Self {
            name: text.name,
            version: text.version,
            virtual_hosts,
            ignores_port: text.ignore_port_in_host_matching,
            fault: text.typed_per_filter_config,
        })
    }

    /// Whether it routes what comes to the pod, not what leaves it.
    pub(super) fn is_inbound(&self) -> bool {
        ["inbound|", "InboundPassthroughCluster"]
            .iter()
            .any(|prefix| self.name.starts_with(prefix))
    }
}

impl VirtualHost {
    fn new(text: RawVirtualHost<'_>, place: Text<'_>) -> Result<Self, Box<Note>> {
        let routes: Result<Vec<Route>, Box<Note>> = text
            .routes
            .into_iter()
            .map(|raw| match serde_json::from_str(raw.get()) {
                Ok(text) => Ok(Route {
                    span: place.span(raw),
                    text,
                }),
                Err(error) => Err(Box::new(place.problem_in(raw, &error))),
            })
            .collect();
        let routes = routes?;
        let first = routes.first().map(|route| route.span);
        let first = first.or(text.matcher.map(|raw| place.span(raw)));
        Ok(Self {
            name: text.name,
            domains: text.domains.into_vec(),
            routes,
            https_only: text.require_tls.as_deref() == Some("ALL"),
            https_outside: text.require_tls.as_deref() == Some("EXTERNAL_ONLY"),
            has_matcher: text.matcher.is_some(),
            fault: text.typed_per_filter_config,
            span: first.unwrap_or_else(|| place.beginning()),
        })
    }
}
