//! RS027: rules, destinations and delegates that the client does not see.

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs027,
    name: "not_exported",
    rationale: "a rule that is not exported to the namespace of the client does not exist for it; a delegate that is missing, \
          hidden or in conflict is dropped without a word",
    fix: "export the object to the namespace of the client (`exportTo`), or correct the reference",
    facts: &[
        Code::DelegateNotFound,
        Code::DelegateNotExported,
        Code::DelegateConflict,
        Code::NestedDelegate,
        Code::HiddenDestination,
    ],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let rules = context.nowhere().into_iter().chain(context.not_from_here());
    for rule in rules.filter(|rule| rule.is(Code::HiddenRule)) {
        findings.push(rule.finding(&RULE));
    }
    for rule in context.hidden_from_here() {
        let finding = rule.finding(&RULE);
        findings.push(Finding {
            note: finding.note.with_severity(Severity::Warning),
            ..finding
        });
    }
}
