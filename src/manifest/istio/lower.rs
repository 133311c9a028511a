//! From virtual services to the routes that one proxy has: which apply, in which order, with which conditions.

use std::collections::HashMap;
use std::sync::Arc;

use super::attach;
use super::gateway::{Gateway, Server};
use super::index::Index;
use super::outcome::everything_to;
use super::virtual_service::VirtualService;
use crate::diag::Span;
use crate::manifest::Manifests;
use crate::manifest::kube::Carries;
use crate::route::{
    Caveat, Condition, Elsewhere, Only, Origin, Route, RouteTable, Test, TextMatch, Vantage,
    VirtualHost,
};

/// The routes that apply from a vantage.
pub(in crate::manifest) fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    let compiler = Compiler {
        index: Index::new(manifests),
        vantage,
    };
    match &vantage.origin {
        Origin::Mesh { namespace, .. } => compiler.mesh(namespace.as_deref()),
        Origin::Gateway { namespace, name } => compiler.gateway(namespace, name),
    }
}

/// What routes are compiled from.
pub(super) struct Compiler<'m> {
    pub(super) index: Index<'m>,
    pub(super) vantage: &'m Vantage,
}

impl Compiler<'_> {
    /// "Two VS, same host on mesh: NO MERGE. First in the order owns the vhost."
    fn mesh(&self, client: Option<&str>) -> RouteTable {
        let mut table = RouteTable {
            port: self.vantage.port,
            completes: client.map(|client| format!("{client}.svc.cluster.local")),
            ..RouteTable::default()
        };
        let mut owners: HashMap<String, usize> = HashMap::new();
        for service in self.seen(client, "mesh", &mut table) {
            let client = client.unwrap_or(&service.meta.namespace);
            let routes = self.routes(service, client, "mesh");
            for host in &service.hosts {
                let full = attach::full_name(&host.value, &service.meta.namespace);
                if let Some(owner) = owners.get(&full) {
                    let owner = &mut table.hosts[*owner];
                    if owner.objects == [service.object()] {
                        continue;
                    }
                    owner.caveats.push(Caveat::new(
                        "two-owners",
                        format!(
                            "{} declares the host `{full}` too, and in the mesh only one VirtualService owns a host: \
                             taken to be {}, {}; merge them",
                            service.object(),
                            owner.objects.join(" and "),
                            match service.meta.created {
                                Some(_) => "the older one",
                                None => "the first by name, though a cluster takes the older one",
                            },
                        ),
                        Some(host.span),
                    ));
                    continue;
                }
                let mut virtual_host = Self::virtual_host(
                    service,
                    &host.value,
                    host.span,
                    attach::domains(&full, client),
                );
                self.unread(client, &mut virtual_host.caveats);
                if let Some(connections) = self.connections(service, &full, client) {
                    virtual_host.routes = connections;
                } else {
                    virtual_host.routes.clone_from(&routes);
                    self.protocol(&full, &mut virtual_host.caveats);
                    virtual_host.caveats.push(sealed(host.span));
                }
                if none_left(&virtual_host.routes) {
                    if full.contains('*') {
                        continue;
                    }
                    virtual_host.unjudged = (service.opaque.as_ref())
                        .map(|opaque| self.unjudged(service, opaque, &full));
                    virtual_host.routes.push(self.default_route(service, &full));
                }
                owners.insert(full, table.hosts.len());
                table.hosts.push(virtual_host);
            }
        }
        table
    }

    /// "Several VS with the same host on one gateway ARE MERGED: routes appended in order, then catch-all routes moved
    /// to the end (stable)."
    fn gateway(&self, namespace: &str, name: &str) -> RouteTable {
        let place = format!("{namespace}/{name}");
        let object = self.index.gateway(namespace, name);
        // A route that names no port leads to the port of its own service, never to the one the gateway listens on.
        let mut table = RouteTable::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        for service in self.seen(Some(namespace), &place, &mut table) {
            let routes = self.up_to_a_catch_all(service, namespace, &place);
            for host in &service.hosts {
                let full = attach::full_name(&host.value, &service.meta.namespace);
                let taken = self.taken(object, &full, &service.meta.namespace);
                if taken.is_empty() {
                    let why = format!("has hosts that Gateway {place} does not take");
                    table.elsewhere.push(elsewhere(service, why, None));
                }
                for (domain, https_only) in taken {
                    let hosts = &mut table.hosts;
                    let at = *places.entry(domain.clone()).or_insert_with(|| {
                        let name = if domain == full { &host.value } else { &domain };
                        let name = name.clone();
                        let mut new = Self::virtual_host(service, &name, host.span, vec![domain]);
                        new.https_only = https_only;
                        if object.is_none() {
                            new.caveats.push(not_given(&place));
                        }
                        hosts.push(new);
                        hosts.len() - 1
                    });
                    let known = &mut hosts[at];
                    if known.objects.last() != Some(&service.object()) {
                        known.objects.push(service.object());
                    }
                    known.routes.extend_from_slice(&routes);
                    known.unjudged = match &service.opaque {
                        Some(opaque) if none_left(&known.routes) => {
                            Some(self.unjudged(service, opaque, &full))
                        }
                        _ => known.unjudged.take().filter(|_| none_left(&known.routes)),
                    };
                }
            }
        }
        for host in &mut table.hosts {
            host.routes
                .sort_by_key(|route| catches_all(&route.conditions));
        }
        table
    }

    /// The routes of a VirtualService at a gateway: what follows a route that takes everything is not generated.
    fn up_to_a_catch_all(&self, service: &VirtualService, client: &str, place: &str) -> Vec<Route> {
        let mut routes = self.routes(service, client, place);
        let end = routes
            .iter()
            .position(|route| catches_all(&route.conditions));
        routes.truncate(end.map_or(routes.len(), |end| end + 1));
        routes
    }

    /// The virtual services with hosts that are bound to a place, in order; the others are noted.
    fn seen(
        &self,
        client: Option<&str>,
        place: &str,
        table: &mut RouteTable,
    ) -> Vec<&VirtualService> {
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
                table.elsewhere.push(elsewhere(hidden, why, None));
            }
        }
        let (bound, unbound): (Vec<_>, Vec<_>) = visible
            .into_iter()
            .filter(with_hosts)
            .partition(|service| bindings(service).iter().any(|b| b == place));
        for service in unbound {
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
                Some(gateway) => format!("judge the request from there with `--gateway {gateway}`"),
                None => "judge the request from the mesh: leave out `--gateway`".to_owned(),
            };
            table.elsewhere.push(elsewhere(service, why, Some(help)));
        }
        bound
    }

    fn virtual_host(
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

    /// What the servers of a gateway make of a host: the narrower of both names, and whether HTTP is redirected.
    fn taken(&self, gateway: Option<&Gateway>, host: &str, home: &str) -> Vec<(String, bool)> {
        let Some(gateway) = gateway else {
            return vec![(host.to_owned(), false)];
        };
        let port = self.vantage.port;
        let dialled =
            |server: &Server| port.is_some() && server.port.as_ref().map(|p| p.value) == port;
        let any = gateway.servers.iter().any(dialled);
        let mut taken: Vec<(String, bool)> = Vec::new();
        for server in gateway
            .servers
            .iter()
            .filter(|server| !any || dialled(server))
        {
            for name in &server.hosts {
                let Some(narrower) = narrower(&name.value, host, home, &gateway.meta.namespace)
                else {
                    continue;
                };
                match taken.iter_mut().find(|(known, _)| *known == narrower) {
                    Some((_, redirects)) => *redirects &= server.https_redirect,
                    None => taken.push((narrower, server.https_redirect)),
                }
            }
        }
        taken
    }

    /// Objects that may change what this client's proxy does, and that are not understood: the first few of them.
    pub(super) fn unread(&self, client: &str, caveats: &mut Vec<Caveat>) {
        const MOST: usize = 5;
        let mut objects = self.index.unread(client);
        for object in objects.by_ref().take(MOST) {
            let what = match object.kind.as_str() {
                "Sidecar" => "may hide hosts and rules from this client",
                _ => "may change the routes of this client",
            };
            let message = format!(
                "{} {}/{} {what}, and is not judged",
                object.kind, object.namespace, object.name
            );
            caveats.push(Caveat::new("not-judged", message, Some(object.span)));
        }
        let more = objects.count();
        if more > 0 {
            let message = format!("{more} more of Sidecar and EnvoyFilter are not judged");
            caveats.push(Caveat::new("not-judged", message, None));
        }
    }

    /// A port that is no HTTP port makes the HTTP routes of its service dead letters.
    pub(super) fn protocol(&self, host: &str, caveats: &mut Vec<Caveat>) {
        let Some(service) = self.index.service(host) else {
            return;
        };
        if let Some(none) = service.cluster_ip.as_ref().filter(|ip| ip.value == "None") {
            let message = format!(
                "{} is headless: the client's DNS answer picks the pod, and weights of subsets take no effect",
                service.meta
            );
            caveats.push(Caveat::new("headless", message, Some(none.span)));
        }
        let Some((_, port)) = self.dialled(host) else {
            return;
        };
        let number = port.port.value;
        let span = port
            .name
            .as_ref()
            .or(port.app_protocol.as_ref())
            .map_or(port.port.span, |name| name.span);
        let (id, message) = match port.carries() {
            Carries::Http => return,
            Carries::Other(why) => (
                "not-http",
                format!(
                    "port {number} of {} carries {why}, so that its HTTP routes take no effect: connections are spread over all pods",
                    service.meta
                ),
            ),
            Carries::Undetermined => {
                let (named, better) = match &port.name {
                    Some(name) => (
                        format!("is named `{}`, which names no protocol", name.value),
                        format!("http-{}", name.value),
                    ),
                    None => (
                        "has no name that names its protocol".to_owned(),
                        "http".to_owned(),
                    ),
                };
                let message = format!(
                    "port {number} of Service {} {named}: proxies of Istio before 1.3 treat it as TCP and apply no route rule; \
                     name it {better}",
                    service.meta.name
                );
                ("unnamed-port", message)
            }
        };
        caveats.push(Caveat::new(id, message, Some(span)));
    }

    /// "If the VS yields zero routes for this client, the VS is skipped and the service gets its default route."
    pub(super) fn default_route(&self, service: &VirtualService, host: &str) -> Route {
        Route {
            object: service.object(),
            rule: "default route of the service".to_owned(),
            alternative: None,
            name: None,
            span: service.meta.span,
            conditions: Vec::new(),
            outcome: Arc::new(everything_to(&self.index, host)),
        }
    }
}

