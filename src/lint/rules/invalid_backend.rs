//! RS030: references of the Gateway API that lead nowhere.

use crate::diag::Severity;
use crate::lint::Rule;
use crate::lint::rule::Place;
use crate::lint::{Context, Finding};
use crate::route::Absence;
/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS030",
    name: "invalid_backend",
    severity: Severity::Error,
    summary: "a backend or parent of an HTTPRoute or GRPCRoute does not count",
    why: "an invalid backendRef keeps its share, which is answered with 500; a route that no parent accepts has no effect at all",
    mend: "correct the reference, or add the ReferenceGrant or listener that is missing",
    caveats: &[
        "unknown-backend",
        "unsupported-backend",
        "backend-without-port",
        "closed-port",
        "no-reference-grant",
        "no-backends",
        "deserted-listener",
    ],
    weigh: Some(weigh),
    check: Some(check),
    ..Rule::BASE
};

fn weigh(place: &Place<'_, '_>) -> Option<Severity> {
    (!place.object.starts_with("VirtualService")).then_some(Severity::Error)
}

/// A route that is accepted nowhere.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for nowhere in context.nowhere() {
        if nowhere.is_of_gateway_api() && nowhere.absence == Absence::Refused {
            findings.push(nowhere.finding(&RULE));
        }
    }
}
