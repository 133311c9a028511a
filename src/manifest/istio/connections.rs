//! `tcp` and `tls` routes: where they apply, and why a split by them is not judged where they do not.

use std::sync::Arc;

use super::VirtualService;
use super::lower::Compiler;
use super::outcome::connections;
use super::routes::{at, routes_of};
use crate::manifest::decode::At;
use crate::manifest::kube::{Carries, Service, ServicePort};
use crate::route::{Route, Unjudged};

impl<'m> Compiler<'m> {
    /// The port of the service behind a host that is dialled, as far as it is known.
    pub(super) fn dialled(&self, host: &str) -> Option<(&'m Service, &'m ServicePort)> {
        let service = self.index.service(host)?;
        let port = match self.vantage.port {
            Some(port) => service.ports.iter().find(|one| one.port.value == port),
            None => service.ports.first().filter(|_| service.ports.len() == 1),
        };
        port.map(|port| (service, port))
    }

    /// "tcp[]: chosen only on TCP/opaque ports": the routes that connections to a host take, if it has such a port.
    pub(super) fn connections(
        &self,
        service: &VirtualService,
        host: &str,
        client: &str,
    ) -> Option<Vec<Route>> {
        let (_, port) = self.dialled(host)?;
        if service.tcp.is_empty() || !matches!(port.carries(), Carries::Other(_)) {
            return None;
        }
        let mut routes = Vec::new();
        for (index, tcp) in service.tcp.iter().enumerate() {
            let home = &service.meta.namespace;
            let outcome = connections(&self.index, tcp, home, client, self.vantage.port);
            let sets = self.alternatives(&tcp.matches, service, client, "mesh");
            let place = at(service, format!("tcp[{index}]"), tcp.span);
            routes.extend(routes_of(&place, sets, &Arc::new(outcome)));
        }
        // What no rule takes goes to the service as if there were none.
        routes.push(self.default_route(service, host));
        Some(routes)
    }

    /// Why nothing can be said about requests to a host whose only split is one of connections.
    pub(super) fn unjudged(
        &self,
        service: &VirtualService,
        opaque: &At<&'static str>,
        host: &str,
    ) -> Unjudged {
        let (object, key) = (service.object(), opaque.value);
        let (message, help) = match (key, self.dialled(host)) {
            ("tls", _) => (
                format!("{object} splits `tls`, by the name in a TLS handshake, which resplit does not judge"),
                "declare the split with --expect NAME=WEIGHT,… and --balancing connection".to_owned(),
            ),
            (_, Some((of, port))) => {
                let number = port.port.value;
                let what = match port.carries() {
                    Carries::Http => format!("the HTTP port {number} of {}", of.meta),
                    _ => format!("HTTP requests on port {number} of {}, which is not declared as TCP", of.meta),
                };
                (
                    format!("{object} splits `tcp`, which does not apply to {what}: its requests take the default route"),
                    "write the split under `http:`, or name the port tcp-… if connections are meant".to_owned(),
                )
            }
            (_, None) => (
                format!(
                    "{object} splits `tcp`, which does not apply to HTTP requests, and no Service in these manifests says \
                     that the port of `{host}` is TCP"
                ),
                "write the split under `http:`, or pass the file of the Service with its tcp-… port too".to_owned(),
            ),
        };
        Unjudged {
            message,
            help,
            span: opaque.span,
        }
    }
}
