//! The routes of a client's sidecar: one owner for each host. Not: waypoints and gateways, which merge.

use std::collections::{HashMap, HashSet};

use super::attach;
use super::dialled_port::ANY_HOST_PORT;
use super::lower::{Caller, Compiler, DEFAULT_ROUTE, elsewhere, excluded, none_left, sealed};
use super::missing_destinations::meant;
use super::sidecar_scope::Scope;
use crate::diag::{Code, Span};
use crate::manifest::istio::objects::VirtualService;
use crate::manifest::kube::Carries;
use crate::manifest::mesh::registered::Registered;
use crate::route::{AppliesTo, Caveat, Elsewhere, Route, RouteTable, VirtualHost};

/// A host of a VirtualService with what it routes there.
#[derive(Clone, Copy)]
struct Claim<'a> {
    service: &'a VirtualService,
    // As written.
    name: &'a str,
    span: Span,
    routes: &'a [Route],
    // What has the host, as far as the client sees.
    known: Option<Registered<'a>>,
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
        for service in self.seen(client, &["mesh"], &mut table) {
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
                let owner = owners.get(&full).copied();
                // A rule of which nothing is left for this client gives way to the next one.
                let idle = owner.is_some_and(|owner| {
                    let owner = &table.hosts[owner];
                    idle(owner) && owner.objects != [service.object()]
                });
                if let Some(owner) = owner.filter(|_| !idle) {
                    let owner = &mut table.hosts[owner];
                    if owner.objects != [service.object()] && !none_left(&routes) {
                        owner
                            .caveats
                            .push(two_owners(service, &full, owner, host.span));
                    }
                    continue;
                }
                if let Some(suffix) = full.strip_prefix('*') {
                    let known = wild.get(suffix);
                    if known.is_none_or(|(_, _, routes)| none_left(routes)) {
                        let claim = (service, host.span, routes.clone());
                        wild.insert(suffix.to_owned(), claim);
                    }
                }
                let claim = Claim {
                    service,
                    name: &host.value,
                    span: host.span,
                    routes: &routes,
                    known: self.seen_as(&full, caller, scope),
                };
                let here = self.on_this_port(claim, &full, caller, scope, &mut table.elsewhere);
                let Some(claim) = here else {
                    continue;
                };
                let Some(host) = self.sidecar_host(&claim, &full, caller, scope) else {
                    continue;
                };
                if let Some(owner) = owner {
                    replace(&mut table.hosts[owner], host);
                } else {
                    owners.insert(full, table.hosts.len());
                    table.hosts.push(host);
                }
            }
        }
        if !wild.is_empty() {
            self.under_wildcards(client, &wild, &owners, &scopes, &mut table);
        }
        if client.is_some() {
            first_come(&mut table.hosts);
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
            if self.off_port(&full, known, namespace).is_some() {
                continue;
            }
            let claim = Claim {
                service,
                name: &full,
                span: *span,
                routes,
                known: self.seen_as(&full, caller, scope),
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
        let known = claim.known;
        let alias = self.index.registry.behind(full);
        let domains = match known {
            // "A host that is no service": one virtual host, under its full name.
            None if self.is_unregistered(full) => vec![full.to_owned()],
            _ => self.domains(full, caller.namespace, known),
        };
        let mut host = Self::virtual_host(service, claim.name, claim.span, domains);
        host.caveats.extend_from_slice(&scope.caveats);
        self.unread(caller.namespace, &mut host.caveats);
        if known.is_none() {
            host.caveats
                .extend(self.unregistered(full, claim.span, alias.as_ref()));
        }
        let port = known.and_then(|one| one.dialled(self.vantage.port));
        let carries = match (&port, known) {
            (Some(port), _) => Some(self.carries(port)),
            // Whichever of its ports is dialled.
            (None, Some(known)) => self.all_opaque(known),
            (None, None) => None,
        };
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

    /// What a rule claims on the port that is dialled; `None` where its host has no routes there. Names under which it has
    /// none are noted.
    fn on_this_port<'a>(
        &self,
        claim: Claim<'a>,
        full: &str,
        caller: Caller<'_>,
        scope: &Scope<'_>,
        absences: &mut Vec<Elsewhere>,
    ) -> Option<Claim<'a>> {
        let (service, client) = (claim.service, caller.namespace);
        let mut known = claim.known;
        if let Some((why, help)) = self.off_port(full, known, client) {
            let literal = self.literal(known, client);
            let mut absent = elsewhere(service, Code::DistantRule, &why, help);
            absent.hosts = vec![claim.name.to_owned()];
            absent.domains = self.domains(full, client, known);
            absent.domains.retain(|name| !literal || name != full);
            absences.push(absent);
            known = None;
            if !literal {
                return None;
            }
        }
        if known.is_none() && full.starts_with('*') && self.takes_registered(full, scope, client) {
            return None;
        }
        if known.is_none() && self.is_unregistered(full) {
            absences.extend(short_names(service, full, claim.name, client));
        }
        Some(Claim { known, ..claim })
    }

    /// What the ports of a service carry, if none of them carries HTTP.
    fn all_opaque(&self, known: Registered<'_>) -> Option<Carries> {
        let ports = known.ports();
        let mut carried = ports.iter().map(|port| self.carries(port));
        let opaque = |carries: &Carries| matches!(carries, Carries::Other(_));
        carried.all(|carries| opaque(&carries)).then_some(())?;
        ports.first().map(|port| self.carries(port))
    }

    /// What is registered under a host, as far as the client sees it; what stands for another host is not.
    fn seen_as(&self, full: &str, caller: Caller<'_>, scope: &Scope<'_>) -> Option<Registered<'m>> {
        let known = self.index.registry.registered(full, caller.namespace)?;
        let aliased = self.index.registry.behind(full).is_some();
        (!aliased && scope.sees(&known.meta().namespace, full)).then_some(known)
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

