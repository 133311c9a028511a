//! From virtual services to the routes that one proxy has: which apply from a vantage.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::inactive_rules::{bound_to_others, inactive_rule};
use super::index::Index;
use super::outcome::everything_to;
use super::proxy_context::{ProxyContext, ProxyKind};
use crate::diag::{Code, Note, Span};
use crate::manifest::elsewhere::Elsewhere;
use crate::manifest::istio::objects::VirtualService;
use crate::manifest::mesh::visibility::{Visibility, visibility};
use crate::route::{
    AppliesTo, Condition, Origin, Proxy, Route, RouteList, RouteTable, Test, Vantage, VirtualHost,
};

/// The routes that apply from a vantage.
pub(in crate::manifest) fn lower(
    index: &Rc<Index<'_>>,
    vantage: &Vantage,
    elsewhere: Elsewhere,
) -> RouteTable {
    let compiler = Compiler {
        elsewhere,
        ..Compiler::new(index, vantage)
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

/// The name of the route that a host has without a rule where nothing registers it.
pub(super) const PASSED_THROUGH: &str = "connection passed through";

/// What routes are compiled from.
pub(super) struct Compiler<'m> {
    pub(super) index: Rc<Index<'m>>,
    pub(super) vantage: Vantage,
    pub(super) elsewhere: Elsewhere,
}

impl<'m> Compiler<'m> {
    pub(super) fn new(index: &Rc<Index<'m>>, vantage: &Vantage) -> Self {
        Self {
            index: Rc::clone(index),
            vantage: vantage.clone(),
            elsewhere: Elsewhere::Named,
        }
    }

    /// A caller at this vantage, in a namespace.
    pub(super) fn caller<'a>(&'a self, namespace: &'a str, place: &'a str) -> ProxyContext<'a> {
        let (labels, proxy) = match &self.vantage.origin {
            Origin::Mesh {
                labels,
                proxy: Proxy::Sidecar,
                ..
            } => (labels.as_ref(), ProxyKind::Sidecar),
            Origin::Mesh { .. } => (None, ProxyKind::Waypoint),
            Origin::Gateway { .. } => (None, ProxyKind::Gateway),
        };
        ProxyContext {
            namespace,
            labels,
            sender: match &self.vantage.origin {
                Origin::Mesh { namespace, .. } => namespace.as_deref(),
                Origin::Gateway { .. } => Some(namespace),
            },
            place,
            proxy,
            port: match &self.vantage.origin {
                Origin::Gateway { namespace, name } => self.server_port(namespace, name),
                Origin::Mesh { .. } => self.vantage.port,
            },
        }
    }

    /// The port of the server of a gateway: the one that is dialled, unless something in front of the gateway maps it.
    pub(super) fn server_port(&self, namespace: &str, name: &str) -> Option<u16> {
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
    pub(super) fn visible_services(
        &self,
        client: Option<&str>,
        places: &[&str],
        table: &mut RouteTable,
    ) -> Vec<&'m VirtualService> {
        let services = match self.elsewhere {
            Elsewhere::Named => self.index.manifests.virtual_services.iter().collect(),
            Elsewhere::LeftOut => self.index.bound(places),
        };
        let visible = in_order(&services, client);
        let with_hosts = |one: &&VirtualService| !one.hosts.is_empty();
        for hidden in services.iter().copied().filter(with_hosts) {
            let home = &hidden.meta.namespace;
            if visibility(&hidden.export_to, home, client.unwrap_or(home)).is_none() {
                let why = format!(
                    "is not exported to namespace {}",
                    client.unwrap_or("of the client")
                );
                let help = client.map_or_else(
                    || "export it to the namespace of the client: `exportTo`".to_owned(),
                    |client| format!("export it to the namespace of the client: add `{client}` to its `exportTo`"),
                );
                table.inactive_rules.push(inactive_rule(
                    hidden,
                    Code::HiddenRule,
                    &why,
                    Some(help),
                ));
            }
        }
        let places: HashSet<&str> = places.iter().copied().collect();
        let (bound, unbound): (Vec<_>, Vec<_>) =
            visible.into_iter().filter(with_hosts).partition(|service| {
                let mut bindings = service.bindings().into_iter();
                bindings.any(|binding| places.contains(binding.as_str()))
            });
        let unbound = unbound.into_iter().map(bound_to_others);
        table.inactive_rules.extend(unbound);
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
            unsupported: None,
            routes: RouteList::default(),
            caveats: Vec::new(),
        }
    }

    /// "If the VS yields zero routes for this client, the VS is skipped and the service gets its default route."
    pub(super) fn default_route(
        &self,
        service: &VirtualService,
        host: &str,
        caller: ProxyContext<'_>,
    ) -> Route {
        Route {
            object: service.object(),
            rule: match self.index.registry.registered(host, caller.namespace) {
                None if self.index.registry.has_registry() => PASSED_THROUGH,
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

/// The virtual services a client sees, in the order in which they win: private, named, public; each by age, name, namespace.
/// Without a client namespace each is seen from its own.
fn in_order<'m>(services: &[&'m VirtualService], client: Option<&str>) -> Vec<&'m VirtualService> {
    let mut seen: Vec<(Visibility, &VirtualService)> = services
        .iter()
        .copied()
        .filter_map(|service| {
            let home = service.meta.namespace.as_str();
            visibility(&service.export_to, home, client.unwrap_or(home)).map(|how| (how, service))
        })
        .collect();
    seen.sort_by_key(|(how, service)| {
        let meta = &service.meta;
        (
            if client.is_some() {
                *how
            } else {
                Visibility::Public
            },
            &meta.created,
            &meta.name,
            &meta.namespace,
        )
    });
    seen.into_iter().map(|(_, service)| service).collect()
}

/// A proxy in the mesh sees only the outside of HTTPS.
pub(super) fn https_passthrough_note(span: Span) -> Note<AppliesTo> {
    let message = "a client in the mesh that sends HTTPS by itself hides its requests from the sidecar: HTTP routes take no effect";
    Note::about(Code::HttpsInMesh, message, Some(span)).limited_to(AppliesTo::Scheme("https"))
}

/// Whether no route can match from this vantage.
pub(super) fn never_matches(routes: &[Route]) -> bool {
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