/// The gateways a VirtualService is bound to; no `gateways` is the same as the word `mesh` alone.
fn bindings(service: &VirtualService) -> Vec<String> {
    if service.gateways.is_empty() {
        return vec!["mesh".to_owned()];
    }
    service
        .gateways
        .iter()
        .map(|gateway| attach::gateway_name(&gateway.value, &service.meta.namespace))
        .collect()
}

fn elsewhere(service: &VirtualService, why: String, help: Option<String>) -> Elsewhere {
    let home = &service.meta.namespace;
    let domains = service
        .hosts
        .iter()
        .flat_map(|host| attach::domains(&attach::full_name(&host.value, home), home));
    Elsewhere {
        object: service.object(),
        hosts: service
            .hosts
            .iter()
            .map(|host| host.value.clone())
            .collect(),
        domains: domains.collect(),
        why,
        help,
    }
}

/// The narrower of a gateway's host (`ns/*.example.com`) and that of a rule in namespace `home`, if they meet.
fn narrower(name: &str, host: &str, home: &str, own: &str) -> Option<String> {
    let (namespace, name) = name.split_once('/').unwrap_or(("*", name));
    let from = match namespace {
        "." => home == own,
        "*" => true,
        other => home == other,
    };
    let name = name.to_lowercase();
    if !from {
        None
    } else if attach::covers(&name, host) {
        Some(host.to_owned())
    } else {
        attach::covers(host, &name).then_some(name)
    }
}

