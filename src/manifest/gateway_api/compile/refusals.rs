//! Whether a listener takes a route, and why it does not.

use super::index::Index;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{
    ApiRoute, From, Gateway, Listener, ParentKind, ParentRef,
};
use crate::route::AppliesTo;

/// Whether a parent reference means a listener.
pub(super) fn chooses(parent: &ParentRef, home: &str, listener: &Listener) -> bool {
    let own = match &listener.set {
        None => parent.kind == ParentKind::Gateway,
        Some(set) => {
            parent.kind == ParentKind::ListenerSet
                && parent.namespace(home) == set.namespace
                && parent.name.value == set.name
        }
    };
    let section = parent.section.as_ref();
    let port = parent.port.as_ref();
    own && section.is_none_or(|name| name.value == listener.name.value)
        && port.is_none_or(|port| port.value == listener.port)
}

/// Whether a listener allows routes of this namespace and kind.
pub(super) fn admits(
    index: &Index<'_>,
    gateway: &Gateway,
    listener: &Listener,
    route: &ApiRoute,
) -> Result<Option<Note<AppliesTo>>, String> {
    let home = &route.meta.namespace;
    let owner = listener.set.as_ref().unwrap_or(&gateway.meta);
    let refused = |from: &str| {
        format!(
            "is in namespace {home}, from which the listener `{}` of {} takes no routes (`allowedRoutes.namespaces.from: {from}`)",
            listener.name.value, owner
        )
    };
    let kind = route.kind.name();
    if !listener.kinds.is_empty() && listener.kinds.iter().all(|one| one.value != kind) {
        return Err(format!(
            "is not of a kind that the listener `{}` of {} takes (`allowedRoutes.kinds`)",
            listener.name.value, owner
        ));
    }
    match &listener.from {
        From::All => Ok(None),
        From::Same if owner.namespace == *home => Ok(None),
        From::Same => Err(refused("Same")),
        From::Nobody => Err(refused("None")),
        From::Selected(selector) => {
            let (labels, complete) = index.labels(home);
            match selector.selects(&labels, complete) {
                Some(true) => Ok(None),
                Some(false) => Err(refused("Selector")),
                None => {
                    let message = format!(
                        "the labels of namespace {home} are not known, by which the listener `{}` of {} selects: taken to be selected",
                        listener.name.value, owner
                    );
                    let caveat =
                        Note::about(Code::UnknownNamespaceLabels, message, Some(listener.span()));
                    Ok(Some(caveat.help("pass the Namespace object too")))
                }
            }
        }
    }
}

/// "Listener name. When both Port and SectionName are specified, the name and port of the selected listener must match
/// both specified values."
pub(super) fn no_listener(
    gateway: &Gateway,
    listeners: &[&Listener],
    (parent, route): (&ParentRef, &ApiRoute),
    dialled: Option<u16>,
) -> String {
    let (home, kind) = (&route.meta.namespace, route.kind);
    let whole = ParentRef {
        section: None,
        port: None,
        ..parent.clone()
    };
    let own = listeners.iter().filter(|one| chooses(&whole, home, one));
    let owner = match parent.kind {
        ParentKind::ListenerSet if own.clone().next().is_none() => {
            return format!(
                "is bound to {}, which has no listener that {} takes (`allowedListeners`, or a conflict)",
                parent.called(home),
                gateway.meta
            );
        }
        ParentKind::ListenerSet => parent.called(home),
        _ => gateway.meta.to_string(),
    };
    let asked: Vec<String> = [
        parent
            .section
            .as_ref()
            .map(|name| format!("`{}`", name.value)),
        parent
            .port
            .as_ref()
            .map(|port| format!("on port {}", port.value)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let exists = own.clone().find(|one| chooses(parent, home, one));
    let asked = asked.join(" ");
    match (exists, dialled) {
        (Some(listener), _) if kind.of_connections() && !listener.serves(kind) => format!(
            "is bound to {}, whose listener `{}` carries {} and takes no {}",
            owner,
            listener.name.value,
            listener.protocol.value,
            kind.name()
        ),
        (Some(listener), _) if listener.scheme().is_none() && !kind.of_connections() => format!(
            "is bound to {}, whose listener `{}` carries {} and hands no requests to routes",
            owner, listener.name.value, listener.protocol.value
        ),
        (Some(listener), Some(port)) => format!(
            "is bound to the listener `{}` on port {} of {}, and port {port} is dialled",
            listener.name.value, listener.port, owner
        ),
        _ if asked.is_empty() && kind.of_connections() => {
            format!(
                "is bound to {owner}, which has no listener for a {}",
                kind.name()
            )
        }
        _ if asked.is_empty() => format!("is bound to {owner}, which has no HTTP listener"),
        _ => {
            let names: Vec<String> = own
                .map(|listener| format!("{} ({})", listener.name.value, listener.port))
                .collect();
            format!(
                "asks for the listener {asked} of {}, whose listeners are {}",
                owner,
                names.join(", ")
            )
        }
    }
}

/// A port that no listener has leads to one all the same where something in front of the Gateway maps ports.
pub(super) fn mapped(
    gateway: &Gateway,
    listeners: &[&Listener],
    port: u16,
) -> Option<Note<AppliesTo>> {
    let mut ports: Vec<u16> = listeners.iter().map(|one| one.port).collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() || ports.contains(&port) {
        return None;
    }
    let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
    let message = format!(
        "{} has no listener on port {port} (it has {}): taken to be mapped to one of them by what stands in front of it",
        gateway.meta,
        numbers.join(", ")
    );
    Some(Note::about(
        Code::MappedPort,
        message,
        Some(gateway.meta.span),
    ))
}