/// The shorter names of a host that nobody registers: a proxy does not know them.
fn short_names(
    service: &VirtualService,
    full: &str,
    written: &str,
    client: &str,
) -> Option<Elsewhere> {
    let mut domains = attach::domains(full, client);
    domains.retain(|name| name != full);
    let why = format!(
        "has the host `{full}`, which no Service or ServiceEntry that this client sees has: such a host is routed under its full name only, on port {ANY_HOST_PORT}"
    );
    let help = "pass the file of its Service or ServiceEntry too, or correct the host".to_owned();
    (!domains.is_empty()).then(|| Elsewhere {
        hosts: vec![written.to_owned()],
        domains,
        ..elsewhere(service, Code::DistantRule, &why, Some(help))
    })
}

/// Whether nothing of a host's rules is left for this client, so that it has the default route alone.
fn idle(host: &VirtualHost) -> bool {
    let (default, rules): (Vec<&Route>, Vec<&Route>) =
        (host.routes.iter()).partition(|route| route.rule == DEFAULT_ROUTE);
    !default.is_empty() && rules.iter().all(|route| excluded(&route.conditions))
}

/// Puts another rule in the place of one of which nothing is left; why that one does not apply stays.
fn replace(idle: &mut VirtualHost, by: VirtualHost) {
    let lost = std::mem::take(&mut idle.routes);
    let lost = lost.into_iter().filter(|route| route.rule != DEFAULT_ROUTE);
    let mut objects = std::mem::take(&mut idle.objects);
    objects.extend(by.objects);
    *idle = VirtualHost {
        routes: lost.chain(by.routes).collect(),
        objects,
        ..by
    };
}

/// Of two hosts with one name the first one keeps it: a proxy looks at the others under their other names only.
fn first_come(hosts: &mut Vec<VirtualHost>) {
    let mut taken: HashSet<String> = HashSet::new();
    for host in hosts.iter_mut() {
        host.domains.retain(|domain| taken.insert(domain.clone()));
    }
    hosts.retain(|host| !host.domains.is_empty());
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
