//! From virtual services to the routes that one proxy has: which apply, in which order, with which conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attach;
use super::gateway::{Gateway, Server};
use super::http_match::HttpMatch;
use super::outcome::{everything_to, outcome};
use super::virtual_service::{HttpAction, HttpRoute, VirtualService};
use crate::diag::Span;
use crate::manifest::Manifests;
use crate::route::{
    Caveat, Condition, Elsewhere, From, Outcome, Route, RouteTable, Test, TextMatch, Vantage,
    VirtualHost,
};

/// The routes that apply from a vantage.
pub(in crate::manifest) fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    let compiler = Compiler { manifests, vantage };
    match &vantage.from {
        From::Mesh { namespace, .. } => compiler.mesh(namespace.as_deref()),
        From::Gateway { namespace, name } => compiler.gateway(namespace, name),
    }
}

struct Compiler<'m> {
    manifests: &'m Manifests,
    vantage: &'m Vantage,
}

impl Compiler<'_> {
    /// "Two VS, same host on mesh: NO MERGE. First in the order owns the vhost."
    fn mesh(&self, client: Option<&str>) -> RouteTable {
        let mut table = RouteTable {
            port: self.vantage.port,
            ..RouteTable::default()
        };
        for service in self.seen(client, "mesh", &mut table) {
            let client = client.unwrap_or(&service.meta.namespace);
            for host in &service.hosts {
                let full = attach::full_name(&host.value, &service.meta.namespace);
                if let Some(owner) = table
                    .hosts
                    .iter_mut()
                    .find(|known| known.domains[0] == full)
                {
                    owner.caveats.push(Caveat::new(
                        "two-owners",
                        format!(
                            "{} declares the host `{full}` too and is ignored: in the mesh one VirtualService owns a \
                             host, here {}; merge them",
                            service.object(),
                            owner.objects.join(" and "),
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
                virtual_host.routes =
                    self.routes(service, client, "mesh", &mut virtual_host.caveats);
                if virtual_host
                    .routes
                    .iter()
                    .all(|route| excluded(&route.conditions))
                {
                    virtual_host.routes.push(self.default_route(service, &full));
                }
                table.hosts.push(virtual_host);
            }
        }
        table
    }

    /// "Several VS with the same host on one gateway ARE MERGED: routes appended in order, then catch-all routes moved
    /// to the end (stable)."
    fn gateway(&self, namespace: &str, name: &str) -> RouteTable {
        let place = format!("{namespace}/{name}");
        let object = self
            .manifests
            .gateways
            .iter()
            .find(|g| g.meta.namespace == namespace && g.meta.name == name);
        let mut table = RouteTable {
            port: self.vantage.port,
            ..RouteTable::default()
        };
        for service in self.seen(Some(namespace), &place, &mut table) {
            for host in &service.hosts {
                let full = attach::full_name(&host.value, &service.meta.namespace);
                let Some((domain, https_only)) = self.taken(object, &full, &service.meta.namespace)
                else {
                    let why = format!("has hosts that Gateway {place} does not take");
                    table.elsewhere.push(elsewhere(service, why, None));
                    continue;
                };
                let at = table.hosts.iter().position(|known| known.domains[0] == domain).unwrap_or_else(|| {
                    let mut new = Self::virtual_host(service, &host.value, host.span, vec![domain]);
                    new.https_only = https_only;
                    if object.is_none() {
                        let message = format!("Gateway {place} is not in these manifests, so that its own hosts are not checked");
                        new.caveats.push(Caveat::new("gateway-not-given", message, None));
                    }
                    table.hosts.push(new);
                    table.hosts.len() - 1
                });
                let known = &mut table.hosts[at];
                if !known.objects.contains(&service.object()) {
                    known.objects.push(service.object());
                }
                let mut routes = self.routes(service, namespace, &place, &mut known.caveats);
                let end = routes
                    .iter()
                    .position(|route| catches_all(&route.conditions));
                routes.truncate(end.map_or(routes.len(), |end| end + 1));
                known.routes.extend(routes);
            }
        }
        for host in &mut table.hosts {
            host.routes
                .sort_by_key(|route| catches_all(&route.conditions));
        }
        table
    }

    /// The virtual services with hosts that are bound to a place, in order; the others are noted.
    fn seen(
        &self,
        client: Option<&str>,
        place: &str,
        table: &mut RouteTable,
    ) -> Vec<&VirtualService> {
        let visible = attach::in_order(self.manifests, client);
        for hidden in self
            .manifests
            .virtual_services
            .iter()
            .filter(|one| !one.hosts.is_empty())
        {
            if !visible.iter().any(|seen| std::ptr::eq(*seen, hidden)) {
                let why = format!(
                    "is not exported to namespace {}",
                    client.unwrap_or("of the client")
                );
                table.elsewhere.push(elsewhere(hidden, why, None));
            }
        }
        let with_hosts = visible
            .into_iter()
            .filter(|service| !service.hosts.is_empty());
        let (bound, unbound): (Vec<_>, Vec<_>) =
            with_hosts.partition(|service| bindings(service).iter().any(|b| b == place));
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
            let option = bindings
                .iter()
                .find(|b| *b != "mesh")
                .filter(|_| place == "mesh")
                .map(|b| format!("--gateway {b}"));
            table.elsewhere.push(elsewhere(service, why, option));
        }
        bound
    }

    fn virtual_host(
        service: &VirtualService,
        name: &str,
        span: Span,
        domains: Vec<String>,
    ) -> VirtualHost {
        let mut caveats = Vec::new();
        if let Some(opaque) = &service.opaque {
            let message = format!(
                "`{}` routes of {} are not judged: they split connections, on ports that are not HTTP",
                opaque.value,
                service.object()
            );
            caveats.push(Caveat::new("opaque-routes", message, Some(opaque.span)));
        }
        VirtualHost {
            name: name.to_owned(),
            domains,
            objects: vec![service.object()],
            span,
            https_only: false,
            routes: Vec::new(),
            caveats,
        }
    }

    /// What the servers of a gateway make of a host: the narrower of both names, and whether HTTP is redirected.
    fn taken(&self, gateway: Option<&Gateway>, host: &str, home: &str) -> Option<(String, bool)> {
        let Some(gateway) = gateway else {
            return Some((host.to_owned(), false));
        };
        let dialled =
            |server: &&Server| server.port.as_ref().map(|port| port.value) == self.vantage.port;
        let any = gateway
            .servers
            .iter()
            .any(|server| self.vantage.port.is_some() && dialled(&server));
        let servers = gateway
            .servers
            .iter()
            .filter(|server| !any || dialled(server));
        let own = gateway.meta.namespace.as_str();
        let mut taken: Option<(String, bool)> = None;
        for server in servers {
            for name in &server.hosts {
                let (namespace, name) = name.value.split_once('/').unwrap_or(("*", &name.value));
                let from = match namespace {
                    "." => home == own,
                    "*" => true,
                    other => home == other,
                };
                let name = name.to_lowercase();
                let narrower = if attach::covers(&name, host) {
                    host.to_owned()
                } else if attach::covers(host, &name) {
                    name
                } else {
                    continue;
                };
                if from {
                    let redirects = server.https_redirect
                        && taken.as_ref().is_none_or(|(_, redirects)| *redirects);
                    taken = Some((taken.map_or(narrower, |(known, _)| known), redirects));
                }
            }
        }
        taken
    }

    fn routes(
        &self,
        service: &VirtualService,
        client: &str,
        place: &str,
        caveats: &mut Vec<Caveat>,
    ) -> Vec<Route> {
        let mut routes = Vec::new();
        for (index, http) in service.http.iter().enumerate() {
            if let HttpAction::Delegate { name, namespace } = &http.action {
                let home = namespace
                    .as_ref()
                    .map_or(&service.meta.namespace, |namespace| &namespace.value);
                match self.delegate(&name.value, home, &service.meta.namespace) {
                    Some(leaf) => self.delegated(service, http, leaf, client, place, &mut routes),
                    None => caveats.push(Caveat::new(
                        "delegate-not-found",
                        format!("VirtualService {home}/{} is not in these manifests, or is no delegate: Istio drops this route", name.value),
                        Some(name.span),
                    )),
                }
                continue;
            }
            let Some(outcome) = outcome(self.manifests, http, &service.meta.namespace, client)
            else {
                continue;
            };
            let sets = self.alternatives(http, service, client, place);
            push(&mut routes, service, index, http, sets, &Arc::new(outcome));
        }
        routes
    }

    /// A delegate is a VirtualService without hosts that is exported to the one that refers to it.
    fn delegate(&self, name: &str, home: &str, root: &str) -> Option<&VirtualService> {
        let found = self
            .manifests
            .virtual_services
            .iter()
            .find(|one| one.meta.name == name && one.meta.namespace == home)?;
        (found.hosts.is_empty() && attach::visibility(&found.export_to, home, root).is_some())
            .then_some(found)
    }

    /// The routes of a delegate, each under the conditions of the route that delegates.
    fn delegated(
        &self,
        root: &VirtualService,
        from: &HttpRoute,
        leaf: &VirtualService,
        client: &str,
        place: &str,
        routes: &mut Vec<Route>,
    ) {
        let outer = self.alternatives(from, root, client, place);
        for (index, http) in leaf.http.iter().enumerate() {
            let Some(mut outcome) = outcome(self.manifests, http, &leaf.meta.namespace, client)
            else {
                continue;
            };
            if outcome.abort.is_none() {
                let fault = HttpRoute {
                    action: HttpAction::Direct(200),
                    ..from.clone()
                };
                outcome.abort =
                    super::outcome::outcome(self.manifests, &fault, &root.meta.namespace, client)
                        .and_then(|o| o.abort);
            }
            let inner = self.alternatives(http, leaf, client, place);
            let sets = outer
                .iter()
                .flat_map(|outer| {
                    inner
                        .iter()
                        .map(move |inner| [&outer[..], &inner[..]].concat())
                })
                .collect();
            push(routes, leaf, index, http, sets, &Arc::new(outcome));
        }
    }

    /// The conditions of each alternative; one empty list for a route that always matches.
    fn alternatives(
        &self,
        http: &HttpRoute,
        service: &VirtualService,
        client: &str,
        place: &str,
    ) -> Vec<Vec<Condition>> {
        if http.matches.is_empty() {
            return vec![Vec::new()];
        }
        http.matches
            .iter()
            .map(|one| self.conditions(one, service, client, place))
            .collect()
    }

    /// "gateways: if set, any must equal the vantage AND THEN sourceLabels/sourceNamespace ARE NOT CHECKED."
    fn conditions(
        &self,
        one: &HttpMatch,
        service: &VirtualService,
        client: &str,
        place: &str,
    ) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut add = |field: &str, span: Span, test: Test| {
            conditions.push(Condition {
                field: field.to_owned(),
                span,
                test,
            });
        };
        if let Some(port) = &one.port {
            let test = match self.vantage.port {
                Some(dialled) => Test::Fixed(dialled == port.value),
                None => Test::Assumed(Caveat::new(
                    "unknown-port",
                    format!(
                        "the port of the service is not known from here; taken to be {}",
                        port.value
                    ),
                    Some(port.span),
                )),
            };
            add("port", port.span, test);
        }
        if let Some(first) = one.gateways.first() {
            let home = &service.meta.namespace;
            let bound = one
                .gateways
                .iter()
                .any(|gateway| attach::gateway_name(&gateway.value, home) == place);
            add("gateways", first.span, Test::Fixed(bound));
        } else {
            if let Some(labels) = &one.source_labels {
                add(
                    "sourceLabels",
                    labels.span,
                    self.source_labels(&labels.value, labels.span),
                );
            }
            if let Some(namespace) = &one.source_namespace {
                add(
                    "sourceNamespace",
                    namespace.span,
                    Test::Fixed(namespace.value == client),
                );
            }
        }
        conditions.extend(one.conditions.iter().cloned());
        conditions
    }

    fn source_labels(&self, wanted: &BTreeMap<String, String>, span: Span) -> Test {
        if let From::Mesh {
            labels: Some(labels),
            ..
        } = &self.vantage.from
        {
            return Test::Fixed(
                wanted
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value)),
            );
        }
        let pairs: Vec<String> = wanted
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        Test::Unknowable(Caveat::new(
            "unknown-source-labels",
            format!(
                "the labels of the client are not known, taken not to match; --from-labels {} gives them",
                pairs.join(",")
            ),
            Some(span),
        ))
    }

    /// "If the VS yields zero routes for this client, the VS is skipped and the service gets its default route."
    fn default_route(&self, service: &VirtualService, host: &str) -> Route {
        Route {
            object: service.object(),
            rule: "default route of the service".to_owned(),
            alternative: None,
            name: None,
            span: service.meta.span,
            conditions: Vec::new(),
            outcome: Arc::new(everything_to(self.manifests, host)),
        }
    }
}

fn push(
    routes: &mut Vec<Route>,
    service: &VirtualService,
    index: usize,
    http: &HttpRoute,
    sets: Vec<Vec<Condition>>,
    outcome: &Arc<Outcome>,
) {
    let several = sets.len() > 1;
    for (number, conditions) in sets.into_iter().enumerate() {
        routes.push(Route {
            object: service.object(),
            rule: format!("http[{index}]"),
            alternative: several.then(|| format!("match[{number}]")),
            name: http.name.as_ref().map(|name| name.value.clone()),
            span: http.span,
            conditions,
            outcome: Arc::clone(outcome),
        });
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

fn elsewhere(service: &VirtualService, why: String, option: Option<String>) -> Elsewhere {
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
        option,
    }
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
