//! Consul's config entries, as JSON or YAML: `service-splitter`, which has no `apiVersion`.

use std::collections::BTreeMap;

use super::decode::decode;
use super::kind::{By, Places, Step, WeightedKind};
use super::kinds::splitter;
use crate::manifest::decode::Decoder;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::weighted_backend::required;
use crate::manifest::yaml::{Node, Scalar};
use crate::manifest::{Manifests, Object};
use crate::split::Mechanism;

const KIND: &str = "service-splitter";

/// How the fields of an entry are written.
struct Spelling {
    name: &'static str,
    namespace: &'static str,
    row: WeightedKind,
}

/// As its documentation has them.
static CAPITALS: Spelling = Spelling {
    name: "Name",
    namespace: "Namespace",
    row: WeightedKind {
        by: By::Consul {
            service: "Service",
            subset: "ServiceSubset",
            namespace: "Namespace",
        },
        weight: "Weight",
        ..splitter(&[Places {
            label: "Splits",
            at: &[],
            backends: &[&[Step::Each("Splits", "a split")]],
            mechanism: Mechanism::Iid,
        }])
    },
};

/// As its HTTP interface takes them too.
static SNAKE: Spelling = Spelling {
    name: "name",
    namespace: "namespace",
    row: WeightedKind {
        by: By::Consul {
            service: "service",
            subset: "service_subset",
            namespace: "namespace",
        },
        ..splitter(&[Places {
            label: "splits",
            at: &[],
            backends: &[&[Step::Each("splits", "a split")]],
            mechanism: Mechanism::Iid,
        }])
    },
};

/// Reads a config entry. Whether the node is one.
pub(in crate::manifest) fn entry(
    node: &Node<'_>,
    manifests: &mut Manifests,
    decoder: &mut Decoder<'_>,
) -> bool {
    let kind = |key: &str| {
        let text = node.get(key).and_then(Node::scalar);
        text == Some(Scalar::Text(KIND))
    };
    let spelling = if kind("Kind") {
        &CAPITALS
    } else if kind("kind") && node.get("apiVersion").is_none() {
        &SNAKE
    } else {
        return false;
    };
    let Some(mut fields) = decoder.map(node, "a config entry") else {
        return true;
    };
    let Some(name) = required(&mut fields, spelling.name, decoder) else {
        return true;
    };
    let namespace = fields.text(spelling.namespace, decoder);
    let meta = Meta {
        kind: KIND.to_owned(),
        name: name.value,
        namespace: namespace.map_or_else(|| "default".to_owned(), |namespace| namespace.value),
        created: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        span: name.span,
    };
    manifests.objects.push(Object {
        api_version: "consul.hashicorp.com/v1alpha1".to_owned(),
        kind: meta.kind.clone(),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        span: meta.span,
        start: fields.span,
    });
    let found = decode(&spelling.row, meta, &mut fields, decoder);
    manifests.weights_only.extend(found);
    true
}
