//! Route configurations, their virtual hosts and routes, as a dump writes them. Not: what they mean.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_json::value::RawValue;

use super::action::{DirectText, RedirectText, RouteActionText};
use super::fault::{Fault, fault};
use super::json_spans::Text;
use super::matchers::MatchText;
use super::origin::MetadataText;
use crate::diag::{Note, Span};

/// A route configuration.
#[derive(Clone, Debug)]
pub(super) struct RouteConfig {
    pub(super) name: String,
    pub(super) virtual_hosts: Vec<VirtualHost>,
    pub(super) ignores_port: bool,
    pub(super) fault: Option<Fault>,
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
    pub(super) text: RouteText,
}

/// `RouteConfiguration`; its routes are read in a second step, because they have places.
#[derive(Deserialize)]
pub(super) struct RouteConfigText<'s> {
    #[serde(default)]
    pub(super) name: String,
    #[serde(borrow, default, alias = "virtualHosts")]
    pub(super) virtual_hosts: Vec<VirtualHostText<'s>>,
    #[serde(default, alias = "ignorePortInHostMatching")]
    pub(super) ignore_port_in_host_matching: bool,
    #[serde(default, alias = "typedPerFilterConfig", deserialize_with = "fault")]
    pub(super) typed_per_filter_config: Option<Fault>,
}

/// `VirtualHost`.
#[derive(Deserialize)]
pub(super) struct VirtualHostText<'s> {
    #[serde(default)]
    name: String,
    #[serde(default)]
    domains: Vec<String>,
    #[serde(borrow, default)]
    routes: Vec<&'s RawValue>,
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
pub(super) struct RouteText {
    pub(super) name: String,
    pub(super) r#match: MatchText,
    pub(super) route: Option<Box<RouteActionText>>,
    pub(super) redirect: Option<RedirectText>,
    #[serde(alias = "directResponse")]
    pub(super) direct_response: Option<DirectText>,
    pub(super) metadata: MetadataText,
    #[serde(alias = "typedPerFilterConfig", deserialize_with = "fault")]
    pub(super) typed_per_filter_config: Option<Fault>,
}

impl RouteConfig {
    /// Reads the routes of a configuration.
    pub(super) fn new(text: RouteConfigText<'_>, place: Text<'_>) -> Result<Self, Box<Note>> {
        let hosts = text.virtual_hosts.into_iter();
        let hosts: Result<Vec<VirtualHost>, Box<Note>> =
            hosts.map(|host| VirtualHost::new(host, place)).collect();
        let virtual_hosts = hosts?;
        Ok(Self {
            name: text.name,
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
    fn new(text: VirtualHostText<'_>, place: Text<'_>) -> Result<Self, Box<Note>> {
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
            domains: text.domains,
            routes,
            https_only: text.require_tls.as_deref() == Some("ALL"),
            https_outside: text.require_tls.as_deref() == Some("EXTERNAL_ONLY"),
            has_matcher: text.matcher.is_some(),
            fault: text.typed_per_filter_config,
            span: first.unwrap_or_else(|| place.beginning()),
        })
    }
}

/// A whole number, which a dump writes as text where it may have 64 bits.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
            Ok(number)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
            i64::try_from(number).map_err(E::custom)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Number)
}
