//! Patches that an EnvoyPatchPolicy makes to what Envoy Gateway programs: routes that it inserts, and the clusters of those.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Dump;
use super::action::Compiler;
use super::clusters::RawCluster;
use super::route_configs::{RawRoute, Route as Inserted};
use crate::diag::Span;
use crate::manifest::Manifests;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Value};
use crate::route::{Implementation, Origin, Route, RouteTable, Vantage};

/// What a policy adds.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The policy.
    pub meta: Meta,
    /// The Gateway whose proxies it is for.
    gateway: String,
    /// Where it is added: `/virtual_hosts/0/routes/0`, or nothing for a whole cluster.
    path: String,
    /// What, with its place.
    added: Json,
    span: Span,
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
        })
    };
    patches.iter().filter_map(patch).collect()
}

/// Inserts the routes of patches for the proxies of a Gateway, where it is clear into which host they go.
pub(in crate::manifest) fn apply(manifests: &Manifests, vantage: &Vantage, table: &mut RouteTable) {
    let Origin::Gateway { namespace, name } = &vantage.origin else {
        return;
    };
    let ours = |patch: &&Patch| patch.gateway == *name && patch.meta.namespace == *namespace;
    let own: Vec<&Patch> = manifests.patches.iter().filter(ours).collect();
    let [host] = table.hosts.as_mut_slice() else {
        return;
    };
    if vantage.implementation != Implementation::EnvoyGateway || own.is_empty() {
        return;
    }
    let clusters = own.iter().filter(|patch| patch.path.is_empty());
    let clusters = clusters.filter_map(|patch| {
        let cluster: RawCluster = serde_json::from_value(patch.added.clone()).ok()?;
        Some(cluster.into_cluster())
    });
    let dump = Dump {
        clusters: clusters.collect::<BTreeMap<_, _>>(),
        ..Dump::default()
    };
    let compiler = Compiler {
        dump: &dump,
        clusters: None,
        session: None,
    };
    for patch in own {
        let Some((at, text)) = place(&patch.path, host.routes.len()).zip(raw(patch)) else {
            continue;
        };
        let (span, conditions) = (patch.span, text.r#match.conditions(patch.span));
        let inserted = Inserted { span, text };
        let route = Route {
            object: patch.meta.to_string(),
            rule: format!("patch {}", patch.path),
            alternative: None,
            name: None,
            span,
            conditions,
            outcome: Arc::new(compiler.outcome(&inserted, None)),
        };
        host.routes.insert(at, route);
    }
}

fn raw(patch: &Patch) -> Option<RawRoute> {
    // A number of a text in JSON borrows from it, so that there has to be a text.
    serde_json::from_str(&patch.added.to_string()).ok()
}

/// The position that a path names in the routes of the only host.
fn place(path: &str, routes: usize) -> Option<usize> {
    let at = path.strip_prefix("/virtual_hosts/0/routes/")?;
    let at = if at == "-" { routes } else { at.parse().ok()? };
    (at <= routes).then_some(at)
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
