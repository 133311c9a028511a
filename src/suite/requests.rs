//! Requests that show what manifests declare: for every rule and each of its alternatives one that it takes, and those beside it
//! that it does not.

use super::gateways::gateways;
use super::world::World;
use crate::manifest::full_name;
use crate::manifest::istio::Reads;
use crate::route::example_request::{Reach, near_misses, route_reaches};
use crate::route::{Origin, Probe, Vantage, VirtualHost, resolve};

/// Ports of a host that are asked.
const MOST_PORTS: usize = 4;

/// A request with a name.
pub(super) struct Request {
    pub(super) name: String,
    pub(super) from: Vantage,
    pub(super) probe: Probe,
}

impl World {
    /// The requests from a place, or from the mesh and all gateways.
    pub(super) fn requests(&self, from: Option<&Vantage>) -> Vec<Request> {
        let everywhere = || {
            let gateways = gateways(&self.manifests).into_iter();
            let gateways = gateways.map(|(namespace, name)| Vantage::gateway(namespace, name));
            std::iter::once(Vantage::mesh(None, None))
                .chain(gateways)
                .collect()
        };
        let places: Vec<Vantage> = from.map_or_else(everywhere, |from| vec![from.clone()]);
        let mut requests = Vec::new();
        for place in places {
            let table = self.table(&place);
            for host in &table.hosts {
                for url in self.urls(host, &place) {
                    self.of_host(&url, &place, &mut requests);
                }
            }
        }
        requests
    }

    /// The requests to one host and port.
    fn of_host(&self, like: &Probe, place: &Vantage, requests: &mut Vec<Request>) {
        let table = self.table(&place.clone().dialling(like));
        let Ok(resolution) = resolve(&table, like) else {
            return;
        };
        let mut add = |name: String, probe: Probe| {
            let known = |one: &Request| one.probe == probe && one.from == *place;
            if !requests.iter().any(known) {
                requests.push(Request {
                    name,
                    from: place.clone(),
                    probe,
                });
            }
        };
        let at = match &place.origin {
            Origin::Gateway { namespace, name } => format!(" at {namespace}/{name}"),
            Origin::Mesh { .. } => String::new(),
        };
        let host = resolution.host;
        let to = &like.authority;
        let reaches = route_reaches(&table, host, like);
        for reach in &reaches {
            if let Reach::By(probe) = &reach.reach {
                add(
                    format!("{to} {}{at}", reach.route.label()),
                    (**probe).clone(),
                );
            }
        }
        for reach in &reaches {
            let Reach::By(probe) = &reach.reach else {
                continue;
            };
            for (field, miss) in near_misses(host, reach.route, probe) {
                add(
                    format!("{to} beside {} ({field}){at}", reach.route.label()),
                    miss,
                );
            }
        }
        add(format!("{to}{at}"), like.clone());
    }

    /// A request to each port of a host.
    fn urls(&self, host: &VirtualHost, place: &Vantage) -> Vec<Probe> {
        let Some(name) = host.domains.first() else {
            return Vec::new();
        };
        // What a wildcard stands for may be anything.
        let name = match name.as_str() {
            "*" => "any.example.com".to_owned(),
            name => name.replace('*', "any"),
        };
        let ports = match &place.origin {
            Origin::Mesh { .. } => self.service_ports(host),
            Origin::Gateway { namespace, name } => self.server_ports(namespace, name),
        };
        let ports = if ports.is_empty() {
            vec![("http", 80)]
        } else {
            ports
        };
        let probe = |(scheme, port): (&str, u16)| {
            let url = format!("{scheme}://{name}:{port}/").parse().ok()?;
            Probe::new("GET", &url)
        };
        ports
            .into_iter()
            .take(MOST_PORTS)
            .filter_map(probe)
            .collect()
    }

    /// The ports of what a host of the mesh names.
    fn service_ports(&self, host: &VirtualHost) -> Vec<(&'static str, u16)> {
        let called = |name: &str| host.domains.iter().any(|domain| domain == name);
        let services = self.manifests.services.iter();
        let own = services.filter(|one| called(&full_name(&one.meta.name, &one.meta.namespace)));
        let of_services = own.flat_map(|one| one.ports.iter().map(|port| port.port.value));
        let entries = self.manifests.service_entries.iter();
        let own = entries.filter(|one| {
            one.hosts
                .iter()
                .any(|name| called(&name.value.to_lowercase()))
        });
        let of_entries = own.flat_map(|one| one.ports.iter().map(|port| port.number.value));
        let mut ports: Vec<(&str, u16)> = of_services
            .chain(of_entries)
            .map(|port| ("http", port))
            .collect();
        ports.dedup();
        ports
    }

    /// The ports on which a gateway takes requests.
    fn server_ports(&self, namespace: &str, name: &str) -> Vec<(&'static str, u16)> {
        let scheme = |encrypted: bool| if encrypted { "https" } else { "http" };
        let gateways = self.manifests.gateways.iter();
        let own = gateways.filter(|one| one.meta.namespace == namespace && one.meta.name == name);
        let servers = own
            .flat_map(|one| &one.servers)
            .filter(|one| one.reads == Reads::Requests);
        let of_servers =
            servers.filter_map(|one| Some((scheme(one.encrypted), one.port.as_ref()?.value)));
        let gateways = self.manifests.api_gateways.iter();
        let own = gateways.filter(|one| one.meta.namespace == namespace && one.meta.name == name);
        let listeners = own.flat_map(|one| &one.listeners);
        let of_listeners = listeners.filter_map(|one| Some((one.scheme()?, one.port)));
        let mut ports: Vec<(&str, u16)> = of_servers.chain(of_listeners).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}
