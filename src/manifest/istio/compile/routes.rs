//! The routes of one VirtualService: every alternative of every rule, with its conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lower::Compiler;
use super::outcome::outcome;
use super::proxy_context::{ProxyContext, ProxyKind};
use crate::diag::{Code, Note, Span};
use crate::manifest::istio::objects::gateway_name;
use crate::manifest::istio::objects::{HttpAction, HttpMatch, HttpRoute, VirtualService};
use crate::manifest::kube::selects;
use crate::route::{Action, Condition, Origin, Outcome, Route, Test};
use crate::split::LocalReplyCause;

impl Compiler<'_> {
    /// The HTTP routes of one VirtualService for a caller, in order.
    pub(super) fn routes(&self, service: &VirtualService, caller: ProxyContext<'_>) -> Vec<Route> {
        let mut routes = Vec::new();
        for (index, http) in service.http.iter().enumerate() {
            if let HttpAction::Delegate { name, namespace } = &http.action {
                let home = namespace
                    .as_ref()
                    .map_or(&service.meta.namespace, |namespace| &namespace.value);
                routes.extend(self.delegated(service, (index, http), (home, name), caller));
                continue;
            }
            let home = &service.meta.namespace;
            let Some(outcome) = outcome(&self.index, http, home, caller) else {
                continue;
            };
            let sets = self.alternatives(&http.matches, service, caller);
            push(&mut routes, service, index, http, sets, &Arc::new(outcome));
        }
        routes
    }

    /// The conditions of each alternative; one empty list for a route that always matches.
    pub(super) fn alternatives(
        &self,
        matches: &[HttpMatch],
        service: &VirtualService,
        caller: ProxyContext<'_>,
    ) -> Vec<Vec<Condition>> {
        if matches.is_empty() {
            return vec![Vec::new()];
        }
        matches
            .iter()
            .map(|one| self.conditions(one, &service.meta.namespace, caller))
            .collect()
    }

    /// "gateways: if set, any must equal the vantage AND THEN sourceLabels/sourceNamespace ARE NOT CHECKED." A route of
    /// connections checks them always.
    fn conditions(&self, one: &HttpMatch, home: &str, caller: ProxyContext<'_>) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut add = |field: &str, span: Span, test: Test| {
            conditions.push(Condition {
                field: field.to_owned(),
                span,
                test,
            });
        };
        if let Some(port) = &one.port {
            let test = if let Some(dialled) = caller.port {
                Test::Fixed(dialled == port.value)
            } else {
                let message = format!(
                    "the port of the service is not known from here; taken to be {}",
                    port.value
                );
                Test::Assumed(Note::about(Code::UnknownPort, message, Some(port.span)))
            };
            add("port", port.span, test);
        }
        if let Some(first) = one.gateways.first() {
            let bound = one
                .gateways
                .iter()
                .any(|gateway| gateway_name(&gateway.value, home) == caller.place);
            add("gateways", first.span, Test::Fixed(bound));
        }
        let checked = one.gateways.is_empty() || one.of_connection;
        if let Some(labels) = &one.source_labels {
            // A waypoint knows no client.
            if checked || caller.proxy == ProxyKind::Waypoint {
                let test = self.source_labels(&labels.value, labels.span, caller);
                add("sourceLabels", labels.span, test);
            } else {
                add(
                    "sourceLabels",
                    labels.span,
                    unchecked("sourceLabels", labels.span),
                );
            }
        }
        if let Some(namespace) = &one.source_namespace {
            let test = if checked {
                Test::Fixed(namespace.value == caller.namespace)
            } else {
                unchecked("sourceNamespace", namespace.span)
            };
            add("sourceNamespace", namespace.span, test);
        }
        conditions.extend(one.conditions.iter().cloned());
        conditions
    }

    fn source_labels(
        &self,
        wanted: &BTreeMap<String, String>,
        span: Span,
        caller: ProxyContext<'_>,
    ) -> Test {
        if let (Some(labels), ProxyKind::Sidecar) = (caller.labels, caller.proxy) {
            return Test::Fixed(selects(wanted, labels));
        }
        let pairs: Vec<String> = wanted
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let unknown = |message: String| Note::about(Code::UnknownSourceLabels, message, Some(span));
        Test::Unknowable(match &self.vantage.origin {
            Origin::Mesh { .. } if caller.proxy == ProxyKind::Waypoint => {
                let message = "a waypoint drops a match with `sourceLabels`: it does not see the client's pod";
                Note::about(Code::WaypointSourceLabels, message, Some(span))
                    .help("match on a header that the client sends")
            }
            Origin::Mesh { .. } => {
                let message = "the labels of the client are not known, taken not to match";
                unknown(message.to_owned())
                    .help(format!("give them with --from-labels {}", pairs.join(",")))
            }
            Origin::Gateway { namespace, name } => unknown(format!(
                "the labels of gateway {namespace}/{name} are not known, taken not to match"
            )),
        })
    }
}

/// A field that Istio does not look at.
fn unchecked(field: &str, span: Span) -> Test {
    let message = format!("`{field}` is not checked next to `gateways` in the same match");
    let caveat = Note::about(Code::LabelsNotChecked, message, Some(span));
    Test::Assumed(caveat.help("give the match without `gateways` a rule of its own"))
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
        action: Action::local_reply(404, LocalReplyCause::NoRoute),
        abort: None,
        mirrors: Vec::new(),
        caveats: Vec::new(),
    })
}
