//! Objects of the Gateway API by what refers to them: no question may look at all of a cluster.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::manifest::Manifests;
use crate::manifest::attached::AttachedIndex;
use crate::manifest::gateway_api::objects::{
    ApiRoute, BackendRef, EnvoyBackend, From, Gateway, GatewayClass, InferencePool, Listener,
    ListenerSet, ParentRef, ReferenceGrant, RouteFilter, TrafficPolicy,
};
use crate::manifest::kube::Meta;
use crate::manifest::mesh::{Registry, ServiceEntry};
use crate::manifest::mesh_splits::mesh_splits;
use crate::manifest::secret::Secret;

/// A namespace and a name in it.
type Name<'m> = (&'m str, &'m str);

/// The objects of manifests, found by what refers to them.
pub(in crate::manifest) struct Index<'m> {
    pub(super) registry: Registry<'m>,
    gateways: HashMap<Name<'m>, &'m Gateway>,
    classes: HashMap<&'m str, &'m GatewayClass>,
    // By the Gateway that they are for, the first in order of precedence first.
    sets: HashMap<Name<'m>, Vec<&'m ListenerSet>>,
    // By the Gateways and sets of listeners that they are for.
    routes: HashMap<Name<'m>, Vec<&'m ApiRoute>>,
    entries: HashMap<Name<'m>, &'m ServiceEntry>,
    pools: HashMap<Name<'m>, &'m InferencePool>,
    filters: HashMap<Name<'m>, &'m RouteFilter>,
    envoy_backends: HashMap<Name<'m>, &'m EnvoyBackend>,
    // By the namespace they open.
    grants: HashMap<&'m str, Vec<&'m ReferenceGrant>>,
    namespaces: HashMap<&'m str, &'m BTreeMap<String, String>>,
    // By namespace, kind and name of their targets.
    policies: HashMap<(&'m str, &'m str, &'m str), Vec<&'m TrafficPolicy>>,
    // Those that select their targets by labels, by namespace.
    selecting: HashMap<&'m str, Vec<&'m TrafficPolicy>>,
    pub(super) attached: AttachedIndex<'m>,
    any_attached: bool,
    pub(super) secrets: &'m [Secret],
    manifests: &'m Manifests,
    // Made when it is asked for the first time.
    splits: OnceCell<HashMap<String, String>>,
}

