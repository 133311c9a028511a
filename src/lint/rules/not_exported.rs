//! RS027: rules, destinations and delegates that the client does not see.

use crate::diag::Severity;
use crate::lint::{Context, Finding, Rule};
use crate::route::Test;

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
    let hidden = |why: &str| why.starts_with("is not exported ") || why.starts_with("is hidden ");
    let rules = context.nowhere().into_iter().chain(context.not_from_here());
    for rule in rules.filter(|rule| hidden(&rule.why)) {
        let finding = rule.finding(&RULE);
        findings.push(finding.help("export it to the namespace of the client: `exportTo`"));
    }
    for view in context.all_views() {
        for route in view.hosts().flat_map(|host| &host.routes) {
            let dropped = |condition: &&crate::route::Condition| {
                condition.field == "delegate.match" && matches!(condition.test, Test::Fixed(false))
            };
            if let Some(condition) = route.conditions.iter().find(dropped) {
                let message = format!(
                    "`{}` of {} is dropped: its matches contradict those of the route that delegates to it",
                    route.rule, route.object
                );
                let finding = Finding::new(&RULE, message).at(condition.span, "the delegate");
                findings.push(
                    finding.help("let each match of the delegate lie within a match of the route"),
                );
            }
        }
    }
}
