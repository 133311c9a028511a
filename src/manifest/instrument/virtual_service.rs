//! The header in `headers.response.set` of each destination of a VirtualService.

use serde_json::{Value as Json, json};

use super::{Change, HEADER, Operation, items, len, number, text, value};
use crate::manifest::mesh::names::full_name;
use crate::manifest::yaml::{Node, Scalar};

/// Where the header stands below a destination.
const PLACE: [&str; 4] = ["headers", "response", "set", HEADER];

/// The hosts that a VirtualService is for.
pub(super) fn hosts(spec: &Node<'_>) -> Vec<String> {
    let name = |node: &Node<'_>| match node.scalar()? {
        Scalar::Text(host) => Some(host.to_owned()),
        _ => None,
    };
    items(spec, "hosts").iter().filter_map(name).collect()
}

/// What is added to, or removed from, its destinations.
pub(super) fn operations(spec: &Node<'_>, namespace: &str, change: Change) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (rule, http) in items(spec, "http").iter().enumerate() {
        for (at, route) in items(http, "route").iter().enumerate() {
            let path = format!("/spec/http/{rule}/route/{at}");
            operations.extend(match change {
                Change::Add => add(route, path, namespace),
                Change::Remove => remove(route, path),
            });
        }
    }
    operations
}

fn add(route: &Node<'_>, mut path: String, namespace: &str) -> Option<Operation> {
    let destination = route.get("destination")?;
    let host = full_name(text(destination, "host")?, namespace);
    let port = destination
        .get("port")
        .and_then(|port| number(port, "number"));
    let subset = text(destination, "subset").unwrap_or_default();
    let mut missing = PLACE.as_slice();
    let mut at = route;
    while let [key, rest @ ..] = missing {
        let Some(next) = at.get(key).filter(|next| !next.is_null()) else {
            break;
        };
        path = format!("{path}/{key}");
        (at, missing) = (next, rest);
    }
    // All of the place is there.
    let [first, below @ ..] = missing else {
        return None;
    };
    let header = Json::from(value(&host, subset, port.as_deref()));
    let nested = below
        .iter()
        .rev()
        .fold(header, |inner, key| json!({ *key: inner }));
    Some(Operation::Add(format!("{path}/{first}"), nested))
}

/// Removes the header, and what would be empty without it.
fn remove(route: &Node<'_>, mut path: String) -> Option<Operation> {
    let (mut at, mut emptied) = (route, None);
    for key in PLACE {
        let next = at.get(key)?;
        // What holds more than this stays.
        if len(at) > 1 || emptied.is_none() {
            emptied = Some(format!("{path}/{key}"));
        }
        path = format!("{path}/{key}");
        at = next;
    }
    emptied.map(Operation::Remove)
}
