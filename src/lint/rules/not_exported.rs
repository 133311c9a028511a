//! RS027: rules, destinations and delegates that the client does not see.

use crate::diag::Severity;
use crate::lint::{Context, Finding, Rule};
use crate::route::Absence;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS027",
    name: "not_exported",
    severity: Severity::Error,
    istio: None,
    summary: "`exportTo` or a Sidecar hides a rule or a destination from the client, or a delegate is dropped",
    why: "a rule that is not exported to the namespace of the client does not exist for it; a delegate that is missing, \
          hidden or in conflict is dropped without a word",
    mend: "export the object to the namespace of the client (`exportTo`), or correct the reference",
    caveats: &[
        "delegate-not-found",
        "delegate-not-exported",
        "delegate-conflict",
        "nested-delegate",
        "hidden-destination",
    ],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let rules = context.nowhere().into_iter().chain(context.not_from_here());
    for rule in rules.filter(|rule| rule.absence == Absence::Hidden) {
        findings.push(rule.finding(&RULE));
    }
}