impl<'m> Index<'m> {
    /// Reads all manifests once.
    pub(in crate::manifest) fn new(manifests: &'m Manifests) -> Self {
        let mut index = Self {
            registry: Registry::new(manifests),
            gateways: named(&manifests.api_gateways, |gateway| &gateway.meta),
            classes: HashMap::new(),
            sets: HashMap::new(),
            routes: HashMap::new(),
            entries: named(&manifests.service_entries, |entry| &entry.meta),
            pools: named(&manifests.inference_pools, |pool| &pool.meta),
            filters: named(&manifests.route_filters, |filter| &filter.meta),
            envoy_backends: named(&manifests.envoy_backends, |backend| &backend.meta),
            grants: HashMap::new(),
            namespaces: HashMap::new(),
            policies: HashMap::new(),
            selecting: HashMap::new(),
            attached: AttachedIndex::new(&manifests.attached),
            any_attached: !manifests.attached.is_empty(),
            secrets: &manifests.secrets,
            manifests,
            splits: OnceCell::new(),
        };
        for grant in &manifests.reference_grants {
            let namespace = grant.meta.namespace.as_str();
            index.grants.entry(namespace).or_default().push(grant);
        }
        let mut sets: Vec<&ListenerSet> = manifests.listener_sets.iter().collect();
        sets.sort_by_cached_key(|set| {
            let meta = &set.meta;
            (
                meta.created.clone(),
                format!("{}/{}", meta.namespace, meta.name),
            )
        });
        for set in sets {
            index.sets.entry(set.gateway()).or_default().push(set);
        }
        for route in manifests.api_routes() {
            let parents = route.parents.iter().filter(|parent| !parent.in_mesh());
            let name = |parent: &'m ParentRef| {
                let namespace = parent.namespace(&route.meta.namespace);
                (namespace, parent.name.value.as_str())
            };
            let names: BTreeSet<Name<'_>> = parents.map(name).collect();
            for name in names {
                index.routes.entry(name).or_default().push(route);
            }
        }
        for class in &manifests.gateway_classes {
            index.classes.entry(&class.meta.name).or_insert(class);
        }
        for meta in &manifests.namespaces {
            index.namespaces.entry(&meta.name).or_insert(&meta.labels);
        }
        for policy in &manifests.traffic_policies {
            for target in &policy.targets {
                let key = (
                    policy.meta.namespace.as_str(),
                    target.kind.as_str(),
                    target.name.as_str(),
                );
                index.policies.entry(key).or_default().push(policy);
            }
            if !policy.selectors.is_empty() {
                let namespace = policy.meta.namespace.as_str();
                index.selecting.entry(namespace).or_default().push(policy);
            }
        }
        index
    }

    /// A Gateway.
    pub(super) fn gateway(&self, namespace: &str, name: &str) -> Option<&'m Gateway> {
        self.gateways.get(&(namespace, name)).copied()
    }

    /// A Gateway of this name in another namespace.
    pub(super) fn namesake(&self, namespace: &str, name: &str) -> Option<&'m Gateway> {
        let others = self.gateways.iter();
        let others = others.filter(|((of, called), _)| *called == name && *of != namespace);
        others
            .min_by_key(|((of, _), _)| *of)
            .map(|(_, gateway)| *gateway)
    }

    /// The routes that ask for a Gateway or for one of its sets of listeners, and maybe some others.
    pub(super) fn routes(&self, namespace: &str, name: &str) -> Vec<&'m ApiRoute> {
        let sets = self.sets.get(&(namespace, name)).into_iter().flatten();
        let sets = sets.map(|set| (set.meta.namespace.as_str(), set.meta.name.as_str()));
        let names: BTreeSet<Name<'_>> = sets.chain([(namespace, name)]).collect();
        let found = names.into_iter().filter_map(|name| self.routes.get(&name));
        found.flatten().copied().collect()
    }

    /// The sets of listeners for a Gateway.
    pub(super) fn sets(&self, namespace: &str, name: &str) -> Vec<&'m ListenerSet> {
        self.sets
            .get(&(namespace, name))
            .cloned()
            .unwrap_or_default()
    }

    /// The listeners of a Gateway: "Implementations MUST treat the parent Gateway as having the merged list of all listeners
    /// from itself and attached `ListenerSets` using the following precedence: "parent" Gateway, `ListenerSet` ordered by
    /// creation time (oldest first), `ListenerSet` ordered alphabetically". Of two for the same the first one counts.
    pub(super) fn listeners(&self, gateway: &'m Gateway) -> Vec<&'m Listener> {
        let meta = &gateway.meta;
        let sets = self.sets(&meta.namespace, &meta.name).into_iter();
        let sets = sets.filter(|set| self.allows(gateway, set));
        let all = (gateway.listeners.iter()).chain(sets.flat_map(|set| &set.listeners));
        let mut merged: Vec<&'m Listener> = Vec::new();
        for listener in all {
            if listener.set.is_none() || !merged.iter().any(|one| one.excludes(listener)) {
                merged.push(listener);
            }
        }
        merged
    }

    /// "`AllowedListeners` defines which `ListenerSets` can be attached to this Gateway. The default value is to allow no
    /// `ListenerSets`." Of a namespace whose labels are not known it is taken to be allowed.
    pub(super) fn allows(&self, gateway: &Gateway, set: &ListenerSet) -> bool {
        let home = &set.meta.namespace;
        match &gateway.sets_from {
            From::All => true,
            From::Same => *home == gateway.meta.namespace,
            From::Nobody => false,
            From::Selected(selector) => {
                let (labels, complete) = self.labels(home);
                selector.selects(&labels, complete) != Some(false)
            }
        }
    }

    /// A class of Gateways.
    pub(super) fn class(&self, name: &str) -> Option<&'m GatewayClass> {
        self.classes.get(name).copied()
    }

    /// A `ServiceEntry` by its own name.
    pub(super) fn entry(&self, namespace: &str, name: &str) -> Option<&'m ServiceEntry> {
        self.entries.get(&(namespace, name)).copied()
    }

    /// What a filter of Envoy Gateway replies by itself.
    pub(super) fn direct_response(&self, namespace: &str, name: &str) -> Option<u16> {
        self.filters.get(&(namespace, name))?.direct
    }

    /// An InferencePool.
    pub(super) fn pool(&self, namespace: &str, name: &str) -> Option<&'m InferencePool> {
        self.pools.get(&(namespace, name)).copied()
    }

    /// A Backend of Envoy Gateway.
    pub(super) fn envoy_backend(&self, namespace: &str, name: &str) -> Option<&'m EnvoyBackend> {
        self.envoy_backends.get(&(namespace, name)).copied()
    }

    /// Whether a namespace lets a route name one of its objects.
    pub(super) fn granted(
        &self,
        route: &ApiRoute,
        namespace: &str,
        group: &str,
        kind: &str,
        name: &str,
    ) -> bool {
        let grants = self.grants.get(namespace).into_iter().flatten();
        grants
            .copied()
            .any(|grant| grant.allows(route, group, kind, name))
    }

    /// The labels of a namespace, and whether these are all of them.
    pub(super) fn labels(&self, namespace: &str) -> (BTreeMap<String, String>, bool) {
        let given = self.namespaces.get(namespace);
        let mut labels = given.map_or_else(BTreeMap::new, |labels| (*labels).clone());
        // Every namespace carries its name.
        labels.insert(
            "kubernetes.io/metadata.name".to_owned(),
            namespace.to_owned(),
        );
        (labels, given.is_some())
    }

    /// The policies for a route or a Gateway.
    pub(super) fn policies(&self, meta: &Meta) -> Vec<&'m TrafficPolicy> {
        let namespace = meta.namespace.as_str();
        let key = (namespace, meta.kind.as_str(), meta.name.as_str());
        let named = self.policies.get(&key).into_iter().flatten();
        let selecting = self.selecting.get(namespace).into_iter().flatten();
        named.chain(selecting).copied().collect()
    }

    /// The rule of the mesh that splits a host.
    pub(super) fn splitting(&self, host: &str) -> Option<&str> {
        let splits = self.splits.get_or_init(|| mesh_splits(self.manifests));
        splits.get(host).map(String::as_str)
    }

    /// Whether anything is attached to anything.
    pub(super) fn attached_to_any(&self) -> bool {
        self.any_attached
    }
}

/// The full host name of a Service that a route in namespace `home` names.
pub(super) fn service_host(backend: &BackendRef, home: &str) -> String {
    let namespace = backend.namespace(home);
    format!("{}.{namespace}.svc.cluster.local", backend.name.value)
}

fn named<'m, T>(all: &'m [T], meta: impl Fn(&'m T) -> &'m Meta) -> HashMap<Name<'m>, &'m T> {
    let mut found = HashMap::new();
    for one in all {
        let meta = meta(one);
        let name = (meta.namespace.as_str(), meta.name.as_str());
        found.entry(name).or_insert(one);
    }
    found
}
