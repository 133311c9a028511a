//! The routes of a client's sidecar: one owner for each host.

use std::collections::{HashMap, HashSet};

use super::host_names::short_names;
use super::inactive_rules::inactive_rule;
use super::lower::{
    Compiler, DEFAULT_ROUTE, PASSED_THROUGH, excluded, https_passthrough_note, never_matches,
};
use super::proxy_context::ProxyContext;
use super::sidecar_scope::Scope;
use crate::diag::{Code, Note, Span};
use crate::manifest::istio::objects::VirtualService;
use crate::manifest::kube::Carries;
use crate::manifest::mesh::names::full_name;
use crate::manifest::mesh::registry_service::{Port, RegistryService};
use crate::route::{AppliesTo, InactiveRule, Route, RouteTable, VirtualHost};

/// A host of a VirtualService with what it routes there.
#[derive(Clone, Copy)]
struct HostClaim<'a> {
    service: &'a VirtualService,
    // As written.
    name: &'a str,
    span: Span,
    routes: &'a [Route],
    // What has the host, as far as the client sees.
    known: Option<RegistryService<'a>>,
}

impl<'m> Compiler<'m> {
    /// "Two VS, same host on mesh: NO MERGE. First in the order owns the vhost."
    pub(super) fn mesh(&self, client: Option<&str>) -> RouteTable {
        let mut table = RouteTable {
            port: self.vantage.port,
            search_domain: client.map(|client| format!("{client}.svc.cluster.local")),
            ..RouteTable::default()
        };
        let mut owners: HashMap<String, usize> = HashMap::new();
        let mut scopes: HashMap<&str, Scope<'m>> = HashMap::new();
        let mut wild: HashMap<String, (&VirtualService, Span, Vec<Route>)> = HashMap::new();
        for service in self.visible_services(client, &["mesh"], &mut table) {
            let caller = self.caller(client.unwrap_or(&service.meta.namespace), "mesh");
            let scope = scopes
                .entry(client.unwrap_or(&service.meta.namespace))
                .or_insert_with(|| Scope::of(&self.index, caller));
            if !scope.imports(service) {
                table.inactive_rules.push(inactive_rule(
                    service,
                    Code::HiddenRule,
                    &scope.why(),
                    scope.help(service),
                ));
                continue;
            }
            let routes = self.routes(service, caller);
            for host in &service.hosts {
                let full = full_name(&host.value, &service.meta.namespace);
                let owner = owners.get(&full).copied();
                // A rule of which nothing is left for this client gives way to the next one.
                let idle = owner.is_some_and(|owner| {
                    let owner = &table.hosts[owner];
                    idle(owner) && owner.objects != [service.object()]
                });
                if let Some(owner) = owner.filter(|_| !idle) {
                    let owner = &mut table.hosts[owner];
                    if owner.objects != [service.object()] && !never_matches(&routes) {
                        owner
                            .caveats
                            .push(two_owners(service, &full, owner, host.span));
                    }
                    continue;
                }
                if let Some(suffix) = full.strip_prefix('*') {
                    let known = wild.get(suffix);
                    if known.is_none_or(|(_, _, routes)| never_matches(routes)) {
                        let claim = (service, host.span, routes.clone());
                        wild.insert(suffix.to_owned(), claim);
                    }
                }
                let claim = HostClaim {
                    service,
                    name: &host.value,
                    span: host.span,
                    routes: &routes,
                    known: self.seen_as(&full, caller, scope),
                };
                let here =
                    self.on_this_port(claim, &full, caller, scope, &mut table.inactive_rules);
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
            let claim = HostClaim {
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
        claim: &HostClaim<'_>,
        full: &str,
        caller: ProxyContext<'_>,
        scope: &Scope<'_>,
    ) -> Option<VirtualHost> {
        let service = claim.service;
        let known = claim.known;
        let alias = self.index.registry.resolve_alias(full);
        let domains = match known {
            // "A host that is no service": one virtual host, under its full name.
            None if self.is_unregistered(full) => vec![full.to_owned()],
            _ => self.domains(full, caller.namespace, known),
        };
        let mut host = Self::virtual_host(service, claim.name, claim.span, domains);
        host.caveats.extend_from_slice(&scope.caveats);
        self.envoy_filters(caller.namespace, &mut host.caveats);
        if let Some(known) = known {
            let home = caller.namespace;
            let (index, vantage) = (&self.index, &self.vantage);
            host.caveats
                .extend(index.without_proxy(vantage, home, full, known));
        }
        if known.is_none() {
            host.caveats.extend(self.unregistered(
                (full, caller.namespace),
                claim.span,
                alias.as_ref(),
            ));
        }
        let port = known.and_then(|one| one.dialled(self.vantage.port));
        let carries = match (&port, known) {
            (Some(port), _) => Some(self.carries(port)),
            // Whichever of its ports is dialled.
            (None, Some(known)) => self.all_opaque(known),
            (None, None) => None,
        };
        if let Some(routes) = self.connections(service, full, carries.as_ref(), caller) {
            host.routes = routes.into();
            let misplaced = known.zip(port.as_ref());
            let misplaced =
                misplaced.and_then(|(one, port)| Self::tcp_on_tls_port(service, one, port));
            host.caveats.extend(misplaced);
            return Some(host);
        }
        // Where nobody says what the port carries, a handshake is taken to be routed as one.
        if carries.is_none() {
            host.routes = self.handshakes(service, caller).into();
        }
        let sealed_off = host.routes.is_empty();
        host.routes.extend_from_slice(claim.routes);
        if let (Some(one), Some(port)) = (known, &port) {
            self.protocol(one, port, &mut host.caveats);
        }
        if sealed_off {
            host.caveats.push(https_passthrough_note(claim.span));
        } else if service.http.is_empty() {
            host.caveats.push(handshakes_only(service, claim.span));
        }
        if never_matches(&host.routes) || (service.http.is_empty() && !sealed_off) {
            if full.contains('*') && never_matches(&host.routes) {
                return None;
            }
            host.unsupported = self.connections_only(service, full, known, port.as_ref());
            host.unsupported.take_if(|_| !never_matches(&host.routes));
            host.routes.push(self.default_route(service, full, caller));
        }
        Some(host)
    }

    /// Why a rule without HTTP routes says nothing about requests, unless one of several ports may be meant.
    fn connections_only(
        &self,
        service: &VirtualService,
        full: &str,
        known: Option<RegistryService<'_>>,
        port: Option<&Port<'_>>,
    ) -> Option<Note> {
        let opaque = service
            .opaque
            .as_ref()
            .filter(|_| service.http.is_empty())?;
        let other = |port: &Port<'_>| matches!(self.carries(port), Carries::Other(_));
        let some = known.is_some_and(|known| known.ports().iter().any(other));
        let meant = port.is_none() && some;
        (!meant).then(|| Self::unsupported(service, opaque, full, known, port))
    }

    /// What a rule claims on the port that is dialled; `None` where its host has no routes there. Names under which it has
    /// none are noted.
    fn on_this_port<'a>(
        &self,
        claim: HostClaim<'a>,
        full: &str,
        caller: ProxyContext<'_>,
        scope: &Scope<'_>,
        absences: &mut Vec<InactiveRule>,
    ) -> Option<HostClaim<'a>> {
        let (service, client) = (claim.service, caller.namespace);
        let mut known = claim.known;
        if let Some((why, help)) = self.off_port(full, known, client) {
            let literal = self.literal(known, client);
            let mut absent = inactive_rule(service, Code::DistantRule, &why, help);
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
            absences.extend(short_names(
                &self.index,
                service,
                (full, claim.name),
                client,
            ));
        }
        Some(HostClaim { known, ..claim })
    }

    /// What the ports of a service carry, if none of them carries HTTP.
    fn all_opaque(&self, known: RegistryService<'_>) -> Option<Carries> {
        let ports = known.ports();
        let mut carried = ports.iter().map(|port| self.carries(port));
        let opaque = |carries: &Carries| matches!(carries, Carries::Other(_));
        carried.all(|carries| opaque(&carries)).then_some(())?;
        ports.first().map(|port| self.carries(port))
    }

    /// What is registered under a host, as far as the client sees it; what stands for another host is not.
    fn seen_as(
        &self,
        full: &str,
        caller: ProxyContext<'_>,
        scope: &Scope<'_>,
    ) -> Option<RegistryService<'m>> {
        let known = self.index.registry.registered(full, caller.namespace)?;
        let aliased = self.index.registry.resolve_alias(full).is_some();
        (!aliased && scope.sees(&known.meta().namespace, full)).then_some(known)
    }
}

