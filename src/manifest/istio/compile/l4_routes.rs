//! `tcp` and `tls` routes, and what a port carries: where which kind of route applies, and why others do not.

use std::sync::Arc;

use super::lower::Compiler;
use super::outcome::connections;
use super::proxy_context::ProxyContext;
use super::routes::{at, routes_of};
use crate::diag::{Code, Note};
use crate::manifest::decode::At;
use crate::manifest::istio::objects::VirtualService;
use crate::manifest::kube::Carries;
use crate::manifest::mesh::registry_service::{Port, RegistryService};
use crate::route::{AppliesTo, Condition, Route, Test, TextMatch};

/// Since this version proxies look at the bytes where no protocol is declared.
const SNIFFING: (u32, u32) = (1, 3);

impl Compiler<'_> {
    /// What a port carries for the mesh that is asked about.
    pub(super) fn carries(&self, port: &Port<'_>) -> Carries {
        match &port.carries {
            Carries::Undetermined if self.vantage.before(SNIFFING.0, SNIFFING.1) => {
                Carries::Other("nothing that is declared, which is TCP before Istio 1.3".to_owned())
            }
            carries => carries.clone(),
        }
    }

    /// "tcp[]: chosen only on TCP/opaque ports", "tls[]: on https-/tls- ports": the routes that connections to a host
    /// take, if it has such a port and such routes.
    pub(super) fn connections(
        &self,
        service: &VirtualService,
        host: &str,
        carries: Option<&Carries>,
        caller: ProxyContext<'_>,
    ) -> Option<Vec<Route>> {
        let carries = carries.filter(|carries| matches!(carries, Carries::Other(_)))?;
        if service.tcp.is_empty() && (service.tls.is_empty() || !carries.is_tls()) {
            return None;
        }
        // "listenPort.Protocol.IsTLS()": there connections are told apart by their handshakes alone.
        let mut routes = if carries.is_tls() {
            self.handshakes(service, caller)
        } else {
            self.tcp(service, caller)
        };
        // What no rule takes goes to the service as if there were none.
        routes.push(self.default_route(service, host, caller));
        Some(routes)
    }

    /// `tcp` routes on a port that is declared as TLS.
    pub(super) fn tcp_on_tls_port(
        service: &VirtualService,
        known: RegistryService<'_>,
        port: &Port<'_>,
    ) -> Option<Note<AppliesTo>> {
        let first = service.tcp.first().filter(|_| service.tls.is_empty())?;
        let (number, meta) = (port.number, known.meta());
        let message = format!(
            "port {number} of {meta} is declared as TLS, where the `tcp` routes of {} take no effect: connections are spread over all pods",
            service.object()
        );
        let help = "split `tls` routes by `sniHosts`, or name the port tcp-…";
        let note = Note::about(Code::TcpOnTls, message, Some(first.span)).help(help);
        port.carries.is_tls().then_some(note)
    }

    /// The `tcp` routes of a VirtualService.
    pub(super) fn tcp(&self, service: &VirtualService, caller: ProxyContext<'_>) -> Vec<Route> {
        let mut routes = Vec::new();
        for (index, tcp) in service.tcp.iter().enumerate() {
            let home = &service.meta.namespace;
            let outcome = connections(&self.index, "tcp", tcp, home, caller);
            let sets = self.alternatives(&tcp.matches, service, caller);
            let place = at(service, format!("tcp[{index}]"), tcp.span);
            routes.extend(routes_of(&place, sets, &Arc::new(outcome)));
        }
        routes
    }

    /// The `tls` routes of a VirtualService, which take connections that begin with a handshake.
    pub(super) fn handshakes(
        &self,
        service: &VirtualService,
        caller: ProxyContext<'_>,
    ) -> Vec<Route> {
        let mut routes = Vec::new();
        for (index, tls) in service.tls.iter().enumerate() {
            let home = &service.meta.namespace;
            let outcome = connections(&self.index, "tls", tls, home, caller);
            let mut sets = self.alternatives(&tls.matches, service, caller);
            for conditions in &mut sets {
                let condition = Condition {
                    field: "tls".to_owned(),
                    span: tls.span,
                    test: Test::Scheme(TextMatch::exact("https")),
                };
                conditions.insert(0, condition);
            }
            let place = at(service, format!("tls[{index}]"), tls.span);
            routes.extend(routes_of(&place, sets, &Arc::new(outcome)));
        }
        routes
    }

    /// A port that is no HTTP port makes the HTTP routes of its service dead letters; one that does not say is guessed.
    pub(super) fn protocol(
        &self,
        known: RegistryService<'_>,
        port: &Port<'_>,
        caveats: &mut Vec<Note<AppliesTo>>,
    ) {
        let (number, meta) = (port.number, known.meta());
        let named = match (known, port.name) {
            (RegistryService::Entry(_), _) => "declares no protocol".to_owned(),
            (_, Some(name)) => format!("is named `{name}`, which names no protocol"),
            (_, None) => "has no name that names its protocol".to_owned(),
        };
        let encrypted = matches!(&port.carries, Carries::Other(why) if is_tls(why));
        let help = match (known, port.name) {
            _ if encrypted => {
                "the application speaks TLS itself: let clients send plain HTTP and a DestinationRule originate TLS (`tls.mode: \
                 SIMPLE`), or split `tls` routes by `sniHosts`"
                    .to_owned()
            }
            (RegistryService::Entry(_), _) => "set its `protocol: HTTP`".to_owned(),
            (_, Some(name)) if port.carries == Carries::Undetermined => {
                format!("name it http-{name}, or set `appProtocol: http`")
            }
            _ => "name it http-…, or set `appProtocol: http`, if it does carry HTTP".to_owned(),
        };
        let (id, message) = match (&port.carries, self.carries(port)) {
            (_, Carries::Http) => return,
            (Carries::Undetermined, Carries::Other(_)) => (
                Code::TakenForTcp,
                format!(
                    "port {number} of {meta} {named}: Istio before 1.3 treats it as TCP, so that its HTTP routes take no effect: connections are spread over all pods"
                ),
            ),
            (_, Carries::Other(why)) => (
                Code::NotHttp,
                format!(
                    "port {number} of {meta} carries {why}, so that its HTTP routes take no effect: connections are spread over all pods"
                ),
            ),
            (_, Carries::Undetermined) => {
                let by = if known.has_address() {
                    "; there the address that is called chooses the routes, not `Host`"
                } else {
                    ""
                };
                (
                    Code::UnnamedPort,
                    format!(
                        "port {number} of {meta} {named}: the proxy looks at the first bytes of each connection, and applies HTTP routes only to what it takes for HTTP{by}"
                    ),
                )
            }
        };
        caveats.push(Note::about(id, message, Some(port.span)).help(help));
    }

    /// Why nothing can be said about requests to a host whose only split is one of connections.
    pub(super) fn unsupported(
        service: &VirtualService,
        opaque: &At<&'static str>,
        host: &str,
        known: Option<RegistryService<'_>>,
        port: Option<&Port<'_>>,
    ) -> Note {
        let (object, key) = (service.object(), opaque.value);
        let help = "write the split under `http:`, or name the port tcp-… if connections are meant";
        let (message, help) = match (known, port) {
            (Some(known), Some(port)) => {
                let (number, meta) = (port.number, known.meta());
                let what = match port.carries {
                    Carries::Http => format!("the HTTP port {number} of {meta}"),
                    _ => format!(
                        "HTTP requests on port {number} of {meta}, which is not declared as {}",
                        key.to_uppercase()
                    ),
                };
                (
                    format!(
                        "{object} splits `{key}`, which does not apply to {what}: its requests take the default route"
                    ),
                    help.replace("tcp-", &format!("{key}-")),
                )
            }
            _ => (
                format!(
                    "{object} splits `{key}`, which does not apply to HTTP requests, and no Service in these manifests says \
                     that the port of `{host}` is {}",
                    key.to_uppercase()
                ),
                format!(
                    "write the split under `http:`, or pass the file of the Service with its {key}-… port too"
                ),
            ),
        };
        Note::new(Code::ConnectionsOnly, message)
            .at(opaque.span, "")
            .help(help)
    }
}

/// Whether a protocol is HTTP or anything else inside of TLS.
fn is_tls(protocol: &str) -> bool {
    let words = |word: &str| word.eq_ignore_ascii_case("https") || word.eq_ignore_ascii_case("tls");
    protocol.split(|c: char| !c.is_alphanumeric()).any(words)
}
