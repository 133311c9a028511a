//! The routes of a client's sidecar: one owner for each host. Not: waypoints and gateways, which merge.

use std::collections::HashMap;

use super::attach;
use super::doubts::meant;
use super::lower::{Caller, Compiler, elsewhere, none_left, sealed};
use super::scope::Scope;
use super::virtual_service::VirtualService;
use crate::diag::{Code, Span};
use crate::manifest::kube::Carries;
use crate::manifest::mesh::registered::Registered;
use crate::route::{AppliesTo, Caveat, Route, RouteTable, VirtualHost};

/// The only port on which a sidecar routes a host that is in no registry.
const ANY_HOST_PORT: u16 = 80;

/// A host of a VirtualService with what it routes there.
struct Claim<'a> {
    service: &'a VirtualService,
    // As written.
    name: &'a str,
    span: Span,
    routes: &'a [Route],
}

impl<'m> Compiler<'m> {
    /// "Two VS, same host on mesh: NO MERGE. First in the order owns the vhost."
    pub(super) fn mesh(&self, client: Option<&str>) -> RouteTable {
        let mut table = RouteTable {
            port: self.vantage.port,
            completes: client.map(|client| format!("{client}.svc.cluster.local")),
            ..RouteTable::default()
        };
        let mut owners: HashMap<String, usize> = HashMap::new();
        let mut scopes: HashMap<&str, Scope<'m>> = HashMap::new();
        let mut wild: HashMap<String, (&VirtualService, Span, Vec<Route>)> = HashMap::new();
        for service in self.seen(client, "mesh", &mut table) {
            let caller = self.caller(client.unwrap_or(&service.meta.namespace), "mesh");
            let scope = scopes
                .entry(client.unwrap_or(&service.meta.namespace))
                .or_insert_with(|| Scope::of(&self.index, caller));
            if !scope.imports(service) {
                table.elsewhere.push(elsewhere(
                    service,
                    Code::HiddenRule,
                    &scope.why(),
                    scope.help(service),
                ));
                continue;
            }
            let routes = self.routes(service, caller);
            for host in &service.hosts {
                let full = attach::full_name(&host.value, &service.meta.namespace);
                if let Some(owner) = owners.get(&full) {
                    let owner = &mut table.hosts[*owner];
                    if owner.objects != [service.object()] {
                        owner
                            .caveats
                            .push(two_owners(service, &full, owner, host.span));
                    }
                    continue;
                }
                if let Some(suffix) = full.strip_prefix('*') {
                    let claim = (service, host.span, routes.clone());
                    wild.entry(suffix.to_owned()).or_insert(claim);
                }
                let claim = Claim {
                    service,
                    name: &host.value,
                    span: host.span,
                    routes: &routes,
                };
                if let Some(host) = self.sidecar_host(&claim, &full, caller, scope) {
                    owners.insert(full, table.hosts.len());
                    table.hosts.push(host);
                }
            }
        }
        if !wild.is_empty() {
            self.under_wildcards(client, &wild, &owners, &scopes, &mut table);
        }
        self.by_address(client, &mut table);
        table
    }

    /// "Wildcard VS attaches to a service only if it is the winner for it": services that no rule names.
    fn under_wildcards(
        &self,
        client: Option<&str>,
        wild: &HashMap<String, (&VirtualService, Span, Vec<Route>)>,
        owners: &HashMap<String, usize>,
        scopes: &HashMap<&str, Scope<'m>>,
        table: &mut RouteTable,
    ) {
        for full in self.index.registry.hosts() {
            if owners.contains_key(&full) {
                continue;
            }
            // "Wildcards: most specific = longest string."
            let mut suffixes = (1..full.len()).filter_map(|start| full.get(start..));
            let Some((service, span, routes)) = suffixes.find_map(|suffix| wild.get(suffix)) else {
                continue;
            };
            let namespace = client.unwrap_or(&service.meta.namespace);
            let caller = self.caller(namespace, "mesh");
            let Some(scope) = scopes.get(namespace) else {
                continue;
            };
            let known = self.index.registry.registered(&full, namespace);
            if known.is_none_or(|known| !scope.sees(&known.meta().namespace, &full)) {
                continue;
            }
            let claim = Claim {
                service,
                name: &full,
                span: *span,
                routes,
            };
            table
                .hosts
                .extend(self.sidecar_host(&claim, &full, caller, scope));
        }
    }

