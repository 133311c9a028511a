//! The header in a `ResponseHeaderModifier` of each backend of an HTTPRoute or GRPCRoute.

use serde_json::json;

use super::{Change, HEADER, Operation, items, len, number, text, value};
use crate::manifest::mesh::names::full_name;
use crate::manifest::yaml::{Node, Scalar};

const FILTER: &str = "ResponseHeaderModifier";
const FIELD: &str = "responseHeaderModifier";

/// The hosts that a route is for: its own, and the Services that it is attached to.
pub(super) fn hosts(spec: &Node<'_>) -> Vec<String> {
    let name = |node: &Node<'_>| match node.scalar()? {
        Scalar::Text(host) => Some(host.to_owned()),
        _ => None,
    };
    let own = items(spec, "hostnames").iter().filter_map(name);
    let parents = items(spec, "parentRefs").iter();
    let services = parents.filter(|parent| text(parent, "kind") == Some("Service"));
    own.chain(services.filter_map(|parent| text(parent, "name").map(str::to_owned)))
        .collect()
}

/// What is added to, or removed from, its backends.
pub(super) fn operations(spec: &Node<'_>, namespace: &str, change: Change) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (rule, node) in items(spec, "rules").iter().enumerate() {
        for (at, backend) in items(node, "backendRefs").iter().enumerate() {
            let path = format!("/spec/rules/{rule}/backendRefs/{at}/filters");
            operations.extend(match change {
                Change::Add => add(backend, &path, namespace),
                Change::Remove => remove(backend, &path),
            });
        }
    }
    operations
}

fn add(backend: &Node<'_>, path: &str, namespace: &str) -> Option<Operation> {
    let home = text(backend, "namespace").unwrap_or(namespace);
    let host = full_name(text(backend, "name")?, home);
    let port = number(backend, "port");
    let header = json!({ "name": HEADER, "value": value(&host, "", port.as_deref()) });
    let whole = json!({ "type": FILTER, FIELD: { "set": [&header] } });
    if backend.get("filters").is_none_or(Node::is_null) {
        return Some(Operation::Add(path.to_owned(), json!([whole])));
    }
    let Some((at, filter)) = modifier(backend) else {
        return Some(Operation::Add(format!("{path}/-"), whole));
    };
    let path = format!("{path}/{at}/{FIELD}/set");
    if filter.get("set").is_none_or(Node::is_null) {
        return Some(Operation::Add(path, json!([header])));
    }
    (place(filter).is_none()).then(|| Operation::Add(format!("{path}/-"), header))
}

/// Removes the header, and the filter where it holds nothing else.
fn remove(backend: &Node<'_>, path: &str) -> Option<Operation> {
    let (at, filter) = modifier(backend)?;
    let own = place(filter)?;
    let last = items(filter, "set").len() == 1;
    let only = last && len(filter) == 1;
    Some(Operation::Remove(
        match (only, items(backend, "filters").len()) {
            (true, 1) => path.to_owned(),
            (true, _) => format!("{path}/{at}"),
            (false, _) if last => format!("{path}/{at}/{FIELD}/set"),
            (false, _) => format!("{path}/{at}/{FIELD}/set/{own}"),
        },
    ))
}

/// The filter of a backend that changes headers of responses, of which there is one at most.
fn modifier<'n, 's>(backend: &'n Node<'s>) -> Option<(usize, &'n Node<'s>)> {
    let mut filters = items(backend, "filters").iter().enumerate();
    filters.find_map(|(at, filter)| Some((at, filter.get(FIELD)?)))
}

/// Which of the headers that are set is this one.
fn place(filter: &Node<'_>) -> Option<usize> {
    let mut set = items(filter, "set").iter();
    set.position(|header| {
        text(header, "name").is_some_and(|name| name.eq_ignore_ascii_case(HEADER))
    })
}
