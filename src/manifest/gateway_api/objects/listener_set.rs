//! A `ListenerSet` as written: listeners that are added to those of a Gateway.

use super::gateway::Listener;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;

/// A `ListenerSet`.
#[derive(Clone, Debug)]
pub struct ListenerSet {
    /// Its identity.
    pub meta: Meta,
    /// The namespace of its Gateway; `None` for its own.
    namespace: Option<At<String>>,
    /// The name of its Gateway.
    gateway: At<String>,
    /// Its listeners.
    pub listeners: Vec<Listener>,
}

impl ListenerSet {
    /// A set from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a ListenerSet spec", decoder)?;
        let mut parent = spec.map("parentRef", "a parentRef", decoder)?;
        parent.ignore(&["group", "kind"]);
        let gateway = parent.required("name", decoder);
        let namespace = parent.text("namespace", decoder);
        parent.finish(decoder);
        let listeners = spec.list("listeners", decoder, |node, decoder| {
            Listener::decode(node, Some(&meta), decoder)
        });
        spec.finish(decoder);
        Some(Self {
            namespace,
            gateway: gateway?,
            listeners,
            meta,
        })
    }

    /// The namespace and name of its Gateway.
    #[must_use]
    pub fn gateway(&self) -> (&str, &str) {
        let home = &self.meta.namespace;
        let namespace = self.namespace.as_ref();
        (
            namespace.map_or(home, |one| &one.value),
            &self.gateway.value,
        )
    }
}
