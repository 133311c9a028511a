//! Objects of the Gateway API by what refers to them: no question may look at all of a cluster.

use std::collections::{BTreeMap, HashMap};

use crate::manifest::Manifests;
use crate::manifest::gateway_api::objects::{
    ApiRoute, BackendRef, Gateway, InferencePool, ReferenceGrant, TrafficPolicy,
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
    // By the namespace they open.
    grants: HashMap<&'m str, Vec<&'m ReferenceGrant>>,
    namespaces: HashMap<&'m str, &'m BTreeMap<String, String>>,
    // By namespace, kind and name of their targets.
    policies: HashMap<(&'m str, &'m str, &'m str), Vec<&'m TrafficPolicy>>,
}

impl<'m> Index<'m> {
    /// Reads all manifests once.
    pub(super) fn new(manifests: &'m Manifests) -> Self {
        let mut index = Self {
            registry: Registry::new(manifests),
            gateways: named(&manifests.api_gateways, |gateway| &gateway.meta),
            entries: named(&manifests.service_entries, |entry| &entry.meta),
            pools: named(&manifests.inference_pools, |pool| &pool.meta),
            grants: HashMap::new(),
            namespaces: HashMap::new(),
            policies: HashMap::new(),
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
    pub(super) fn policies<'a>(&'a self, meta: &'a Meta) -> &'a [&'m TrafficPolicy] {
        let key = (
            meta.namespace.as_str(),
            meta.kind.as_str(),
            meta.name.as_str(),
        );
        self.policies.get(&key).map_or(&[], Vec::as_slice)
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
