//! The routes of a gateway: what its servers take of the hosts of the rules that name it. Not: routes in the mesh.

use std::collections::HashMap;

use super::attach;
use super::gateway::{Gateway, Reads, Server};
use super::lower::{Caller, Compiler, catches_all, elsewhere, none_left};
use super::virtual_service::VirtualService;
use crate::diag::Code;
use crate::route::{Caveat, Route, RouteTable};

/// A host as a server of the gateway takes it.
struct Taken {
    domain: String,
    reads: Reads,
    redirects: bool,
}

impl Compiler<'_> {
    /// "Several VS with the same host on one gateway ARE MERGED: routes appended in order, then catch-all routes moved
    /// to the end (stable)."
    pub(super) fn gateway(&self, namespace: &str, name: &str) -> RouteTable {
        let place = format!("{namespace}/{name}");
        let object = self.index.gateway(namespace, name);
        let caller = self.caller(namespace, &place);
        // A route that names no port leads to the port of its own service, never to the one the gateway listens on.
        let mut table = RouteTable::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        for service in self.seen(Some(namespace), &place, &mut table) {
            let requests = self.up_to_a_catch_all(service, caller);
            let mut why = None;
            for host in &service.hosts {
                let full = attach::full_name(&host.value, &service.meta.namespace);
                let taken = self.taken(object, &full, &service.meta.namespace);
                if taken.is_empty() {
                    why = Some((
                        format!("has hosts that Gateway {place} does not take"),
                        "list the host in a server of the Gateway, or correct it",
                    ));
                }
                for one in taken {
                    let routes = match self.of_server(service, one.reads, &requests, caller) {
                        Ok(routes) => routes,
                        Err((reason, help)) => {
                            why = Some((format!("{reason} of Gateway {place}"), help));
                            continue;
                        }
                    };
                    let hosts = &mut table.hosts;
                    let at = *places.entry(one.domain.clone()).or_insert_with(|| {
                        let name = if one.domain == full {
                            &host.value
                        } else {
                            &one.domain
                        };
                        let domains = vec![one.domain.clone()];
                        let mut new = Self::virtual_host(service, name, host.span, domains);
                        new.https_only = one.redirects;
                        if object.is_none() {
                            new.caveats.push(not_given(&place));
                        }
                        self.unread(namespace, &mut new.caveats);
                        hosts.push(new);
                        hosts.len() - 1
                    });
                    let known = &mut hosts[at];
                    // "tcp at a gateway": one chain of filters, which the first rule makes.
                    if one.reads == Reads::Connections && !known.routes.is_empty() {
                        continue;
                    }
                    if known.objects.last() != Some(&service.object()) {
                        known.objects.push(service.object());
                    }
                    known.routes.extend_from_slice(&routes);
                    let opaque = service.opaque.as_ref().filter(|_| service.http.is_empty());
                    known.unjudged = match opaque {
                        Some(opaque) if none_left(&known.routes) => {
                            Some(Self::unjudged(service, opaque, &full, None, None))
                        }
                        _ => known.unjudged.take().filter(|_| none_left(&known.routes)),
                    };
                }
            }
            table.elsewhere.extend(why.map(|(why, help)| {
                elsewhere(service, Code::RefusedRule, &why, Some(help.to_owned()))
            }));
        }
        for host in &mut table.hosts {
            host.routes
                .sort_by_key(|route| catches_all(&route.conditions));
        }
        table
    }

    /// What a rule routes at a server that looks at requests, handshakes or connections.
    fn of_server(
        &self,
        service: &VirtualService,
        reads: Reads,
        requests: &[Route],
        caller: Caller<'_>,
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
    fn up_to_a_catch_all(&self, service: &VirtualService, caller: Caller<'_>) -> Vec<Route> {
        let mut routes = self.routes(service, caller);
        let end = routes
            .iter()
            .position(|route| catches_all(&route.conditions));
        routes.truncate(end.map_or(routes.len(), |end| end + 1));
        routes
    }

    /// What the servers of a gateway make of a host: the narrower of both names, and whether HTTP is redirected.
    fn taken(&self, gateway: Option<&Gateway>, host: &str, home: &str) -> Vec<Taken> {
        let Some(gateway) = gateway else {
            return vec![Taken {
                domain: host.to_owned(),
                reads: Reads::Requests,
                redirects: false,
            }];
        };
        let port = self.vantage.port;
        let dialled =
            |server: &Server| port.is_some() && server.port.as_ref().map(|p| p.value) == port;
        let any = gateway.servers.iter().any(dialled);
        let servers = gateway
            .servers
            .iter()
            .filter(|server| !any || dialled(server));
        let mut taken: Vec<Taken> = Vec::new();
        for server in servers {
            for name in &server.hosts {
                let Some(narrower) = narrower(&name.value, host, home, &gateway.meta.namespace)
                else {
                    continue;
                };
                // A connection carries no host.
                let domain = match server.reads {
                    Reads::Connections => "*".to_owned(),
                    _ => narrower,
                };
                let same = |one: &&mut Taken| one.domain == domain && one.reads == server.reads;
                match taken.iter_mut().find(same) {
                    Some(known) => known.redirects &= server.https_redirect,
                    None => taken.push(Taken {
                        domain,
                        reads: server.reads,
                        redirects: server.https_redirect,
                    }),
                }
            }
        }
        // Handshakes are looked at before requests.
        taken.sort_by_key(|one| one.reads != Reads::Handshakes);
        taken
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

fn not_given(place: &str) -> Caveat {
    let message =
        format!("Gateway {place} is not in these manifests, so that its own hosts are not checked");
    Caveat::about(Code::GatewayNotGiven, message, None).help("pass its file too")
}
