//! Requests that show what manifests declare: for every rule and each of its alternatives one that it takes, and those beside it
//! that it does not.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::gateways::gateways;
use super::world::World;
use crate::manifest::decode::At;
use crate::manifest::istio::Reads;
use crate::manifest::{Lowering, Manifests, full_name};
use crate::route::example_request::{Reach, near_misses, route_reaches};
use crate::route::{Origin, Probe, Vantage, VirtualHost, resolve_untraced};

/// Ports of a host that are asked.
const MOST_PORTS: usize = 4;

/// A request with a name.
pub(super) struct Request {
    pub(super) name: String,
    pub(super) from: Vantage,
    pub(super) probe: Probe,
}

impl World {
    /// The requests from a place, or from the mesh and all gateways. Gateways of the same proxies take the same: each is asked
    /// for what the rules that are bound to it declare.
    pub(super) fn requests(&self, from: Option<&Vantage>) -> Vec<Request> {
        let mut requests = Requests {
            world: self,
            lowering: Lowering::new(&self.manifests),
            ports: PortsOfNames::new(&self.manifests),
            known: HashSet::new(),
            found: Vec::new(),
        };
        if let Some(from) = from {
            requests.at(from, |_| true);
            return requests.found;
        }
        requests.at(&Vantage::mesh(None, None), |_| true);
        let services = self.manifests.virtual_services.iter();
        let bound: HashMap<String, HashSet<String>> = services
            .map(|service| (service.object(), service.bindings().into_iter().collect()))
            .collect();
        for (namespace, name) in gateways(&self.manifests) {
            let place = format!("{namespace}/{name}");
            requests.at(&Vantage::gateway(namespace, name), |host| {
                let rules = host.objects.iter().filter_map(|own| bound.get(own));
                let mut rules = rules.peekable();
                rules.peek().is_none() || rules.any(|places| places.contains(&place))
            });
        }
        requests.found
    }
}

/// Requests, while they are looked for.
struct Requests<'w> {
    world: &'w World,
    lowering: Lowering<'w>,
    ports: PortsOfNames<'w>,
    /// Those from the place that is looked at.
    known: HashSet<Probe>,
    found: Vec<Request>,
}

impl Requests<'_> {
    /// Adds those from a place to some of the hosts.
    fn at(&mut self, place: &Vantage, asked: impl Fn(&VirtualHost) -> bool) {
        self.known.clear();
        let table = self.world.table_by(&self.lowering, place);
        for host in table.hosts.iter().filter(|host| asked(host)) {
            for url in self.urls(host, place) {
                self.of_host(&url, place);
            }
        }
    }

    /// Adds the requests to one host and port.
    fn of_host(&mut self, like: &Probe, place: &Vantage) {
        let dialled = place.clone().dialling(like);
        let table = self.world.table_by(&self.lowering, &dialled);
        let Ok(resolution) = resolve_untraced(&table, like) else {
            return;
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
                let name = format!("{to} {}{at}", reach.route.label());
                self.add(name, place, (**probe).clone());
            }
        }
        for reach in &reaches {
            let Reach::By(probe) = &reach.reach else {
                continue;
            };
            for (field, miss) in near_misses(host, reach.route, probe) {
                let name = format!("{to} beside {} ({field}){at}", reach.route.label());
                self.add(name, place, miss);
            }
        }
        self.add(format!("{to}{at}"), place, like.clone());
    }

    fn add(&mut self, name: String, place: &Vantage, probe: Probe) {
        if self.known.insert(probe.clone()) {
            self.found.push(Request {
                name,
                from: place.clone(),
                probe,
            });
        }
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
            Origin::Mesh { .. } => self.ports.of(host),
            Origin::Gateway { namespace, name } => {
                server_ports(&self.world.manifests, namespace, name)
            }
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
}

/// The ports of what the manifests register, by its names.
struct PortsOfNames<'m> {
    /// The positions in `ports`.
    names: HashMap<String, Vec<usize>>,
    /// Those of the services, and then those of the entries.
    ports: Vec<Vec<&'m At<u16>>>,
}

impl<'m> PortsOfNames<'m> {
    fn new(manifests: &'m Manifests) -> Self {
        let mut own = Self {
            names: HashMap::new(),
            ports: Vec::new(),
        };
        for one in &manifests.services {
            let name = full_name(&one.meta.name, &one.meta.namespace);
            own.add(
                std::iter::once(name),
                one.ports.iter().map(|port| &port.port),
            );
        }
        for one in &manifests.service_entries {
            let names = one.hosts.iter().map(|name| name.value.to_lowercase());
            own.add(names, one.ports.iter().map(|port| &port.number));
        }
        own
    }

    fn add(
        &mut self,
        names: impl Iterator<Item = String>,
        ports: impl Iterator<Item = &'m At<u16>>,
    ) {
        for name in names {
            self.names.entry(name).or_default().push(self.ports.len());
        }
        self.ports.push(ports.collect());
    }

    /// The ports of what a host of the mesh names.
    fn of(&self, host: &VirtualHost) -> Vec<(&'static str, u16)> {
        let named = host.domains.iter().filter_map(|name| self.names.get(name));
        let own: BTreeSet<usize> = named.flatten().copied().collect();
        let ports = own.iter().flat_map(|at| &self.ports[*at]);
        let mut ports: Vec<(&str, u16)> = ports.map(|port| ("http", port.value)).collect();
        ports.dedup();
        ports
    }
}

/// The ports on which a gateway takes requests.
fn server_ports(manifests: &Manifests, namespace: &str, name: &str) -> Vec<(&'static str, u16)> {
    let scheme = |encrypted: bool| if encrypted { "https" } else { "http" };
    let gateways = manifests.gateways.iter();
    let own = gateways.filter(|one| one.meta.namespace == namespace && one.meta.name == name);
    let servers = own
        .flat_map(|one| &one.servers)
        .filter(|one| one.reads == Reads::Requests);
    let of_servers =
        servers.filter_map(|one| Some((scheme(one.encrypted), one.port.as_ref()?.value)));
    let gateways = manifests.api_gateways.iter();
    let own = gateways.filter(|one| one.meta.namespace == namespace && one.meta.name == name);
    let listeners = own.flat_map(|one| &one.listeners);
    let of_listeners = listeners.filter_map(|one| Some((one.scheme()?, one.port)));
    let mut ports: Vec<(&str, u16)> = of_servers.chain(of_listeners).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
