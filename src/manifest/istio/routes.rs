//! The routes of one VirtualService: every alternative of every rule, with its conditions. Not: which hosts get them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attach;
use super::http_match::HttpMatch;
use super::lower::Compiler;
use super::outcome::outcome;
use super::{HttpAction, HttpRoute, VirtualService};
use crate::diag::Span;
use crate::route::{Action, Caveat, Condition, Origin, Outcome, Route, Test};
use crate::split::Cause;

impl Compiler<'_> {
    /// The routes of one VirtualService for a client, in order.
    pub(super) fn routes(&self, service: &VirtualService, client: &str, place: &str) -> Vec<Route> {
        let mut routes = Vec::new();
        for (index, http) in service.http.iter().enumerate() {
            if let HttpAction::Delegate { name, namespace } = &http.action {
                let home = namespace
                    .as_ref()
                    .map_or(&service.meta.namespace, |namespace| &namespace.value);
                routes.extend(self.delegated(service, (index, http), (home, name), client, place));
                continue;
            }
            let Some(outcome) = outcome(
                &self.index,
                http,
                &service.meta.namespace,
                client,
                self.vantage.port,
            ) else {
                continue;
            };
            let sets = self.alternatives(&http.matches, service, client, place);
            push(&mut routes, service, index, http, sets, &Arc::new(outcome));
        }
        routes
    }

    /// The conditions of each alternative; one empty list for a route that always matches.
    pub(super) fn alternatives(
        &self,
        matches: &[HttpMatch],
        service: &VirtualService,
        client: &str,
        place: &str,
    ) -> Vec<Vec<Condition>> {
        if matches.is_empty() {
            return vec![Vec::new()];
        }
        matches
            .iter()
            .map(|one| self.conditions(one, service, client, place))
            .collect()
    }

    /// "gateways: if set, any must equal the vantage AND THEN sourceLabels/sourceNamespace ARE NOT CHECKED."
    fn conditions(
        &self,
        one: &HttpMatch,
        service: &VirtualService,
        client: &str,
        place: &str,
    ) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut add = |field: &str, span: Span, test: Test| {
            conditions.push(Condition {
                field: field.to_owned(),
                span,
                test,
            });
        };
        if let Some(port) = &one.port {
            let test = match self.vantage.port {
                Some(dialled) => Test::Fixed(dialled == port.value),
                None => Test::Assumed(Caveat::new(
                    "unknown-port",
                    format!(
                        "the port of the service is not known from here; taken to be {}",
                        port.value
                    ),
                    Some(port.span),
                )),
            };
            add("port", port.span, test);
        }
        if let Some(first) = one.gateways.first() {
            let home = &service.meta.namespace;
            let bound = one
                .gateways
                .iter()
                .any(|gateway| attach::gateway_name(&gateway.value, home) == place);
            add("gateways", first.span, Test::Fixed(bound));
        } else {
            if let Some(labels) = &one.source_labels {
                add(
                    "sourceLabels",
                    labels.span,
                    self.source_labels(&labels.value, labels.span),
                );
            }
            if let Some(namespace) = &one.source_namespace {
                add(
                    "sourceNamespace",
                    namespace.span,
                    Test::Fixed(namespace.value == client),
                );
            }
        }
        conditions.extend(one.conditions.iter().cloned());
        conditions
    }

    fn source_labels(&self, wanted: &BTreeMap<String, String>, span: Span) -> Test {
        if let Origin::Mesh {
            labels: Some(labels),
            ..
        } = &self.vantage.origin
        {
            return Test::Fixed(
                wanted
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value)),
            );
        }
        let pairs: Vec<String> = wanted
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let message = match &self.vantage.origin {
            Origin::Mesh { .. } => format!(
                "the labels of the client are not known, taken not to match; --from-labels {} gives them",
                pairs.join(",")
            ),
            Origin::Gateway { namespace, name } => {
                format!(
                    "the labels of gateway {namespace}/{name} are not known, taken not to match"
                )
            }
        };
        Test::Unknowable(Caveat::new("unknown-source-labels", message, Some(span)))
    }
}

pub(super) fn push(
    routes: &mut Vec<Route>,
    service: &VirtualService,
    index: usize,
    http: &HttpRoute,
    sets: Vec<Vec<Condition>>,
    outcome: &Arc<Outcome>,
) {
    let place = Route {
        name: http.name.as_ref().map(|name| name.value.clone()),
        ..at(service, format!("http[{index}]"), http.span)
    };
    routes.extend(routes_of(&place, sets, outcome));
}

/// A route of a rule, which does not yet say when it matches, nor what happens then.
pub(super) fn at(service: &VirtualService, rule: String, span: Span) -> Route {
    Route {
        object: service.object(),
        rule,
        alternative: None,
        name: None,
        span,
        conditions: Vec::new(),
        outcome: nothing(),
    }
}

/// The same route for each of its alternatives.
pub(super) fn routes_of(
    place: &Route,
    sets: Vec<Vec<Condition>>,
    outcome: &Arc<Outcome>,
) -> impl Iterator<Item = Route> {
    let several = sets.len() > 1;
    sets.into_iter()
        .enumerate()
        .map(move |(number, conditions)| Route {
            alternative: several.then(|| format!("match[{number}]")),
            conditions,
            outcome: Arc::clone(outcome),
            ..place.clone()
        })
}

/// The outcome of a route that never matches.
pub(super) fn nothing() -> Arc<Outcome> {
    Arc::new(Outcome {
        action: Action::answer(404, Cause::NoRoute),
        abort: None,
        caveats: Vec::new(),
    })
}
