//! RS030: references of the Gateway API that lead nowhere.

use crate::diag::{Code, Severity};
use crate::lint::Rule;
use crate::lint::{Context, Finding};
/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs030,
    name: "invalid_backend",
    rationale: "an invalid backendRef keeps its share, which is answered with 500; a route that no parent accepts has no effect at all",
    fix: "correct the reference, or add the ReferenceGrant or listener that is missing",
    facts: &[
        Code::UnknownBackend,
        Code::UnsupportedBackend,
        Code::BackendWithoutPort,
        Code::ClosedBackendPort,
        Code::NoReferenceGrant,
        Code::NoBackends,
        Code::UnknownParent,
        Code::DesertedListener,
    ],
    // The file of the parent may merely be missing.
    severity_overrides: &[(Code::UnknownParent, Severity::Warning)],
    check: Some(check),
    ..Rule::BASE
};

/// A route that is accepted nowhere.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for nowhere in context.nowhere() {
        if nowhere.is_of_gateway_api() && nowhere.is(Code::RefusedRule) {
            findings.push(nowhere.finding(&RULE));
        }
    }
}
