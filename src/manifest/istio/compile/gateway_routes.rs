//! The routes of a gateway: what its servers take of the hosts of the rules that name it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::gateway_proxies::mapped;
use super::handshake::Handshake;
use super::inactive_rules::inactive_rule;
use super::lower::{Compiler, never_matches};
use super::proxy_context::ProxyContext;
use crate::diag::{Code, Note};
use crate::manifest::decode::At;
use crate::manifest::istio::objects::{Gateway, Reads, Server, VirtualService};
use crate::manifest::mesh::catch_all::catches_all;
use crate::manifest::mesh::names::{covers, full_name};
use crate::route::{AppliesTo, InactiveRule, Route, RouteTable, Transport, VirtualHost};

/// Ports of a gateway, and whether plain HTTP is redirected there: one server of a port that redirects is enough.
type Ports = BTreeMap<Option<u16>, bool>;

/// A host as servers of the gateway take it.
struct Taken {
    domain: String,
    reads: Reads,
    ports: Ports,
}

/// The table of the proxies of a gateway, while it grows.
struct AtGateway<'v, 'g> {
    table: RouteTable,
    // The hosts of the table by their domains.
    places: HashMap<String, usize>,
    ports: HashMap<usize, Ports>,
    // A server of another gateway may have the port that is dialled, or fit the handshake better.
    handshake: Handshake<'v, 'g>,
    // What is to be said about every host.
    caveats: Vec<Note<AppliesTo>>,
}

