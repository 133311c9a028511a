//! Whether a host has routes on the port that is dialled, and under which names.

use super::lower::Compiler;
use super::missing_destinations::{correct_host, suggestion};
use super::sidecar_scope::Scope;
use super::unrouted::wrong_port;
use crate::manifest::kube::Carries;
use crate::manifest::mesh::names::{covers, service_of};
use crate::manifest::mesh::registry_service::RegistryService;
use crate::route::Transport;

/// The only port on which a sidecar routes a host that is in no registry.
pub(super) const ANY_HOST_PORT: u16 = 80;

/// Why the rule of a host does not apply on a port, and what to do about it.
pub(super) type OffPort = (String, Option<String>);

impl Compiler<'_> {
    /// Why no rule applies to a host on the port that is dialled, as far as the manifests tell; `None` where one does.
    pub(super) fn off_port(
        &self,
        full: &str,
        known: Option<RegistryService<'_>>,
        client: &str,
    ) -> Option<OffPort> {
        let port = self.vantage.port?;
        if let Some(known) = known {
            return other_port(known, port).or_else(|| self.taken_as_http(known, client));
        }
        if !self.is_unregistered(full) {
            return None;
        }
        if let Some(owner) = self.connected_to(full) {
            let meta = owner.meta();
            let why = format!(
                "has the host `{full}`, and where that is called the connection goes to {meta}, on a port that is not declared as HTTP"
            );
            let help = format!("name `{}` under `hosts`", meta.name);
            return Some((why, Some(help)));
        }
        if port == ANY_HOST_PORT && !self.index.listens(port, client) {
            let why = format!(
                "has the host `{full}`, which no Service or ServiceEntry that this client sees has, and none of them has an HTTP port {port}: its proxy does not listen there"
            );
            return Some((why, Some(correct_host(&self.index, full))));
        }
        (port != ANY_HOST_PORT).then(|| {
            let why = format!(
                "has the host `{full}`, which no Service or ServiceEntry that this client sees has: such a host is routed on port {ANY_HOST_PORT} only, and port {port} is dialled"
            );
            (why, Some(correct_host(&self.index, full)))
        })
    }

    /// Requests to a TCP port of a `ServiceEntry` without an address, on a port where other services have HTTP: the proxies
    /// listen there for both, and what begins like HTTP is looked up among the hosts of those.
    pub(super) fn taken_as_http(
        &self,
        known: RegistryService<'_>,
        client: &str,
    ) -> Option<OffPort> {
        let RegistryService::Entry(entry) = known else {
            return None;
        };
        let port = known.dialled(self.vantage.port)?;
        let anywhere = entry.addresses.is_empty()
            && (known.picked_by_client().is_none() || entry.endpoints.is_empty());
        let taken = self.vantage.transport == Transport::Plain
            && anywhere
            && matches!(self.carries(&port), Carries::Other(_))
            && self.index.listens(port.number, client);
        let (meta, number) = (known.meta(), port.number);
        taken.then(|| {
            let why = format!(
                "is about {meta}, whose port {number} is declared as TCP and has no address of its own: other services have HTTP on port {number}, and requests are looked up among their hosts"
            );
            let help = "declare the port as HTTP (`protocol: HTTP`), or give the ServiceEntry an address";
            (why, Some(help.to_owned()))
        })
    }

    /// Whether a host of a Service without the port has routes there all the same: on port 80 every host has, under its
    /// full name, where some Service makes the proxies listen.
    pub(super) fn literal(&self, known: Option<RegistryService<'_>>, client: &str) -> bool {
        let port = self.vantage.port;
        let without = known.zip(port).is_some_and(|(known, port)| {
            !known.ports().is_empty() && other_port(known, port).is_some()
        });
        without && port == Some(ANY_HOST_PORT) && self.index.listens(ANY_HOST_PORT, client)
    }

    /// Whether a wildcard takes registered hosts on the port that is dialled: then it takes only those.
    pub(super) fn takes_registered(&self, wildcard: &str, scope: &Scope<'_>, client: &str) -> bool {
        let Some(port) = self.vantage.port else {
            return false;
        };
        let mut hosts = self.index.registry.hosts().into_iter();
        hosts.any(|full| {
            covers(wildcard, &full)
                && self
                    .index
                    .registry
                    .registered(&full, client)
                    .is_some_and(|known| {
                        scope.sees(&known.meta().namespace, &full)
                            && known.ports().iter().any(|one| one.number == port)
                    })
        })
    }

    /// Whether it is certain that nothing registers a host: the manifests hold its neighbours, and not the host.
    pub(super) fn is_unregistered(&self, full: &str) -> bool {
        if self.index.registry.resolve_alias(full).is_some() {
            return false;
        }
        match service_of(full) {
            Some((_, home)) => {
                !self.index.registry.all(full).is_empty()
                    || self.index.registry.services_in(home).next().is_some()
            }
            None => self.index.registry.has_registry(),
        }
    }

    /// The Service to whose address a name leads that is taken literally, where the address decides and not `Host`.
    fn connected_to(&self, full: &str) -> Option<RegistryService<'_>> {
        let meant = suggestion(&self.index, full)?;
        let all = self.index.registry.all(&meant);
        let known = *all.first()?;
        let port = known.dialled(self.vantage.port)?;
        (known.has_address() && self.carries(&port) != Carries::Http).then_some(known)
    }
}

/// Why a Service has no rules on a port: it does not have the port.
pub(super) fn other_port(known: RegistryService<'_>, port: u16) -> Option<OffPort> {
    let ports = known.ports();
    if ports.iter().any(|one| one.number == port) {
        return None;
    }
    let numbers: Vec<String> = ports.iter().map(|one| one.number.to_string()).collect();
    let why = match &numbers[..] {
        [] => format!(
            "applies to the TCP ports of {}, which lists none",
            known.meta()
        ),
        numbers => format!(
            "applies to the ports of {}, which has {} and no port {port}",
            known.meta(),
            numbers.join(", ")
        ),
    };
    Some((why, wrong_port(known, port).help))
}
