//! Delegation: the routes of another VirtualService, each under the conditions of the route that delegates.

use std::sync::Arc;

use super::lower::Compiler;
use super::outcome::outcome;
use super::proxy_context::ProxyContext;
use super::routes::{nothing, push};
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::At;
use crate::manifest::istio::objects::gateway_name;
use crate::manifest::istio::objects::{HttpAction, HttpMatch, HttpRoute, VirtualService};
use crate::manifest::mesh::visibility::visibility;
use crate::route::{AppliesTo, Condition, Route, Test, TextMatch};

impl<'m> Compiler<'m> {
    /// The routes that a delegating route stands for; one that never matches where there are none.
    pub(super) fn delegated(
        &self,
        root: &VirtualService,
        (index, from): (usize, &HttpRoute),
        (home, name): (&str, &At<String>),
        caller: ProxyContext<'_>,
    ) -> Vec<Route> {
        let mut routes = Vec::new();
        let leaf = match self.delegate(name, home, &root.meta.namespace) {
            Ok(leaf) => leaf,
            Err(caveat) => {
                let mut sets = self.alternatives(&from.matches, root, caller);
                never(&mut sets, name.span, &caveat);
                push(&mut routes, root, index, from, sets, &nothing());
                return routes;
            }
        };
        for (index, http) in leaf.http.iter().enumerate() {
            let (matches, conflict) = match merged(root, &from.matches, leaf, &http.matches) {
                Ok(matches) => (matches, None),
                Err(field) => (
                    http.matches.clone(),
                    Some(conflict_with(root, name, &field)),
                ),
            };
            let home = &leaf.meta.namespace;
            let outcome = outcome(&self.index, &inherited(from, http), home, caller);
            let mut sets = self.alternatives(&matches, leaf, caller);
            let dropped = conflict.or_else(|| outcome.is_none().then(|| nested(http)));
            if let Some(caveat) = dropped {
                never(&mut sets, name.span, &caveat);
            }
            let outcome = outcome.map_or_else(nothing, Arc::new);
            push(&mut routes, leaf, index, http, sets, &outcome);
        }
        routes
    }

    /// "A delegate must be exported to root ns; not found/not visible -> that root route is dropped silently."
    fn delegate(
        &self,
        name: &At<String>,
        home: &str,
        root: &str,
    ) -> Result<&'m VirtualService, Box<Note<AppliesTo>>> {
        let object = format!("VirtualService {home}/{}", name.value);
        let Some(found) = self.index.virtual_service(home, &name.value) else {
            let message =
                format!("{object} is not in these manifests: without it Istio drops this route");
            let caveat = Note::about(Code::DelegateNotFound, message, Some(name.span));
            return Err(Box::new(
                caveat.help("pass its file too, or correct `delegate`"),
            ));
        };
        if !found.hosts.is_empty() {
            let message =
                format!("{object} has hosts, so that it is no delegate: Istio drops this route");
            let caveat = Note::about(Code::DelegateNotFound, message, Some(name.span));
            return Err(Box::new(caveat.help("remove its `hosts`")));
        }
        if visibility(&found.export_to, home, root).is_none() {
            let message =
                format!("{object} is not exported to namespace {root}: Istio drops this route");
            let caveat = Note::about(Code::DelegateNotExported, message, Some(name.span));
            return Err(Box::new(
                caveat.help(format!("add `{root}` to its `exportTo`")),
            ));
        }
        Ok(found)
    }
}

/// Adds what never holds to every alternative, and says why.
fn never(sets: &mut [Vec<Condition>], span: Span, caveat: &Note<AppliesTo>) {
    for set in sets {
        set.push(Condition {
            field: "delegate".to_owned(),
            span,
            test: Test::Unknowable(caveat.clone()),
        });
    }
}

fn conflict_with(root: &VirtualService, name: &At<String>, field: &str) -> Note<AppliesTo> {
    let message = format!(
        "a match of the delegate {} conflicts with every match of {} on `{field}`: Istio drops its route",
        name.value,
        root.object()
    );
    let caveat = Note::about(Code::DelegateConflict, message, Some(name.span));
    caveat.help("let the delegate match a part of what the root matches")
}

fn nested(http: &HttpRoute) -> Note<AppliesTo> {
    let message =
        "a delegate cannot delegate further: Istio goes one level deep and drops this route";
    Note::about(Code::NestedDelegate, message, Some(http.span))
}

/// The route of a delegate with what it takes over: "inherited when unset in the leaf: timeout, retries, fault,
/// corsPolicy, …".
fn inherited(root: &HttpRoute, leaf: &HttpRoute) -> HttpRoute {
    let mut merged = leaf.clone();
    if leaf.fault.is_none() {
        merged.abort = root.abort;
        merged.fault = root.fault;
    }
    for field in &root.notable {
        let own = if field.value.starts_with("fault.") {
            leaf.fault.is_some()
        } else {
            leaf.notable.iter().any(|known| known.value == field.value)
        };
        if !own {
            merged.notable.push(field.clone());
        }
    }
    if let (None, Some(name)) = (&leaf.name, &root.name) {
        merged.name = Some(name.clone());
    }
    debug_assert!(
        !matches!(root.action, HttpAction::Route(_)),
        "a root delegates"
    );
    merged
}