impl Compiler<'_> {
    /// "Several VS with the same host on one gateway ARE MERGED: routes appended in order, then catch-all routes moved
    /// to the end (stable)."
    pub(super) fn gateway(&self, namespace: &str, name: &str) -> RouteTable {
        let gateways = self.same_proxies(namespace, name);
        let asked = self.index.gateway(namespace, name);
        let home = self.proxies_of(namespace, asked);
        let mapped = mapped(self.vantage.port, &gateways);
        let attached = self.at_its_proxies((namespace, name), asked, &home.namespace);
        let mut at = AtGateway {
            places: HashMap::new(),
            ports: HashMap::new(),
            handshake: Handshake::new(
                &self.vantage.transport,
                self.vantage.port,
                gateways.iter().filter_map(|(_, gateway)| *gateway),
            ),
            caveats: (self.mapped_in_front(asked).or(mapped).into_iter())
                .chain(home.caveat)
                .chain(attached)
                .collect(),
            table: RouteTable::default(),
        };
        let names: Vec<&str> = gateways.iter().map(|(place, _)| place.as_str()).collect();
        let services = self.visible_services(Some(&home.namespace), &names, &mut at.table);
        let mut bound: HashMap<String, Vec<&VirtualService>> = HashMap::new();
        for service in services {
            let places: BTreeSet<String> = service.bindings().into_iter().collect();
            for place in places {
                bound.entry(place).or_default().push(service);
            }
        }
        for (place, object) in &gateways {
            let caller = self.caller(&home.namespace, place);
            for service in bound.get(place).into_iter().flatten() {
                self.serve(service, (place, *object), caller, &mut at);
            }
        }
        let mut table = at.table;
        for host in &mut table.hosts {
            host.routes
                .sort_by_key(|route| catches_all(&route.conditions));
        }
        table
    }

    /// Adds what one rule routes at one gateway.
    fn serve(
        &self,
        service: &VirtualService,
        (place, object): (&str, Option<&Gateway>),
        caller: ProxyContext<'_>,
        at: &mut AtGateway<'_, '_>,
    ) {
        let requests = self.up_to_a_catch_all(service, caller);
        let mut why = None;
        let (mut outside, mut unreached) = (Vec::new(), Vec::new());
        for host in &service.hosts {
            let full = full_name(&host.value, &service.meta.namespace);
            let home = &service.meta.namespace;
            let taken = taken_as(object, &full, home, |server| at.handshake.reaches(server));
            if taken.is_empty() {
                let dialled = |server: &Server| at.handshake.dials(server);
                let other = taken_as(object, &full, home, dialled);
                let absent = if other.is_empty() {
                    &mut outside
                } else {
                    &mut unreached
                };
                absent.push(host);
            }
            // What a server of another kind takes is served there.
            let mut served = false;
            let mut refused = None;
            for one in taken {
                let routes = match self.of_server(service, one.reads, &requests, caller) {
                    Ok(routes) => routes,
                    Err((reason, help)) => {
                        refused = Some((format!("{reason} of Gateway {place}"), help));
                        continue;
                    }
                };
                served = true;
                let known = Self::host_at(service, host, (&full, &one), (place, object), at);
                // "tcp at a gateway": one chain of filters, which the first rule makes.
                if one.reads == Reads::Connections && !known.routes.is_empty() {
                    continue;
                }
                if known.objects.last() != Some(&service.object()) {
                    known.objects.push(service.object());
                }
                known.routes.extend_from_slice(&routes);
                Self::note_connections(service, &full, known);
            }
            why = why.or(refused.filter(|_| !served));
        }
        let elsewhere = why.map(|(why, help)| {
            inactive_rule(service, Code::RefusedRule, &why, Some(help.to_owned()))
        });
        let absent = not_taken(service, &outside, place).into_iter();
        let unreached = not_reached(service, &unreached, place, &self.vantage.transport);
        at.table
            .inactive_rules
            .extend(absent.chain(unreached).chain(elsewhere));
    }

    /// Notes at a host of which nothing is about requests that its rule splits connections only.
    fn note_connections(service: &VirtualService, full: &str, known: &mut VirtualHost) {
        let opaque = service.opaque.as_ref().filter(|_| service.http.is_empty());
        let silent = never_matches(&known.routes);
        known.unsupported = match opaque {
            Some(opaque) if silent => Some(Self::unsupported(service, opaque, full, None, None)),
            _ => known.unsupported.take().filter(|_| silent),
        };
    }

    /// The host of the table for a domain, a new one where it has none yet.
    fn host_at<'t>(
        service: &VirtualService,
        host: &At<String>,
        (full, taken): (&str, &Taken),
        (place, object): (&str, Option<&Gateway>),
        at: &'t mut AtGateway<'_, '_>,
    ) -> &'t mut VirtualHost {
        let hosts = &mut at.table.hosts;
        let index = *at.places.entry(taken.domain.clone()).or_insert_with(|| {
            let name = if taken.domain == *full {
                &host.value
            } else {
                &taken.domain
            };
            let domains = vec![taken.domain.clone()];
            let mut new = Self::virtual_host(service, name, host.span, domains);
            new.caveats.clone_from(&at.caveats);
            if object.is_none() {
                new.caveats.push(not_given(place));
            }
            hosts.push(new);
            hosts.len() - 1
        });
        let ports = at.ports.entry(index).or_default();
        for (port, redirects) in &taken.ports {
            *ports.entry(*port).or_default() |= redirects;
        }
        // Where several ports may be meant, all of them have to redirect.
        hosts[index].https_only = !ports.is_empty() && ports.values().all(|redirects| *redirects);
        &mut hosts[index]
    }

    /// What a rule routes at a server that looks at requests, handshakes or connections.
    fn of_server(
        &self,
        service: &VirtualService,
        reads: Reads,
        requests: &[Route],
        caller: ProxyContext<'_>,
    ) -> Result<Vec<Route>, (&'static str, &'static str)> {
        match reads {
            Reads::Requests if service.http.is_empty() && !service.tls.is_empty() => Err((
                "has `tls` routes only, which do not apply where TLS ends: at a server",
                "write `http` routes, or pass TLS through with `tls.mode: PASSTHROUGH`",
            )),
            Reads::Requests => Ok(requests.to_vec()),
            Reads::Handshakes if service.tls.is_empty() => Err((
                "has no `tls` routes, and TLS is passed through by the server",
                "end TLS at the server (`tls.mode: SIMPLE` with a certificate), or write `tls` routes with `sniHosts`",
            )),
            Reads::Handshakes => Ok(self.handshakes(service, caller)),
            Reads::Connections if service.tcp.is_empty() => Err((
                "has no `tcp` routes, and only those apply at the TCP server",
                "declare the server's protocol as HTTP, or write `tcp` routes",
            )),
            Reads::Connections => Ok(self.tcp(service, caller)),
            Reads::Clusters => Err((
                "does not apply at the AUTO_PASSTHROUGH server",
                "list the host in a server of another mode: this one forwards by SNI, without rules",
            )),
        }
    }

    /// The routes of a VirtualService at a gateway: what follows a route that takes everything is not generated.
    fn up_to_a_catch_all(&self, service: &VirtualService, caller: ProxyContext<'_>) -> Vec<Route> {
        let mut routes = self.routes(service, caller);
        let end = routes
            .iter()
            .position(|route| catches_all(&route.conditions));
        routes.truncate(end.map_or(routes.len(), |end| end + 1));
        routes
    }
}

