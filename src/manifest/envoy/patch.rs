//! Patches that an `EnvoyPatchPolicy` makes to what Envoy Gateway programs, as they are written.

use serde_json::Value as Json;

use crate::diag::Span;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Value};

/// What a policy adds.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The policy.
    pub meta: Meta,
    /// The Gateway whose proxies it is for.
    pub(super) gateway: String,
    /// Where it is added: `/virtual_hosts/0/routes/0`, or nothing for a whole cluster.
    pub(super) path: String,
    /// What, with its place.
    pub(super) added: Json,
    pub(super) span: Span,
    /// The policy adds one route, its cluster, and nothing else.
    pub(super) whole: bool,
}

/// The patches of a policy that add something to Gateways.
pub(in crate::manifest) fn patches(node: &Node<'_>, meta: &Meta) -> Vec<Patch> {
    let spec = node.get("spec");
    let target = spec.and_then(|spec| spec.get("targetRef"));
    let target = target.filter(|target| text(target, "kind").as_deref() == Some("Gateway"));
    let Some(gateway) = target.and_then(|target| text(target, "name")) else {
        return Vec::new();
    };
    let patches = spec.and_then(|spec| spec.get("jsonPatches"));
    let patches = match patches.map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let patch = |node: &Node<'_>| {
        let operation = node.get("operation")?;
        let added = operation.get("value")?;
        (text(operation, "op")? == "add").then(|| Patch {
            meta: meta.clone(),
            gateway: gateway.clone(),
            path: text(operation, "path").unwrap_or_default(),
            added: json(added),
            span: added.span,
            whole: false,
        })
    };
    let mut added: Vec<Patch> = patches.iter().filter_map(patch).collect();
    let routes = added.iter().filter(|patch| !patch.path.is_empty()).count();
    let whole = added.len() == patches.len() && routes == 1;
    for patch in &mut added {
        patch.whole = whole;
    }
    added
}

fn text(node: &Node<'_>, key: &str) -> Option<String> {
    match &node.get(key)?.value {
        Value::Scalar { text, .. } => Some(text.to_string()),
        _ => None,
    }
}

/// The same as JSON: words that JSON knows are what they are there.
fn json(node: &Node<'_>) -> Json {
    match &node.value {
        Value::Scalar { text, plain } => {
            let read = Some(text).filter(|_| *plain);
            let plain = read.and_then(|text| serde_json::from_str::<Json>(text).ok());
            let plain =
                plain.filter(|json| json.is_number() || json.is_boolean() || json.is_null());
            plain.unwrap_or_else(|| Json::String(text.to_string()))
        }
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.to_string(), json(&entry.value)))
            .collect(),
    }
}
