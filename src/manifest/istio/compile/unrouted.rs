//! What a sidecar, a waypoint or a gateway does with a request that no rule takes.

use std::net::IpAddr;
use std::rc::Rc;

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
use crate::manifest::mesh::names::covers;
use crate::manifest::mesh::registry_service::{Port, RegistryService};
use crate::route::{AppliesTo, Origin, Outcome, Probe, Transport, Unrouted, Vantage};
use crate::split::LocalReplyCause;

/// What becomes of a request that no rule takes, from a vantage.
pub(in crate::manifest) fn unrouted(
    manifests: &Manifests,
    vantage: &Vantage,
    probe: &Probe,
) -> Unrouted {
    let compiler = Compiler::new(&Rc::new(Index::new(manifests)), vantage);
    match &vantage.origin {
        Origin::Mesh { namespace, .. } => compiler.in_mesh(namespace.as_deref(), probe),
        Origin::Gateway { namespace, name } => compiler.at_gateway(namespace, name, probe),
    }
}

/// What a client calls: the registered host, and what is registered.
pub(super) struct Called<'m> {
    pub(super) full: String,
    pub(super) known: RegistryService<'m>,
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
            let hidden = self.called(&name, &home, |_, _| true);
            return self.unknown(&name, &scope, &home, hidden.as_ref());
        };
        let Some(port) = target.known.dialled(self.vantage.port) else {
            return self.other_port(&target, &scope, caller);
        };
        let registry_only = self.registry_only(&scope);
        let meta = target.known.meta();
        let headless = target.known.picked_by_client().is_some();
        if self.taken_as_http(target.known, &home).is_some() {
            let why = format!(
                "port {} of {meta} is declared as TCP and has no address of its own, and other services have HTTP on that port: the proxy looks requests up among their hosts, does not find this one, ",
                port.number
            );
            if let Some(policy) = registry_only {
                return policy.answered(&format!("{why}and"));
            }
            let message = format!("{why}and passes the connection through to where it is dialled");
            return Unrouted::nothing(Note::about(Code::Passthrough, message, Some(port.span)));
        }
        if headless && self.carries(&port) != Carries::Http {
            let message = format!(
                "{meta} lets the client pick a pod: the connection goes to the address that is dialled"
            );
            return Unrouted::nothing(Note::about(Code::Passthrough, message, Some(meta.span)));
        }
        if probe.scheme.eq_ignore_ascii_case("https") && self.carries(&port) == Carries::Http {
            let why = format!(
                "port {} of {meta} is declared as HTTP, and the request is sealed by its client",
                port.number
            );
            if let Some(policy) = registry_only {
                return policy.closed(&format!("{why}:"));
            }
            let message = format!("{why}: the proxy passes the connection through");
            return Unrouted::nothing(Note::about(Code::Passthrough, message, Some(port.span)));
        }
        plain(&self.index, &target, &port, caller)
    }

    /// A Service that does not have the port that is dialled.
    fn other_port(
        &self,
        target: &Called<'_>,
        scope: &Scope<'_>,
        caller: ProxyContext<'_>,
    ) -> Unrouted {
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
        let Some(policy) = self.registry_only(scope) else {
            return Unrouted::nothing(wrong_port(target.known, port));
        };
        let Note { help, .. } = wrong_port(target.known, port);
        let why = format!(
            "{}, where the proxy applies no rule:",
            without_port(target.known, port)
        );
        let mut refused = if self.listens_for(scope, port, caller.namespace) {
            policy.answered(&why)
        } else {
            policy.closed(&why)
        };
        refused
            .caveats
            .iter_mut()
            .for_each(|note| note.help.clone_from(&help));
        refused
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
        self.called(name, client, |home, host| scope.sees(home, host))
    }

    /// The same of what passes a test of its namespace and host.
    fn called(
        &self,
        name: &str,
        client: &str,
        sees: impl Fn(&str, &str) -> bool,
    ) -> Option<Called<'m>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let registered = |full: String| {
            let known = self.index.registry.registered(&full, client)?;
            sees(&known.meta().namespace, &full).then(|| Called {
                full: known.host_for(full),
                known,
            })
        };
        if name.parse::<IpAddr>().is_ok() {
            let mut hosts = self
                .index
                .registry
                .hosts()
                .into_iter()
                .filter_map(registered);
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
        registered(full)
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

/// Why a port of a Service is none, with the one that was probably meant.
pub(super) fn wrong_port(known: RegistryService<'_>, port: u16) -> Note<AppliesTo> {
    let (meta, ports) = (known.meta(), known.ports());
    let message = format!(
        "{}: the proxy applies no rule there, and passes the connection through to where it is dialled",
        without_port(known, port)
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

/// That a Service does not have a port, with those that it has.
fn without_port(known: RegistryService<'_>, port: u16) -> String {
    let numbers: Vec<String> = (known.ports().iter())
        .map(|one| one.number.to_string())
        .collect();
    let has = match &numbers[..] {
        [] => "it has none".to_owned(),
        numbers => format!("it has {}", numbers.join(", ")),
    };
    format!("{} has no port {port} ({has})", known.meta())
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
