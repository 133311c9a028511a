//! RS042: what controllers say about objects in their `status`.

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs042,
    name: "false_condition",
    istio: Some("IST0171"),
    rationale: "the controller that would bring an object into effect says in its `status` that it does not, or that a reference \
          of it leads nowhere: what is declared there is not what proxies do",
    fix: "mend what the reason of the condition names; its message is the controller's own",
    facts: &[
        Code::NotAccepted,
        Code::ConditionFalse,
        Code::StatusOutdated,
    ],
    severity_overrides: &[(Code::StatusOutdated, Severity::Warning)],
    check: Some(check),
    ..Rule::BASE
};

/// Also what is said about objects that no route of a view comes from.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for reported in &context.manifests.reported {
        findings.push(Finding::of(Some(RULE.code), reported.note.applied()));
    }
}
