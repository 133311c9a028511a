//! What a sidecar, a waypoint or a gateway does with a request that no rule takes.

use std::net::IpAddr;

use super::gateway_proxies::mapped;
use super::handshake::Handshake;
use super::index::Index;
use super::lower::Compiler;
use super::outcome::everything_to;
use super::proxy_context::ProxyContext;
use super::sidecar_scope::Scope;
use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::manifest::istio::objects::{Gateway, Reads, Server};
use crate::manifest::kube::Carries;
use crate::manifest::mesh::names::{covers, full_name};
use crate::manifest::mesh::registry_service::{Port, RegistryService};
use crate::route::{AppliesTo, Origin, Outcome, Probe, Transport, Unrouted, Vantage};
use crate::split::LocalReplyCause;

/// What becomes of a request that no rule takes, from a vantage.
pub(in crate::manifest) fn unrouted(
    manifests: &Manifests,
    vantage: &Vantage,
    probe: &Probe,
) -> Unrouted {
    let compiler = Compiler {
        index: Index::new(manifests),
        vantage,
    };
    match &vantage.origin {
        Origin::Mesh { namespace, .. } => compiler.in_mesh(namespace.as_deref(), probe),
        Origin::Gateway { namespace, name } => compiler.at_gateway(namespace, name, probe),
    }
}

/// What a client calls: the registered host, and what is registered.
struct Called<'m> {
    full: String,
    known: RegistryService<'m>,
}

impl<'m> Compiler<'m> {
    fn in_mesh(&self, client: Option<&str>, probe: &Probe) -> Unrouted {
        let (name, address) = (probe.host().to_lowercase(), probe.address.to_lowercase());
        let home = client.map_or_else(|| self.home_of(&name), str::to_owned);
        let caller = self.caller(&home, "mesh");
        let scope = Scope::of(&self.index, caller);
        // On a port without a declared protocol the address that is called decides, not `Host`.
        let by_address = self.target(&address, &home, &scope).filter(|target| {
            let port = target.known.dialled(self.vantage.port);
            target.known.has_address()
                && port.is_some_and(|port| self.carries(&port) != Carries::Http)
        });
        let Some(target) = by_address.or_else(|| self.target(&name, &home, &scope)) else {
            return self.unknown(&name, &scope, &home);
        };
        let Some(port) = target.known.dialled(self.vantage.port) else {
            return self.other_port(&target, caller);
        };
        let meta = target.known.meta();
        let headless = target.known.picked_by_client().is_some();
        if self.taken_as_http(target.known, &home).is_some() {
            let message = format!(
                "port {} of {meta} is declared as TCP and has no address of its own, and other services have HTTP on that port: the proxy looks requests up among their hosts, does not find this one, and passes the connection through to where it is dialled",
                port.number
            );
            return Unrouted::nothing(Note::about(Code::Passthrough, message, Some(port.span)));
        }
        if headless && self.carries(&port) != Carries::Http {
            let message = format!(
                "{meta} lets the client pick a pod: the connection goes to the address that is dialled"
            );
            return Unrouted::nothing(Note::about(Code::Passthrough, message, Some(meta.span)));
        }
        if probe.scheme.eq_ignore_ascii_case("https") && self.carries(&port) == Carries::Http {
            let message = format!(
                "port {} of {meta} is declared as HTTP, and the request is sealed by its client: the proxy passes the connection through",
                port.number
            );
            return Unrouted::nothing(Note::about(Code::Passthrough, message, Some(port.span)));
        }
        plain(&self.index, &target, &port, caller)
    }