/// "Result = cross product (root x leaf), leaf fields win, maps united. No leaf match -> root match; no root match ->
/// leaf match"; "every delegate match must be compatible with >=1 root match". The error is the field in conflict.
fn merged(
    root: &VirtualService,
    outer: &[HttpMatch],
    leaf: &VirtualService,
    inner: &[HttpMatch],
) -> Result<Vec<HttpMatch>, String> {
    let full = |matches: &[HttpMatch], home: &str| -> Vec<HttpMatch> {
        matches.iter().map(|one| resolved(one, home)).collect()
    };
    let outer = full(outer, &root.meta.namespace);
    let inner = full(inner, &leaf.meta.namespace);
    if outer.is_empty() || inner.is_empty() {
        return Ok(if inner.is_empty() { outer } else { inner });
    }
    let mut all = Vec::new();
    for inner in &inner {
        let before = all.len();
        let mut field = None;
        for outer in &outer {
            match conflict(outer, inner) {
                None => all.push(united(outer, inner)),
                Some(on) => field = Some(on),
            }
        }
        if let (true, Some(field)) = (all.len() == before, field) {
            return Err(field);
        }
    }
    Ok(all)
}

/// A match whose gateways are named in full.
fn resolved(one: &HttpMatch, home: &str) -> HttpMatch {
    let mut one = one.clone();
    for gateway in &mut one.gateways {
        gateway.value = gateway_name(&gateway.value, home);
    }
    one
}

fn united(outer: &HttpMatch, inner: &HttpMatch) -> HttpMatch {
    let mut all = inner.clone();
    for condition in &outer.conditions {
        if !inner
            .conditions
            .iter()
            .any(|own| own.field == condition.field)
        {
            all.conditions.push(condition.clone());
        }
    }
    all.port = inner.port.clone().or_else(|| outer.port.clone());
    if inner.gateways.is_empty() {
        all.gateways.clone_from(&outer.gateways);
    }
    all.source_namespace =
        (inner.source_namespace.clone()).or_else(|| outer.source_namespace.clone());
    all.source_labels = match (&outer.source_labels, &inner.source_labels) {
        (Some(outer), Some(inner)) => {
            let mut labels = outer.value.clone();
            labels.extend(inner.value.clone());
            Some(At {
                value: labels,
                span: inner.span,
            })
        }
        (outer, inner) => inner.clone().or_else(|| outer.clone()),
    };
    all
}

/// The field in which a match of the root and one of the delegate contradict each other, if there is one.
fn conflict(root: &HttpMatch, leaf: &HttpMatch) -> Option<String> {
    let texts = leaf.conditions.iter().find(|inner| {
        let same = root
            .conditions
            .iter()
            .filter(|outer| outer.field == inner.field);
        let mut pairs = same.map(|outer| (outer.test.text(), inner.test.text()));
        pairs.any(|pair| matches!(pair, (Some(outer), Some(inner)) if apart(outer, inner)))
    });
    if let Some(condition) = texts {
        return Some(condition.field.clone());
    }
    let differs = |outer: &Option<At<u16>>, inner: &Option<At<u16>>| matches!((outer, inner), (Some(outer), Some(inner)) if outer.value != inner.value);
    let namespace = |one: &HttpMatch| one.source_namespace.as_ref().map(|at| at.value.clone());
    let labels = match (&root.source_labels, &leaf.source_labels) {
        (Some(outer), Some(inner)) => {
            let mut all = inner.value.iter();
            all.any(|(key, value)| outer.value.get(key).is_some_and(|own| own != value))
        }
        _ => false,
    };
    let wider = |leaf: &HttpMatch| {
        let known =
            |gateway: &At<String>| root.gateways.iter().any(|own| own.value == gateway.value);
        !root.gateways.is_empty() && !leaf.gateways.iter().all(known)
    };
    let field = if root.ignore_case != leaf.ignore_case {
        "ignoreUriCase"
    } else if differs(&root.port, &leaf.port) {
        "port"
    } else if namespace(root).is_some() && namespace(root) != namespace(leaf) {
        "sourceNamespace"
    } else if labels {
        "sourceLabels"
    } else if wider(leaf) {
        "gateways"
    } else {
        return None;
    };
    Some(field.to_owned())
}

/// "root exact vs leaf prefix, non-prefix overlap, any regex on both": what both ask of one field must be the same, or
/// the leaf's must begin with the root's prefix. Presence alone, on either side, is no part of anything else.
fn apart(outer: &TextMatch, inner: &TextMatch) -> bool {
    use TextMatch::{Exact, Prefix};
    match (outer, inner) {
        (Exact { text: outer, .. }, Exact { text: inner, .. }) => outer != inner,
        (Prefix { text: outer, .. }, Exact { text: inner, .. } | Prefix { text: inner, .. }) => {
            !inner.starts_with(outer.as_str())
        }
        _ => true,
    }
}