    /// One host with its routes; none where a wildcard has no routes left.
    fn sidecar_host(
        &self,
        claim: &Claim<'_>,
        full: &str,
        caller: Caller<'_>,
        scope: &Scope<'_>,
    ) -> Option<VirtualHost> {
        let service = claim.service;
        let known = self.index.registry.registered(full, caller.namespace);
        let alias = self.index.registry.behind(full);
        let known = known.filter(|one| alias.is_none() && scope.sees(&one.meta().namespace, full));
        let domains = self.domains(full, caller.namespace, known);
        let mut host = Self::virtual_host(service, claim.name, claim.span, domains);
        host.caveats.extend_from_slice(&scope.caveats);
        self.unread(caller.namespace, &mut host.caveats);
        if known.is_none() {
            host.caveats
                .extend(self.unregistered(full, claim.span, alias.as_ref()));
        }
        let port = known.and_then(|one| one.dialled(self.vantage.port));
        let carries = port.as_ref().map(|port| self.carries(port));
        if let Some(routes) = self.connections(service, full, carries.as_ref(), caller) {
            host.routes = routes;
            return Some(host);
        }
        // Where nobody says what the port carries, a handshake is taken to be routed as one.
        if carries.is_none() {
            host.routes = self.handshakes(service, caller);
        }
        let sealed_off = host.routes.is_empty();
        host.routes.extend_from_slice(claim.routes);
        if let (Some(one), Some(port)) = (known, &port) {
            self.protocol(one, port, &mut host.caveats);
        }
        if sealed_off {
            host.caveats.push(sealed(claim.span));
        } else if service.http.is_empty() {
            host.caveats.push(handshakes_only(service, claim.span));
        }
        if none_left(&host.routes) || (service.http.is_empty() && !sealed_off) {
            if full.contains('*') && none_left(&host.routes) {
                return None;
            }
            host.unjudged = (service.opaque.as_ref())
                .filter(|_| none_left(&host.routes) && service.http.is_empty())
                .map(|opaque| Self::unjudged(service, opaque, full, known, port.as_ref()));
            host.routes.push(self.default_route(service, full, caller));
        }
        Some(host)
    }

    /// The names under which a client reaches a host.
    pub(super) fn domains(
        &self,
        full: &str,
        client: &str,
        known: Option<Registered<'_>>,
    ) -> Vec<String> {
        let mut domains = attach::domains(full, client);
        for alias in self.index.registry.aliases(full) {
            domains.extend(attach::domains(&alias, client));
        }
        if let Some(known) = known {
            // "Headless k8s adds "*."+each."
            if matches!(known, Registered::Service(_)) && known.picked_by_client().is_some() {
                let deeper: Vec<String> = domains.iter().map(|name| format!("*.{name}")).collect();
                domains.extend(deeper);
            }
            domains.extend(known.addresses().into_iter().map(str::to_owned));
        }
        domains
    }

    /// "VS host that is no registry service: only gets a vhost on port 80."
    fn unregistered(
        &self,
        full: &str,
        span: Span,
        alias: Option<&(String, &crate::manifest::kube::Service)>,
    ) -> Option<Caveat> {
        if !self.index.registry.has_registry() || full.contains('*') {
            return None;
        }
        let only = "is routed on port 80 only";
        if self.vantage.port.is_none_or(|port| port == ANY_HOST_PORT)
            && meant(&self.index, full).is_none()
        {
            return None;
        }
        let (id, message, help) = match (alias, meant(&self.index, full)) {
            (Some((target, service)), _) => (
                Code::UnknownHost,
                format!(
                    "{} stands for `{target}`, whose routes its requests take: a rule for `{full}` {only}",
                    service.meta
                ),
                format!("name `{target}` under `hosts`"),
            ),
            (None, Some(meant)) => (
                Code::ShortDottedHost,
                format!("`{full}` is taken as it is and names no service: such a host {only}"),
                format!("write `{meant}`, or the name without dots"),
            ),
            (None, None) => (
                Code::UnknownHost,
                format!(
                    "no Service or ServiceEntry that this client sees has the host `{full}`: such a host {only}"
                ),
                "pass the file of its Service or ServiceEntry too, or correct the host".to_owned(),
            ),
        };
        Some(Caveat::about(id, message, Some(span)).help(help))
    }

    /// "Auto-detected service with a VIP: Host header is not consulted, only the destination IP:port."
    fn by_address(&self, client: Option<&str>, table: &mut RouteTable) {
        for full in self.index.registry.hosts() {
            let home = attach::service_of(&full).map_or("default", |(_, home)| home);
            let client = client.unwrap_or(home);
            let Some(known) = self.index.registry.registered(&full, client) else {
                continue;
            };
            let port = known.dialled(self.vantage.port);
            let sniffed = port.is_some_and(|port| self.carries(&port) == Carries::Undetermined);
            if sniffed && known.has_address() {
                table
                    .addressed
                    .extend(self.domains(&full, client, Some(known)));
            }
        }
    }
}

fn two_owners(service: &VirtualService, full: &str, owner: &VirtualHost, span: Span) -> Caveat {
    let message = format!(
        "{} declares the host `{full}` too, and in the mesh only one VirtualService owns a host: taken to be {}, {}",
        service.object(),
        owner.objects.join(" and "),
        match service.meta.created {
            Some(_) => "the older one",
            None => "the first by name, though a cluster takes the older one",
        },
    );
    Caveat::about(Code::TwoOwners, message, Some(span)).help("merge them")
}

fn handshakes_only(service: &VirtualService, span: Span) -> Caveat {
    let message = format!(
        "{} splits `tls` only, which does not apply to requests in the clear: they take the default route",
        service.object()
    );
    Caveat::about(Code::TlsOnly, message, Some(span)).only(AppliesTo::Scheme("http"))
}