/// A sidecar sees only the outside of HTTPS.
pub(super) fn sealed(span: Span) -> Caveat {
    let message = "a client in the mesh that sends HTTPS by itself hides its requests from the sidecar: HTTP routes take no effect";
    Caveat::new("https-in-mesh", message, Some(span)).only(Only::Scheme("https"))
}

fn not_given(place: &str) -> Caveat {
    let message =
        format!("Gateway {place} is not in these manifests, so that its own hosts are not checked");
    Caveat::new("gateway-not-given", message, None)
}

/// Whether no route can match from this vantage.
fn none_left(routes: &[Route]) -> bool {
    routes.iter().all(|route| excluded(&route.conditions))
}

/// Whether a route can never match from this vantage.
fn excluded(conditions: &[Condition]) -> bool {
    conditions
        .iter()
        .any(|condition| matches!(condition.test, Test::Fixed(false)))
}

/// "catch-all := no headers/query/metadata matchers and path prefix "/" or regex ".*"."
fn catches_all(conditions: &[Condition]) -> bool {
    conditions.iter().all(|condition| match &condition.test {
        Test::Fixed(held) => *held,
        Test::Path(TextMatch::Prefix { text, .. }) => text == "/",
        Test::Path(TextMatch::Regex(regex)) => regex.as_str() == "^(?:.*)$",
        Test::Path(TextMatch::Present) => true,
        _ => false,
    })
}
