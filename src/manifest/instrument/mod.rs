//! Patches that make the proxies write `x-resplit` on the responses of each destination of a rule: which cluster was picked,
//! at which address, by which route, and with which response flags.
//!
//! The cluster is written out for each destination. `%UPSTREAM_CLUSTER%` would do for responses and for most replies of the
//! proxy, but it is empty where the proxy does not have the cluster (flag `NC`).

mod gateway_api_route;
mod virtual_service;

use serde_json::{Value as Json, json};

use super::mesh::names::{covers, full_name};
use super::yaml::{Node, Scalar, Value, documents};
use crate::diag::{Sources, Span};

/// The header, which `--bucket auto` reads.
pub const HEADER: &str = "x-resplit";
/// What follows the cluster in its value.
const REST: &str = "%UPSTREAM_REMOTE_ADDRESS%;%ROUTE_NAME%;%RESPONSE_FLAGS%";

/// The value of the header where the cluster is not written out.
#[must_use]
pub fn any_cluster() -> String {
    format!("%UPSTREAM_CLUSTER%;{REST}")
}

/// A JSON patch of one object.
#[derive(Clone, Debug)]
pub struct Patch {
    /// `VirtualService`, `HTTPRoute` or `GRPCRoute`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub span: Span,
    /// What is added or removed (RFC 6902).
    pub operations: Vec<Operation>,
}

/// One operation of a JSON patch.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Adds a value at a path.
    Add(String, Json),
    /// Removes what is at a path.
    Remove(String),
}

/// Whether the header is added or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// To every destination that does not have it.
    Add,
    /// From every destination that has it.
    Remove,
}

/// What the objects of these texts say that can write headers.
#[derive(Clone, Debug, Default)]
pub struct Instrumentation {
    /// The patches, in the order of the texts.
    pub patches: Vec<Patch>,
    /// The hosts of all rules that were looked at.
    pub hosts: Vec<String>,
    /// How many rules' objects are as they should be already.
    pub unchanged: usize,
}

/// The patches for all rules of these texts, or for those of one host.
#[must_use]
pub fn instrument(sources: &Sources, host: Option<&str>, change: Change) -> Instrumentation {
    let mut found = Instrumentation::default();
    for (id, source) in sources.iter() {
        documents(id, source.text(), &mut Vec::new(), &mut |document, _| {
            found.object(&document, host, change);
        });
    }
    found
}

impl Instrumentation {
    fn object(&mut self, node: &Node<'_>, host: Option<&str>, change: Change) {
        let kind = text(node, "kind").unwrap_or_default();
        if kind.ends_with("List") {
            for item in items(node, "items") {
                self.object(item, host, change);
            }
            return;
        }
        let group = text(node, "apiVersion").unwrap_or_default();
        let group = group.split('/').next().unwrap_or_default();
        let (Some(metadata), Some(spec)) = (node.get("metadata"), node.get("spec")) else {
            return;
        };
        let Some(name) = metadata.get("name") else {
            return;
        };
        let namespace = text(metadata, "namespace").unwrap_or("default");
        let (hosts, operations) = match (group, kind) {
            ("networking.istio.io", "VirtualService") => (
                virtual_service::hosts(spec),
                virtual_service::operations(spec, namespace, change),
            ),
            ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute") => (
                gateway_api_route::hosts(spec),
                gateway_api_route::operations(spec, namespace, change),
            ),
            _ => return,
        };
        let meant = |host: &str| {
            let host = full_name(host, namespace);
            hosts
                .iter()
                .any(|own| covers(&full_name(own, namespace), &host))
        };
        let wanted = host.is_none_or(meant);
        self.hosts.extend(hosts.iter().cloned());
        let own = text(metadata, "name").filter(|name| is_name(name) && is_name(namespace));
        let Some(own) = own.filter(|_| wanted) else {
            return;
        };
        if operations.is_empty() {
            self.unchanged += 1;
            return;
        }
        self.patches.push(Patch {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: own.to_owned(),
            span: name.span,
            operations,
        });
    }
}

impl Operation {
    /// As JSON patch has it.
    #[must_use]
    pub fn json(&self) -> Json {
        match self {
            Self::Add(path, value) => json!({ "op": "add", "path": path, "value": value }),
            Self::Remove(path) => json!({ "op": "remove", "path": path }),
        }
    }
}

/// The value of the header for the cluster of a destination, named as Istio names it.
fn value(host: &str, subset: &str, port: Option<&str>) -> String {
    let port = port.unwrap_or_default();
    format!("outbound|{port}|{subset}|{host};{REST}")
}

/// Whether a name is one that Kubernetes takes: anything else does not belong into a command.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    !name.is_empty() && !name.starts_with('-') && name.chars().all(allowed)
}

/// The text of a field.
fn text<'n>(node: &'n Node<'_>, key: &str) -> Option<&'n str> {
    match node.get(key)?.scalar()? {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}

/// The port number in a field, as text.
fn number(node: &Node<'_>, key: &str) -> Option<String> {
    match node.get(key)?.scalar()? {
        Scalar::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The items of a list, none where there is no list.
fn items<'n, 's>(node: &'n Node<'s>, key: &str) -> &'n [Node<'s>] {
    match node.get(key).map(|list| &list.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The entries of a map, or items of a list.
fn len(node: &Node<'_>) -> usize {
    match &node.value {
        Value::Map(entries) => entries.len(),
        Value::List(items) => items.len(),
        Value::Scalar { .. } => 0,
    }
}
