//! Attached objects by what they are attached to: no question may look at all of a cluster.

use std::collections::HashMap;

use super::{Attached, ROOT, Side};
use crate::manifest::kube::Meta;

/// The attached objects of manifests.
#[derive(Debug, Default)]
pub(in crate::manifest) struct AttachedIndex<'m> {
    // By namespace, kind and name of what is referred to.
    by_name: HashMap<(&'m str, &'m str, &'m str), Vec<&'m Attached>>,
    // By namespace, where objects are meant by their labels.
    by_labels: HashMap<&'m str, Vec<&'m Attached>>,
    // By namespace, where pods are meant.
    of_pods: HashMap<&'m str, Vec<&'m Attached>>,
}

impl<'m> AttachedIndex<'m> {
    pub(in crate::manifest) fn new(all: &'m [Attached]) -> Self {
        let mut index = Self::default();
        for one in all {
            let namespace = one.meta.namespace.as_str();
            for target in &one.targets {
                match &target.name {
                    Some(name) => {
                        let key = (namespace, target.kind.as_str(), name.as_str());
                        index.by_name.entry(key).or_default().push(one);
                    }
                    None => index.by_labels.entry(namespace).or_default().push(one),
                }
            }
            if one.targets.is_empty() && one.selector.is_some() {
                index.of_pods.entry(namespace).or_default().push(one);
            }
        }
        index
    }

    /// What refers to an object, or to this part of it.
    pub(in crate::manifest) fn referring(
        &self,
        object: &Meta,
        section: Option<&str>,
    ) -> Vec<&'m Attached> {
        let namespace = object.namespace.as_str();
        let key = (namespace, object.kind.as_str(), object.name.as_str());
        let named = self.by_name.get(&key).into_iter().flatten();
        let labelled = self.by_labels.get(namespace).into_iter().flatten();
        let mut found: Vec<&'m Attached> = Vec::new();
        for one in named.chain(labelled) {
            let known = found.iter().any(|known| std::ptr::eq(*known, *one));
            if !known && one.refers_to(object, section) {
                found.push(one);
            }
        }
        found
    }

    /// What selects pods of a namespace and runs on this side of their proxies.
    pub(in crate::manifest) fn running<'i>(
        &'i self,
        namespace: &'i str,
        side: Side,
    ) -> impl Iterator<Item = &'m Attached> + use<'i, 'm> {
        let own = self.of_pods.get(namespace).filter(|_| namespace != ROOT);
        let all = self.of_pods.get(ROOT);
        let every = own.into_iter().chain(all).flatten().copied();
        every.filter(move |one| one.is_for(namespace, side))
    }
}
