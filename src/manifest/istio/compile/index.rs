//! Objects by what refers to them. A cluster has tens of thousands of rules, each of which asks for several objects:
//! none of these questions may look at all of them.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::proxy_context::{ProxyContext, ProxyKind};
use super::subsets::Subsets;
use crate::manifest::Manifests;
use crate::manifest::attached::AttachedIndex;
use crate::manifest::istio::objects::{DestinationRule, Gateway, Sidecar, VirtualService};
use crate::manifest::kube::Carries;
use crate::manifest::mesh::names::{full_name, service_of};
use crate::manifest::mesh::registry::Registry;
use crate::manifest::mesh::registry_service::RegistryService;
use crate::manifest::mesh::visibility::visibility;
use crate::manifest::mesh_splits::mesh_splits;

/// A namespace and a name in it.
type Name<'m> = (&'m str, &'m str);

/// Those of a client, where they are known.
type Labels = Option<BTreeMap<String, String>>;

/// The objects of manifests, found by what refers to them.
pub(in crate::manifest) struct Index<'m> {
    pub(in crate::manifest) manifests: &'m Manifests,
    pub(super) registry: Registry<'m>,
    sidecars: HashMap<&'m str, Vec<&'m Sidecar>>,
    virtual_services: HashMap<Name<'m>, &'m VirtualService>,
    // By the places that they are bound to.
    bound: HashMap<String, Vec<&'m VirtualService>>,
    gateways: HashMap<Name<'m>, &'m Gateway>,
    // By the labels of their proxies.
    selecting: HashMap<&'m BTreeMap<String, String>, Vec<&'m Gateway>>,
    // By full host; those with a wildcard by what follows the `*`.
    rules: HashMap<String, Vec<&'m DestinationRule>>,
    wildcards: HashMap<String, Vec<&'m DestinationRule>>,
    pub(super) attached: AttachedIndex<'m>,
    // By host, and by namespace and labels of the client.
    subsets: RefCell<HashMap<(String, String, Labels), Rc<Subsets<'m>>>>,
    splitting: OnceCell<HashMap<String, String>>,
    // By the ports of HTTP that they have.
    listening: OnceCell<HashMap<u16, Vec<RegistryService<'m>>>>,
}

impl<'m> Index<'m> {
    /// Reads all manifests once.
    pub(in crate::manifest) fn new(manifests: &'m Manifests) -> Self {
        let mut index = Self {
            manifests,
            registry: Registry::new(manifests),
            sidecars: HashMap::new(),
            virtual_services: HashMap::new(),
            bound: HashMap::new(),
            gateways: HashMap::new(),
            selecting: HashMap::new(),
            rules: HashMap::new(),
            wildcards: HashMap::new(),
            attached: AttachedIndex::new(&manifests.attached),
            subsets: RefCell::default(),
            splitting: OnceCell::new(),
            listening: OnceCell::new(),
        };
        for sidecar in &manifests.sidecars {
            let namespace = sidecar.meta.namespace.as_str();
            index.sidecars.entry(namespace).or_default().push(sidecar);
        }
        for sidecars in index.sidecars.values_mut() {
            sidecars.sort_by_key(|one| (&one.meta.created, &one.meta.name));
        }
        for service in &manifests.virtual_services {
            let meta = &service.meta;
            let name = (meta.namespace.as_str(), meta.name.as_str());
            index.virtual_services.entry(name).or_insert(service);
            for place in BTreeSet::from_iter(service.bindings()) {
                index.bound.entry(place).or_default().push(service);
            }
        }
        for gateway in &manifests.gateways {
            let name = (gateway.meta.namespace.as_str(), gateway.meta.name.as_str());
            index.gateways.entry(name).or_insert(gateway);
            let of_proxies = index.selecting.entry(&gateway.selector).or_default();
            of_proxies.push(gateway);
        }
        for rule in &manifests.destination_rules {
            let host = full_name(&rule.host.value, &rule.meta.namespace);
            let (map, key) = match host.strip_prefix('*') {
                Some(suffix) => (&mut index.wildcards, suffix.to_owned()),
                None => (&mut index.rules, host),
            };
            map.entry(key).or_default().push(rule);
        }
        index
    }

    /// Whether some Service or `ServiceEntry` has this port for HTTP, so that proxies listen on it whatever the address.
    pub(super) fn listens(&self, port: u16, client: &str) -> bool {
        self.listening(port, client).next().is_some()
    }