    /// A name that no Service or `ServiceEntry` has, as far as this client sees.
    fn unknown(&self, name: &str, scope: &Scope<'_>, client: &str) -> Unrouted {
        if let Some(span) = scope.registry_only() {
            let listens = |port| {
                self.index
                    .listening(port, client)
                    .any(|one| sees(scope, one))
            };
            if self.vantage.port.is_some_and(|port| !listens(port)) {
                let message = format!(
                    "no Service or ServiceEntry that this client sees has the host `{name}` or that port for HTTP, and `REGISTRY_ONLY` keeps its connections in: they are closed"
                );
                let caveat = Note::about(Code::RegistryOnly, message, Some(span));
                return Unrouted::nothing(caveat);
            }
            let message = format!(
                "no Service or ServiceEntry that this client sees has the host `{name}`, and `REGISTRY_ONLY` keeps its requests in: they are answered with 502"
            );
            return Unrouted {
                outcome: Some(Outcome::reply(502, LocalReplyCause::NoRoute)),
                span: Some(span),
                caveats: vec![Note::about(Code::RegistryOnly, message, Some(span))],
            };
        }
        let message = if self.index.registry.has_registry() {
            format!(
                "no Service or ServiceEntry that this client sees has the host `{name}`: the proxy passes the connection through to where it is dialled"
            )
        } else {
            format!(
                "these manifests hold no Service or ServiceEntry with the host `{name}`: without a rule the proxy leaves its connections as they are dialled"
            )
        };
        Unrouted::nothing(Note::about(Code::Passthrough, message, None))
    }

    /// A Service that does not have the port that is dialled.
    fn other_port(&self, target: &Called<'_>, caller: ProxyContext<'_>) -> Unrouted {
        let meta = target.known.meta();
        let Some(port) = self.vantage.port else {
            let message = format!(
                "no rule is for {meta}: its requests go to its pods, and which of its ports is dialled is not known"
            );
            return Unrouted {
                outcome: Some(everything_to(&self.index, &target.full, caller)),
                span: Some(meta.span),
                caveats: vec![Note::about(Code::PlainService, message, Some(meta.span))],
            };
        };
        Unrouted::nothing(wrong_port(target.known, port))
    }

    /// The namespace of the client where none is given: that of the only Service with this name.
    fn home_of(&self, name: &str) -> String {
        let services = self.index.manifests.services.iter();
        let mut homes = services
            .filter(|service| service.meta.name.eq_ignore_ascii_case(name))
            .map(|service| service.meta.namespace.as_str());
        match (homes.next(), homes.next()) {
            (Some(only), None) => only.to_owned(),
            _ => "default".to_owned(),
        }
    }

    /// What a client reaches under a name or an address; an alias leads to what it stands for.
    fn target(&self, name: &str, client: &str, scope: &Scope<'_>) -> Option<Called<'m>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let seen = |full: String| {
            let known = self.index.registry.registered(&full, client)?;
            let sees = scope.sees(&known.meta().namespace, &full);
            sees.then(|| Called {
                full: known.host_for(full),
                known,
            })
        };
        if name.parse::<IpAddr>().is_ok() {
            let mut hosts = self.index.registry.hosts().into_iter().filter_map(seen);
            return hosts.find(|target| target.known.addresses().contains(&name));
        }
        let written = name.to_owned();
        let full = if self.index.registry.all(name).is_empty() {
            let host = match name.split('.').collect::<Vec<_>>()[..] {
                [_] => format!("{name}.{client}.svc.cluster.local"),
                [_, _] => format!("{name}.svc.cluster.local"),
                [_, _, "svc"] => format!("{name}.cluster.local"),
                _ => return None,
            };
            match self.index.registry.resolve_alias(&host) {
                Some((target, _)) => target,
                None => host,
            }
        } else {
            self.index
                .registry
                .resolve_alias(&written)
                .map_or(written, |(target, _)| target)
        };
        seen(full)
    }

    fn at_gateway(&self, namespace: &str, name: &str, probe: &Probe) -> Unrouted {
        let Some(gateway) = self.index.gateway(namespace, name) else {
            return not_given(namespace, name);
        };
        let transport = Transport::of(probe);
        // The same proxies listen for the servers of other gateways too.
        let all = self.same_proxies(namespace, name);
        let given = || all.iter().filter_map(|(_, gateway)| *gateway);
        let handshake = Handshake::new(&transport, self.vantage.port, given());
        let host = probe.host().to_lowercase();
        let requests: Vec<(&Gateway, &Server)> = given()
            .flat_map(|one| one.servers.iter().map(move |server| (one, server)))
            .filter(|(_, one)| one.reads == Reads::Requests && handshake.reaches(one))
            .collect();
        let Some((first, server)) = requests.first() else {
            let message = format!(
                "no server of {} takes {}: the connection is closed",
                gateway.meta,
                transport.in_words()
            );
            return Unrouted::nothing(Note::about(Code::Closed, message, Some(gateway.meta.span)));
        };
        let redirecting =
            (requests.iter()).find(|(_, one)| one.https_redirect && one.redirects_unrouted(&host));
        let mut answer = if let Some((own, server)) = redirecting {
            let message = format!(
                "a server of {} redirects plain HTTP for `{host}` to HTTPS",
                own.meta
            );
            answered(server, own, 301, LocalReplyCause::Redirect, message)
        } else {
            let message = format!(
                "{} listens and has no route for `{host}`: its requests are answered with 404",
                first.meta
            );
            answered(server, first, 404, LocalReplyCause::NoRoute, message)
        };
        answer.caveats.extend(mapped(self.vantage.port, &all));
        answer
    }
}

