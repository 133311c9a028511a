//! What a dump says of the route that a request takes, beside its split: which version of which configuration it is from, and
//! which clusters it leads to.

use super::Dump;
use super::raw_action::{RawMirror, RawRouteAction};
use super::route_configs::{Route, RouteConfig};
use crate::diag::Span;

/// A route of a dump.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProgrammedRoute {
    /// The name of its configuration: `5000`, `http.8080`.
    pub config: String,
    /// The version of that, as the control plane calls it; none where it is static.
    pub version: Option<String>,
    /// When the proxy took that version, RFC 3339.
    pub last_updated: Option<String>,
    /// The clusters that it leads to.
    pub clusters: Vec<String>,
    /// The clusters that get copies.
    pub mirrors: Vec<Mirror>,
}

/// A cluster that gets copies of requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// Its name.
    pub cluster: String,
    /// The part of the requests that are copied.
    pub share: f64,
}

impl Dump {
    /// The route at a place, or the configuration of the host that begins there.
    #[must_use]
    pub fn route_at(&self, span: Span) -> Option<ProgrammedRoute> {
        self.route_configs.iter().find_map(|config| {
            let mut hosts = config.virtual_hosts.iter();
            hosts.find_map(|host| {
                let route = host.routes.iter().find(|route| route.span == span);
                (route.is_some() || host.span == span).then(|| programmed(config, route))
            })
        })
    }
}

fn programmed(config: &RouteConfig, route: Option<&Route>) -> ProgrammedRoute {
    let action = route.and_then(|route| route.text.route.as_deref());
    ProgrammedRoute {
        config: config.name.clone(),
        version: config.version.info.clone().filter(|info| !info.is_empty()),
        last_updated: config.version.last_updated.clone(),
        clusters: action.map(clusters).unwrap_or_default(),
        mirrors: action.map(mirrors).unwrap_or_default(),
    }
}

fn clusters(action: &RawRouteAction) -> Vec<String> {
    let weighted = action.weighted_clusters.iter();
    let weighted = weighted.flat_map(|weighted| weighted.clusters.iter());
    let names = weighted
        .map(|one| one.name.clone())
        .chain(action.cluster.clone());
    names.filter(|name| !name.is_empty()).collect()
}

fn mirrors(action: &RawRouteAction) -> Vec<Mirror> {
    let named = |mirror: &&RawMirror| !mirror.cluster.is_empty();
    let mirrors = action.request_mirror_policies.iter().filter(named);
    let share = |mirror: &RawMirror| {
        let fraction = mirror.runtime_fraction.as_ref();
        fraction.map_or(1.0, |fraction| fraction.default_value.part())
    };
    mirrors
        .map(|mirror| Mirror {
            cluster: mirror.cluster.clone(),
            share: share(mirror),
        })
        .collect()
}
