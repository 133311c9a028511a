//! From virtual services to the routes that one proxy has: which apply from a vantage. Not: what each place makes of
//! them (`mesh`, `waypoint`, `at_gateway`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attach;
use super::index::Index;
use super::outcome::everything_to;
use crate::diag::{Code, Note, Span};
use crate::manifest::Manifests;
use crate::manifest::istio::objects::VirtualService;
use crate::route::{
    AppliesTo, Caveat, Condition, Elsewhere, Origin, Proxy, Route, RouteTable, Test, Vantage,
    VirtualHost,
};

/// The routes that apply from a vantage.
pub(in crate::manifest) fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    let compiler = Compiler {
        index: Index::new(manifests),
        vantage,
    };
    match &vantage.origin {
        Origin::Mesh {
            namespace,
            proxy: Proxy::Sidecar,
            ..
        } => compiler.mesh(namespace.as_deref()),
        Origin::Mesh {
            namespace,
            proxy: Proxy::Waypoint,
            ..
        } => compiler.waypoint(namespace.as_deref()),
        Origin::Gateway { namespace, name } => compiler.gateway(namespace, name),
    }
}

/// The name of the route that a service has without a rule.
pub(super) const DEFAULT_ROUTE: &str = "default route of the service";

/// What routes are compiled from.
pub(super) struct Compiler<'m> {
    pub(super) index: Index<'m>,
    pub(super) vantage: &'m Vantage,
}

/// Whose proxy routes, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    /// The namespace of the client, of the waypoint or of the gateway.
    pub(super) namespace: &'a str,
    /// The labels of the client's pod, where they are known.
    pub(super) labels: Option<&'a BTreeMap<String, String>>,
    /// `mesh`, or the gateway as `namespace/name`.
    pub(super) place: &'a str,
    pub(super) proxy: Kind,
    /// The port that is dialled, where it is known.
    pub(super) port: Option<u16>,
}

/// What kind of proxy routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sidecar,
    Waypoint,
    Gateway,
}

impl<'m> Compiler<'m> {
    /// A caller at this vantage, in a namespace.
    pub(super) fn caller<'a>(&'a self, namespace: &'a str, place: &'a str) -> Caller<'a> {
        let (labels, proxy) = match &self.vantage.origin {
            Origin::Mesh {
                labels,
                proxy: Proxy::Sidecar,
                ..
            } => (labels.as_ref(), Kind::Sidecar),
            Origin::Mesh { .. } => (None, Kind::Waypoint),
            Origin::Gateway { .. } => (None, Kind::Gateway),
        };
        Caller {
            namespace,
            labels,
            place,
            proxy,
            port: match &self.vantage.origin {
                Origin::Gateway { namespace, name } => self.server_port(namespace, name),
                Origin::Mesh { .. } => self.vantage.port,
            },
        }
    }

    /// The port of the server of a gateway: the one that is dialled, unless something in front of the gateway maps it.
    fn server_port(&self, namespace: &str, name: &str) -> Option<u16> {
        let dialled = self.vantage.port;
        let Some(gateway) = self.index.gateway(namespace, name) else {
            return dialled;
        };
        let servers = gateway.servers.iter();
        let mut ports: Vec<u16> = servers
            .filter_map(|server| server.port.as_ref())
            .map(|port| port.value)
            .collect();
        ports.dedup();
        match &ports[..] {
            [only] => Some(*only),
            ports => dialled.filter(|port| ports.contains(port)),
        }
    }

    /// The virtual services with hosts that are bound to one of these places, in order; the others are noted.
    pub(super) fn seen(
        &self,
        client: Option<&str>,
        places: &[&str],
        table: &mut RouteTable,
    ) -> Vec<&'m VirtualService> {
        let manifests = self.index.manifests;
        let visible = attach::in_order(manifests, client);
        let with_hosts = |one: &&VirtualService| !one.hosts.is_empty();
        for hidden in manifests.virtual_services.iter().filter(with_hosts) {
            let home = &hidden.meta.namespace;
            if attach::visibility(&hidden.export_to, home, client.unwrap_or(home)).is_none() {
                let why = format!(
                    "is not exported to namespace {}",
                    client.unwrap_or("of the client")
                );
                let help = client.map_or_else(
                    || "export it to the namespace of the client: `exportTo`".to_owned(),
                    |client| format!("export it to the namespace of the client: add `{client}` to its `exportTo`"),
                );
                table
                    .elsewhere
                    .push(elsewhere(hidden, Code::HiddenRule, &why, Some(help)));
            }
        }
        let (bound, unbound): (Vec<_>, Vec<_>) =
            visible.into_iter().filter(with_hosts).partition(|service| {
                let mut bindings = bindings(service).into_iter();
                bindings.any(|binding| places.contains(&binding.as_str()))
            });
        table
            .elsewhere
            .extend(unbound.into_iter().map(bound_elsewhere));
        bound
    }

    pub(super) fn virtual_host(
        service: &VirtualService,
        name: &str,
        span: Span,
        domains: Vec<String>,
    ) -> VirtualHost {
        VirtualHost {
            name: name.to_owned(),
            domains,
            objects: vec![service.object()],
            span,
            https_only: false,
            unjudged: None,
            routes: Vec::new(),
            caveats: Vec::new(),
        }
    }

    /// Objects that may change what this client's proxy does, and that are not understood: the first few of them.
    pub(super) fn unread(&self, client: &str, caveats: &mut Vec<Caveat>) {
        const MOST: usize = 5;
        let mut objects = self.index.unread(client);
        for object in objects.by_ref().take(MOST) {
            let message = format!(
                "{} {}/{} may change the routes of this client, and is not judged",
                object.kind, object.namespace, object.name
            );
            caveats.push(Caveat::about(Code::NotJudged, message, Some(object.span)));
        }
        let more = objects.count();
        if more > 0 {
            let message = format!("{more} more of EnvoyFilter are not judged");
            caveats.push(Caveat::about(Code::NotJudged, message, None));
        }
    }

    /// "If the VS yields zero routes for this client, the VS is skipped and the service gets its default route."
    pub(super) fn default_route(
        &self,
        service: &VirtualService,
        host: &str,
        caller: Caller<'_>,
    ) -> Route {
        Route {
            object: service.object(),
            rule: match self.index.registry.registered(host, caller.namespace) {
                None if self.index.registry.has_registry() => "connection passed through",
                _ => DEFAULT_ROUTE,
            }
            .to_owned(),
            alternative: None,
            name: None,
            span: service.meta.span,
            conditions: Vec::new(),
            outcome: Arc::new(everything_to(&self.index, host, caller)),
        }
    }
}

