//! Objects of the Gateway API by what refers to them: no question may look at all of a cluster.

use std::collections::{BTreeMap, HashMap};

use crate::manifest::Manifests;
use crate::manifest::attached::AttachedIndex;
use crate::manifest::gateway_api::objects::{
    ApiRoute, BackendRef, EnvoyBackend, Gateway, InferencePool, ReferenceGrant, TrafficPolicy,
};
use crate::manifest::kube::Meta;
use crate::manifest::mesh::{Registry, ServiceEntry};

/// A namespace and a name in it.
type Name<'m> = (&'m str, &'m str);

/// The objects of manifests, found by what refers to them.
pub(super) struct Index<'m> {
    pub(super) registry: Registry<'m>,
    gateways: HashMap<Name<'m>, &'m Gateway>,
    entries: HashMap<Name<'m>, &'m ServiceEntry>,
    pools: HashMap<Name<'m>, &'m InferencePool>,
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
}

impl<'m> Index<'m> {
    /// Reads all manifests once.
    pub(super) fn new(manifests: &'m Manifests) -> Self {
        let mut index = Self {
            registry: Registry::new(manifests),
            gateways: named(&manifests.api_gateways, |gateway| &gateway.meta),
            entries: named(&manifests.service_entries, |entry| &entry.meta),
            pools: named(&manifests.inference_pools, |pool| &pool.meta),
            envoy_backends: named(&manifests.envoy_backends, |backend| &backend.meta),
            grants: HashMap::new(),
            namespaces: HashMap::new(),
            policies: HashMap::new(),
            selecting: HashMap::new(),
            attached: AttachedIndex::new(&manifests.attached),
            any_attached: !manifests.attached.is_empty(),
        };
        for grant in &manifests.reference_grants {
            let namespace = grant.meta.namespace.as_str();
            index.grants.entry(namespace).or_default().push(grant);
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

    /// A `ServiceEntry` by its own name.
    pub(super) fn entry(&self, namespace: &str, name: &str) -> Option<&'m ServiceEntry> {
        self.entries.get(&(namespace, name)).copied()
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
