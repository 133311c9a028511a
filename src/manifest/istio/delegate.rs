//! Delegation: the routes of another VirtualService, each under the conditions of the route that delegates.

use std::sync::Arc;

use super::attach;
use super::lower::Compiler;
use super::outcome::{abort, notable, outcome};
use super::routes::{nothing, push};
use super::{HttpRoute, VirtualService};
use crate::manifest::decode::At;
use crate::route::{Caveat, Condition, Route, Test, TextMatch};

impl Compiler<'_> {
    /// The routes that a delegating route stands for; one that never matches where the delegate cannot be found.
    pub(super) fn delegated(
        &self,
        root: &VirtualService,
        (index, from): (usize, &HttpRoute),
        (home, name): (&str, &At<String>),
        client: &str,
        place: &str,
    ) -> Vec<Route> {
        let mut routes = Vec::new();
        let outer = self.alternatives(&from.matches, root, client, place);
        let Some(leaf) = self.delegate(&name.value, home, &root.meta.namespace) else {
            push(
                &mut routes,
                root,
                index,
                from,
                dropped(outer, home, name),
                &nothing(),
            );
            return routes;
        };
        for (index, http) in leaf.http.iter().enumerate() {
            let own = &leaf.meta.namespace;
            let Some(mut outcome) = outcome(&self.index, http, own, client, self.vantage.port)
            else {
                // Delegation goes one level deep.
                continue;
            };
            outcome.abort = outcome.abort.or_else(|| from.abort.and_then(abort));
            outcome.caveats.extend(from.notable.iter().map(notable));
            let inner = self.alternatives(&http.matches, leaf, client, place);
            push(
                &mut routes,
                leaf,
                index,
                http,
                merged(&outer, &inner, name),
                &Arc::new(outcome),
            );
        }
        routes
    }

    /// A delegate is a VirtualService without hosts that is exported to the one that refers to it.
    fn delegate(&self, name: &str, home: &str, root: &str) -> Option<&VirtualService> {
        let found = self.index.virtual_service(home, name)?;
        (found.hosts.is_empty() && attach::visibility(&found.export_to, home, root).is_some())
            .then_some(found)
    }
}

/// "Result = cross product (root x leaf)"; "every delegate match must be compatible with >=1 root match, else the
/// delegate route is dropped".
fn merged(
    outer: &[Vec<Condition>],
    inner: &[Vec<Condition>],
    name: &At<String>,
) -> Vec<Vec<Condition>> {
    let mut sets = Vec::new();
    for inner in inner {
        let fitting = outer.iter().filter(|outer| !conflict(outer, inner));
        let before = sets.len();
        sets.extend(fitting.map(|outer| [&outer[..], &inner[..]].concat()));
        if sets.len() == before {
            let field = "delegate.match".to_owned();
            return vec![vec![Condition {
                field,
                span: name.span,
                test: Test::Fixed(false),
            }]];
        }
    }
    sets
}

/// Whether two lists of conditions set the same field in ways that Istio does not merge.
fn conflict(outer: &[Condition], inner: &[Condition]) -> bool {
    outer.iter().any(|outer| {
        inner
            .iter()
            .filter(|inner| inner.field == outer.field)
            .any(|inner| match (text(&outer.test), text(&inner.test)) {
                (Some(outer), Some(inner)) => apart(outer, inner),
                _ => false,
            })
    })
}

fn text(test: &Test) -> Option<&TextMatch> {
    match test {
        Test::Path(how) | Test::Method(how) | Test::Authority(how) | Test::Scheme(how) => Some(how),
        Test::Header(header) => Some(&header.value),
        Test::Query { value, .. } => Some(value),
        Test::Fixed(_) | Test::Assumed(_) | Test::Unknowable(_) => None,
    }
}

/// "root exact vs leaf prefix, non-prefix overlap, any regex on both".
fn apart(outer: &TextMatch, inner: &TextMatch) -> bool {
    use TextMatch::{Exact, Prefix, Present};
    match (outer, inner) {
        (Present, _) | (_, Present) => false,
        (Exact { text: outer, .. }, Exact { text: inner, .. }) => outer != inner,
        (Prefix { text: outer, .. }, Exact { text: inner, .. } | Prefix { text: inner, .. }) => {
            !inner.starts_with(outer.as_str())
        }
        // Regular expressions, and a prefix below something exact; Istio has no other kinds.
        _ => true,
    }
}

/// The alternatives of a route whose delegate cannot be found: they never match, and say so.
fn dropped(mut sets: Vec<Vec<Condition>>, home: &str, name: &At<String>) -> Vec<Vec<Condition>> {
    for conditions in &mut sets {
        let message = format!(
            "VirtualService {home}/{} is not in these manifests, or is no delegate: Istio drops this route",
            name.value
        );
        let test = Test::Unknowable(Caveat::new("delegate-not-found", message, Some(name.span)));
        conditions.push(Condition {
            field: "delegate".to_owned(),
            span: name.span,
            test,
        });
    }
    sets
}