/// The gateways a VirtualService is bound to; no `gateways` is the same as the word `mesh` alone.
pub(super) fn bindings(service: &VirtualService) -> Vec<String> {
    if service.gateways.is_empty() {
        return vec!["mesh".to_owned()];
    }
    service
        .gateways
        .iter()
        .map(|gateway| attach::gateway_name(&gateway.value, &service.meta.namespace))
        .collect()
}

/// A rule for other places than this one.
pub(super) fn bound_elsewhere(service: &VirtualService) -> Elsewhere {
    let bindings = bindings(service);
    let named: Vec<String> = bindings
        .iter()
        .map(|b| {
            if b == "mesh" {
                "the mesh".to_owned()
            } else {
                format!("gateway {b}")
            }
        })
        .collect();
    let why = format!("is bound to {} only", named.join(" and "));
    let help = match bindings.iter().find(|binding| *binding != "mesh") {
        Some(gateway) => format!(
            "judge the request from there with `--gateway {gateway}`; to have the rule in the mesh too, add `mesh` to its `gateways`"
        ),
        None => "judge the request from the mesh: leave out `--gateway`".to_owned(),
    };
    elsewhere(service, Code::BoundElsewhere, &why, Some(help))
}

pub(super) fn elsewhere(
    service: &VirtualService,
    code: Code,
    why: &str,
    help: Option<String>,
) -> Elsewhere {
    let object = service.object();
    let home = &service.meta.namespace;
    let domains = service
        .hosts
        .iter()
        .flat_map(|host| attach::domains(&attach::full_name(&host.value, home), home));
    Elsewhere {
        note: Note {
            help,
            ..Note::new(code, format!("{object} {why}"))
        },
        object,
        hosts: service
            .hosts
            .iter()
            .map(|host| host.value.clone())
            .collect(),
        domains: domains.collect(),
    }
}

/// A proxy in the mesh sees only the outside of HTTPS.
pub(super) fn sealed(span: Span) -> Caveat {
    let message = "a client in the mesh that sends HTTPS by itself hides its requests from the sidecar: HTTP routes take no effect";
    Caveat::about(Code::HttpsInMesh, message, Some(span)).only(AppliesTo::Scheme("https"))
}

/// Whether no route can match from this vantage.
pub(super) fn none_left(routes: &[Route]) -> bool {
    routes.iter().all(|route| excluded(&route.conditions))
}

/// Whether a route can never match from this vantage.
pub(super) fn excluded(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| match &condition.test {
        Test::Fixed(held) => !held,
        Test::Unknowable(caveat) => DROPPED.contains(&caveat.code),
        _ => false,
    })
}

/// The caveats of routes that Istio does not even generate, or that are taken not to be.
const DROPPED: [Code; 5] = [
    Code::UnknownSourceLabels,
    Code::WaypointSourceLabels,
    Code::DelegateNotFound,
    Code::DelegateNotExported,
    Code::DelegateConflict,
];