impl Server {
    /// Whether one of its hosts takes a name of which no rule is: a namespace in front stays a part of such a host.
    fn redirects_unrouted(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| {
            let name = own.value.strip_prefix("*/").unwrap_or(&own.value);
            covers(&name.to_lowercase(), host)
        })
    }
}

/// Whether a client imports one of the hosts of something.
fn sees(scope: &Scope<'_>, one: RegistryService<'_>) -> bool {
    let meta = one.meta();
    match one {
        RegistryService::Service(_) => {
            scope.sees(&meta.namespace, &full_name(&meta.name, &meta.namespace))
        }
        RegistryService::Entry(entry) => {
            let mut hosts = entry.hosts.iter();
            hosts.any(|host| scope.sees(&meta.namespace, &host.value.to_lowercase()))
        }
    }
}

/// Why a port of a Service is none, with the one that was probably meant.
pub(super) fn wrong_port(known: RegistryService<'_>, port: u16) -> Note<AppliesTo> {
    let (meta, ports) = (known.meta(), known.ports());
    let numbers: Vec<String> = ports.iter().map(|one| one.number.to_string()).collect();
    let has = match &numbers[..] {
        [] => "it has none".to_owned(),
        numbers => format!("it has {}", numbers.join(", ")),
    };
    let message = format!(
        "{meta} has no port {port} ({has}): the proxy applies no rule there, and passes the connection through to where it is dialled"
    );
    let caveat = Note::about(Code::Passthrough, message, Some(meta.span));
    match (known.port_of_target(port), &ports[..]) {
        (Some(suggestion), _) => caveat.help(format!(
            "{port} is the port of its pods: dial port {suggestion} of the Service"
        )),
        (None, [only]) => caveat.help(format!("dial port {}", only.number)),
        (None, _) => caveat,
    }
}

/// A Service that takes its requests itself.
fn plain(
    index: &Index<'_>,
    target: &Called<'_>,
    port: &Port<'_>,
    caller: ProxyContext<'_>,
) -> Unrouted {
    let meta = target.known.meta();
    let message =
        format!("no rule is for {meta}: the proxy spreads its requests over all of its pods");
    let caller = ProxyContext {
        port: Some(port.number),
        ..caller
    };
    Unrouted {
        outcome: Some(everything_to(index, &target.full, caller)),
        span: Some(meta.span),
        caveats: vec![Note::about(Code::PlainService, message, Some(meta.span))],
    }
}

fn answered(
    server: &Server,
    gateway: &Gateway,
    status: u16,
    cause: LocalReplyCause,
    message: String,
) -> Unrouted {
    let span = server
        .port
        .as_ref()
        .map_or(gateway.meta.span, |port| port.span);
    Unrouted {
        outcome: Some(Outcome::reply(status, cause)),
        span: Some(span),
        caveats: vec![Note::about(Code::NoRoute, message, Some(span))],
    }
}

/// A gateway that is not given is taken to listen.
fn not_given(namespace: &str, name: &str) -> Unrouted {
    let message = format!(
        "Gateway {namespace}/{name} is not in these manifests: taken to listen, and to answer with 404 what no rule takes"
    );
    let caveat = Note::about(Code::GatewayNotGiven, message, None).help("pass its file too");
    Unrouted {
        outcome: Some(Outcome::reply(404, LocalReplyCause::NoRoute)),
        span: None,
        caveats: vec![caveat],
    }
}
