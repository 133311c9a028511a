//! Envoy's own configuration, as its admin interface and istioctl print it: what a proxy has been told, as opposed to what
//! was declared.

mod action;
mod clusters;
mod endpoint_pick;
mod endpoints;
mod fault;
mod integer;
mod json_spans;
mod list;
mod lower;
mod matchers;
mod origin;
mod patch;
mod patched;
mod programmed_route;
mod raw_action;
mod raw_match;
mod read;
mod route_configs;
mod session;
mod unknown_host;

use std::collections::BTreeMap;

pub(super) use lower::lower;
pub(super) use patch::{Patch, patches};
pub(super) use patched::apply;
pub use programmed_route::{Mirror, ProgrammedRoute};
pub(super) use read::{is_json, read};

use super::yaml::{Node, Value};
use clusters::Cluster;
use route_configs::RouteConfig;

/// Whether a document of a YAML text is a dump, or a route configuration of one.
pub(super) fn is_yaml(node: &Node<'_>) -> bool {
    let marks = ["configs", "virtualHosts", "virtual_hosts"];
    let list = |key: &str| {
        let value = node.get(key).map(|node| &node.value);
        matches!(value, Some(Value::List(_)))
    };
    match &node.value {
        Value::List(items) => items.first().is_some_and(is_yaml),
        _ => node.get("kind").is_none() && marks.iter().any(|mark| list(mark)),
    }
}

/// What the dumps of a run hold together.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// The route configurations in the order of the texts.
    route_configs: Vec<RouteConfig>,
    /// The clusters by name; empty where no text lists them.
    clusters: BTreeMap<String, Cluster>,
    /// The endpoints of clusters that are told them apart, by the name under which they ask.
    endpoints: BTreeMap<String, Vec<clusters::Locality>>,
    /// The filters that bind a session to an endpoint, by the route configuration behind them.
    sessions: BTreeMap<String, endpoint_pick::ClusterPick>,
    /// How many texts were dumps.
    texts: usize,
}

impl Dump {
    /// Whether no text was a dump.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts == 0
    }

    /// How many texts were dumps.
    #[must_use]
    pub fn texts(&self) -> usize {
        self.texts
    }

    /// Whether there are routes of requests that leave the proxy.
    #[must_use]
    pub fn has_routes(&self) -> bool {
        self.route_configs.iter().any(|config| !config.is_inbound())
    }
}