/// What the servers of a gateway make of a host: the narrower of both names, and where HTTP is redirected.
fn taken_as(
    gateway: Option<&Gateway>,
    host: &str,
    home: &str,
    reached: impl Fn(&Server) -> bool,
) -> Vec<Taken> {
    let Some(gateway) = gateway else {
        return vec![Taken {
            domain: host.to_owned(),
            reads: Reads::Requests,
            ports: Ports::new(),
        }];
    };
    let mut taken: Vec<Taken> = Vec::new();
    for server in gateway.servers.iter().filter(|server| reached(server)) {
        for name in &server.hosts {
            let Some(narrower) = narrower(&name.value, host, home, &gateway.meta.namespace) else {
                continue;
            };
            // A connection carries no host.
            let domain = match server.reads {
                Reads::Connections => "*".to_owned(),
                _ => narrower,
            };
            let same = |one: &&mut Taken| one.domain == domain && one.reads == server.reads;
            let port = server.port.as_ref().map(|port| port.value);
            match taken.iter_mut().find(same) {
                Some(known) => *known.ports.entry(port).or_default() |= server.https_redirect,
                None => taken.push(Taken {
                    domain,
                    reads: server.reads,
                    ports: Ports::from([(port, server.https_redirect)]),
                }),
            }
        }
    }
    // Handshakes are looked at before requests.
    taken.sort_by_key(|one| one.reads != Reads::Handshakes);
    taken
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
    } else if covers(&name, host) {
        Some(host.to_owned())
    } else {
        covers(host, &name).then_some(name)
    }
}

/// The hosts of a rule that no server of the gateway takes: other gateways may.
fn not_taken(service: &VirtualService, hosts: &[&At<String>], place: &str) -> Option<InactiveRule> {
    let home = &service.meta.namespace;
    let names: Vec<String> = hosts.iter().map(|host| host.value.clone()).collect();
    let why = match &names[..] {
        [] => return None,
        [host] => format!("has the host `{host}`, which Gateway {place} does not take"),
        hosts => format!(
            "has the hosts `{}`, which Gateway {place} does not take",
            hosts.join("`, `")
        ),
    };
    let domains = names.iter().map(|name| full_name(name, home));
    let help = "list the host in a server of the Gateway, or correct it".to_owned();
    Some(InactiveRule {
        domains: domains.collect(),
        hosts: names.clone(),
        ..inactive_rule(service, Code::RefusedRule, &why, Some(help))
    })
}

/// The hosts of a rule that a server takes which this connection does not reach.
fn not_reached(
    service: &VirtualService,
    hosts: &[&At<String>],
    place: &str,
    transport: &Transport,
) -> Option<InactiveRule> {
    let (home, first) = (&service.meta.namespace, hosts.first()?);
    let name = &first.value;
    let begins = transport.in_words();
    let why =
        format!("has the host `{name}`, and no server of Gateway {place} for it takes {begins}");
    let help = match transport {
        Transport::Tls { .. } => {
            format!("write https://{name}/ as the URL, and the address into --connect-to")
        }
        _ => format!("ask with an https:// URL: https://{name}/"),
    };
    let domains = hosts.iter().map(|host| full_name(&host.value, home));
    Some(InactiveRule {
        domains: domains.collect(),
        hosts: hosts.iter().map(|host| host.value.clone()).collect(),
        ..inactive_rule(service, Code::RefusedRule, &why, Some(help))
    })
}

fn not_given(place: &str) -> Note<AppliesTo> {
    let message =
        format!("Gateway {place} is not in these manifests, so that its own hosts are not checked");
    Note::about(Code::GatewayNotGiven, message, None).help("pass its file too")
}