    /// Those that have it.
    pub(super) fn listening<'i>(
        &'i self,
        port: u16,
        client: &'i str,
    ) -> impl Iterator<Item = RegistryService<'m>> + 'i {
        let all = self.listening.get_or_init(|| {
            let services = self.manifests.services.iter().map(RegistryService::Service);
            let entries = (self.manifests.service_entries.iter()).map(RegistryService::Entry);
            let mut all: HashMap<u16, Vec<RegistryService<'m>>> = HashMap::new();
            for one in services.chain(entries) {
                for port in one.ports() {
                    if port.carries == Carries::Http {
                        all.entry(port.number).or_default().push(one);
                    }
                }
            }
            all
        });
        let seen = move |one: &RegistryService<'_>| {
            let home = one.meta().namespace.as_str();
            visibility(one.export_to(), home, client).is_some()
        };
        all.get(&port).into_iter().flatten().copied().filter(seen)
    }

    /// The VirtualService of the mesh that splits a host, asked by a gateway, which does not apply it.
    pub(super) fn splitting(&self, host: &str, caller: ProxyContext<'_>) -> Option<&str> {
        if caller.proxy != ProxyKind::Gateway {
            return None;
        }
        let all = self.splitting.get_or_init(|| mesh_splits(self.manifests));
        all.get(host).map(String::as_str)
    }

    /// The sidecars of a namespace, the oldest first.
    pub(super) fn sidecars(&self, namespace: &str) -> &[&'m Sidecar] {
        self.sidecars.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// A VirtualService.
    pub(super) fn virtual_service(
        &self,
        namespace: &str,
        name: &str,
    ) -> Option<&'m VirtualService> {
        self.virtual_services.get(&(namespace, name)).copied()
    }

    /// The virtual services that are bound to one of these places, each once.
    pub(super) fn bound(&self, places: &[&str]) -> Vec<&'m VirtualService> {
        let found = places.iter().filter_map(|place| self.bound.get(*place));
        let mut known: HashSet<*const VirtualService> = HashSet::new();
        let found = found.flatten().copied();
        found.filter(|one| known.insert(&raw const **one)).collect()
    }

    /// The Gateways for proxies with these labels.
    pub(super) fn selecting(&self, labels: &BTreeMap<String, String>) -> &[&'m Gateway] {
        self.selecting.get(labels).map_or(&[], Vec::as_slice)
    }

    /// A Gateway.
    pub(super) fn gateway(&self, namespace: &str, name: &str) -> Option<&'m Gateway> {
        self.gateways.get(&(namespace, name)).copied()
    }

    /// The destination rules for exactly this host.
    pub(super) fn rules(&self, host: &str) -> &[&'m DestinationRule] {
        let found = match host.strip_prefix('*') {
            Some(suffix) => self.wildcards.get(suffix),
            None => self.rules.get(host),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// The destination rules that cover a host, those for one name together, the most specific name first.
    pub(super) fn covering<'i>(
        &'i self,
        host: &'i str,
    ) -> impl Iterator<Item = &'i [&'m DestinationRule]> {
        let suffixes = (1..=host.len()).filter_map(|start| host.get(start..));
        let wildcards = suffixes
            .filter(|_| !self.wildcards.is_empty())
            .filter_map(|suffix| self.wildcards.get(suffix));
        let exact = self.rules.get(host);
        exact.into_iter().chain(wildcards).map(Vec::as_slice)
    }

    /// What destination rules say about a host to a client.
    pub(super) fn subsets(&self, host: &str, caller: ProxyContext<'_>) -> Rc<Subsets<'m>> {
        let labels = caller.labels.cloned();
        let key = (host.to_owned(), caller.namespace.to_owned(), labels);
        if let Some(known) = self.subsets.borrow().get(&key) {
            return Rc::clone(known);
        }
        let client = caller.namespace;
        let home = match (service_of(host), self.registry.registered(host, client)) {
            (Some((_, namespace)), _) => namespace,
            (None, Some(known)) => &known.meta().namespace,
            (None, None) => client,
        };
        let covering: Vec<_> = self.covering(host).collect();
        let found = Rc::new(Subsets::of(&covering, home, caller));
        self.subsets.borrow_mut().insert(key, Rc::clone(&found));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::manifest::istio::compile::proxy_context::ProxyKind;
    use crate::manifest::parse;

    fn parsed(text: &str) -> Manifests {
        let mut sources = Sources::new();
        sources.add("t.yaml", text);
        let (manifests, problems) = parse(&sources);
        assert_eq!(problems, []);
        manifests
    }

    fn rule(name: &str, host: &str) -> String {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec: {{host: '{host}'}}\n---\n"
        )
    }

    /// "exact host before wildcard, longer wildcard first".
    #[test]
    fn the_rules_that_cover_a_host_come_with_the_most_specific_name_first() {
        let hosts = [
            "*",
            "*.local",
            "a",
            "*.default.svc.cluster.local",
            "b",
            "*.other",
        ];
        let mut text = String::new();
        for (number, host) in hosts.iter().enumerate() {
            text += &rule(&format!("r{number}"), host);
        }
        let manifests = parsed(&text);
        let index = Index::new(&manifests);
        let names = |host: &str| -> Vec<&str> {
            let rules = index.covering(host).flatten();
            rules.map(|rule| rule.meta.name.as_str()).collect()
        };
        assert_eq!(
            names("a.default.svc.cluster.local"),
            ["r2", "r3", "r1", "r0"]
        );
        assert_eq!(names("é.local"), ["r1", "r0"]);
        assert_eq!(names(".local"), ["r0"], "a wildcard stands for something");
    }

    /// What is looked at for one host must not grow with the cluster, or a cluster takes the square of its size.
    #[test]
    fn a_thousand_services_offer_one_candidate_for_each_question() {
        let mut text = String::new();
        for number in 0..1000 {
            let name = format!("s{number}");
            text += &rule(&name, &name);
        }
        let manifests = parsed(&text);
        let index = Index::new(&manifests);
        let rules = index.covering("s7.default.svc.cluster.local").flatten();
        assert_eq!(rules.count(), 1);
        let caller = ProxyContext {
            namespace: "default",
            labels: None,
            sender: None,
            place: "mesh",
            proxy: ProxyKind::Sidecar,
            port: None,
        };
        let first = index.subsets("s7.default.svc.cluster.local", caller);
        let again = index.subsets("s7.default.svc.cluster.local", caller);
        assert!(Rc::ptr_eq(&first, &again), "rules are searched once");
    }
}
