//! Services and service entries as the mesh sees them: one kind of thing with hosts and ports.

use super::names::covers;
use super::service_entry::ServiceEntry;
use crate::diag::Span;
use crate::manifest::decode::At;
use crate::manifest::kube::{Carries, Meta, Service};

/// Something that has a host in the mesh.
#[derive(Clone, Copy, Debug)]
pub(in crate::manifest) enum RegistryService<'m> {
    Service(&'m Service),
    Entry(&'m ServiceEntry),
}

/// One of its ports.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct Port<'m> {
    pub(in crate::manifest) number: u16,
    pub(in crate::manifest) name: Option<&'m str>,
    pub(in crate::manifest) carries: Carries,
    // What decided the protocol.
    pub(in crate::manifest) span: Span,
}

impl<'m> RegistryService<'m> {
    pub(in crate::manifest) fn meta(self) -> &'m Meta {
        match self {
            Self::Service(service) => &service.meta,
            Self::Entry(entry) => &entry.meta,
        }
    }

    pub(in crate::manifest) fn export_to(self) -> &'m [At<String>] {
        match self {
            Self::Service(service) => &service.export_to,
            Self::Entry(entry) => &entry.export_to,
        }
    }

    pub(in crate::manifest) fn ports(self) -> Vec<Port<'m>> {
        fn text(text: Option<&At<String>>) -> Option<&str> {
            text.map(|text| text.value.as_str())
        }
        match self {
            Self::Service(service) => {
                // A proxy of a mesh takes no datagrams.
                let udp = |text: &At<String>| text.value.eq_ignore_ascii_case("UDP");
                let streams =
                    (service.ports.iter()).filter(|port| !port.protocol.as_ref().is_some_and(udp));
                let ports = streams.map(|port| Port {
                    number: port.port.value,
                    name: text(port.name.as_ref()),
                    carries: port.carries(),
                    span: port
                        .app_protocol
                        .as_ref()
                        .or(port.name.as_ref())
                        .map_or(port.port.span, |name| name.span),
                });
                ports.collect()
            }
            Self::Entry(entry) => {
                let ports = entry.ports.iter().map(|port| Port {
                    number: port.number.value,
                    name: text(port.name.as_ref()),
                    carries: port.carries(),
                    span: port.protocol.as_ref().map_or(port.number.span, |p| p.span),
                });
                ports.collect()
            }
        }
    }

    /// The port that is dialled; the only one where that is not known.
    pub(in crate::manifest) fn dialled(self, port: Option<u16>) -> Option<Port<'m>> {
        let mut ports = self.ports();
        match port {
            Some(port) => ports.into_iter().find(|one| one.number == port),
            None if ports.len() == 1 => ports.pop(),
            None => None,
        }
    }

    /// The host under which proxies know it, of the one that is called: the wildcard, where it has no other.
    pub(in crate::manifest) fn host_for(self, called: String) -> String {
        let Self::Entry(entry) = self else {
            return called;
        };
        let hosts = || entry.hosts.iter().map(|host| host.value.to_lowercase());
        if hosts().any(|host| host == called) {
            return called;
        }
        let wild = hosts().filter(|host| covers(host, &called));
        wild.max_by_key(String::len).unwrap_or(called)
    }

    /// The port that leads to a port of its pods.
    pub(in crate::manifest) fn port_of_target(self, target: u16) -> Option<u16> {
        let Self::Service(service) = self else {
            return None;
        };
        let text = target.to_string();
        let mut ports = service.ports.iter();
        ports
            .find(|port| port.target.as_deref() == Some(text.as_str()))
            .map(|port| port.port.value)
    }

    /// Where it says that the client has picked an endpoint before the proxy is asked.
    pub(in crate::manifest) fn picked_by_client(self) -> Option<Span> {
        match self {
            Self::Service(service) => {
                let ip = service.cluster_ip.as_ref();
                ip.filter(|ip| ip.value == "None").map(|ip| ip.span)
            }
            // Without a resolution it is `NONE`.
            Self::Entry(entry) => match &entry.resolution {
                Some(resolution) => (resolution.value == "NONE").then_some(resolution.span),
                None => Some(entry.meta.span),
            },
        }
    }

    /// The addresses that stand for it.
    pub(in crate::manifest) fn addresses(self) -> Vec<&'m str> {
        let all = match self {
            Self::Service(service) if service.cluster_ips.is_empty() => {
                service.cluster_ip.as_slice()
            }
            Self::Service(service) => &service.cluster_ips,
            Self::Entry(entry) => &entry.addresses,
        };
        let address = |text: &'m At<String>| {
            let text = text.value.as_str();
            text.parse::<std::net::IpAddr>().is_ok().then_some(text)
        };
        all.iter().filter_map(address).collect()
    }

    /// Whether it has an address of its own, so that where a connection goes tells the service.
    pub(in crate::manifest) fn has_address(self) -> bool {
        match self {
            Self::Service(service) => {
                self.picked_by_client().is_none() && service.external_name.is_none()
            }
            Self::Entry(_) => !self.addresses().is_empty(),
        }
    }
}