/// Whether a route is what becomes of requests that no rule of the host takes.
fn without_rule(route: &Route) -> bool {
    [DEFAULT_ROUTE, PASSED_THROUGH].contains(&route.rule.as_str())
}

/// Whether nothing of a host's rules is left for this client, so that it has the default route alone.
fn idle(host: &VirtualHost) -> bool {
    let (default, rules): (Vec<&Route>, Vec<&Route>) =
        (host.routes.iter()).partition(|route| without_rule(route));
    !default.is_empty() && rules.iter().all(|route| excluded(&route.conditions))
}

/// Puts another rule in the place of one of which nothing is left; why that one does not apply stays.
fn replace(idle: &mut VirtualHost, by: VirtualHost) {
    let lost = std::mem::take(&mut idle.routes);
    let lost = lost.into_iter().filter(|route| !without_rule(route));
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

fn two_owners(
    service: &VirtualService,
    full: &str,
    owner: &VirtualHost,
    span: Span,
) -> Note<AppliesTo> {
    let message = format!(
        "{} declares the host `{full}` too, and in the mesh only one VirtualService owns a host: taken to be {}, {}",
        service.object(),
        owner.objects.join(" and "),
        match service.meta.created {
            Some(_) => "the older one",
            None => "the first by name, though a cluster takes the older one",
        },
    );
    Note::about(Code::TwoOwners, message, Some(span)).help("merge them")
}

fn handshakes_only(service: &VirtualService, span: Span) -> Note<AppliesTo> {
    let message = format!(
        "{} splits `tls` only, which does not apply to requests in the clear: they take the default route",
        service.object()
    );
    Note::about(Code::TlsOnly, message, Some(span)).limited_to(AppliesTo::Scheme("http"))
}
