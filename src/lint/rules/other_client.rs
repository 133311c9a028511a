//! RS023: a route for other clients than the one that is asked about.

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};
use crate::route::{Action, Test};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs023,
    name: "other_client",
    rationale: "`port`, `gateways`, `sourceLabels` and `sourceNamespace` are decided when the proxy is configured; labels beside \
          `gateways` are never looked at, and waypoints drop a match with labels",
    fix: "ask from the client that is meant (`--from-namespace`, `--from-labels`, `--gateway`), or change the match",
    facts: &[
        Code::LabelsNotChecked,
        Code::WaypointSourceLabels,
        Code::UnknownSourceLabels,
    ],
    severity_overrides: &[
        (Code::WaypointSourceLabels, Severity::Error),
        (Code::UnknownSourceLabels, Severity::Info),
    ],
    check: Some(check),
    ..Rule::BASE
};

/// Only where somebody asked from somewhere: seen from nowhere, a rule for some clients is as good as any.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let asked = context.views.iter().filter(|_| context.asked.is_some());
    for view in asked.chain(context.request.as_ref().map(|request| &request.view)) {
        for route in view.hosts().flat_map(|host| &host.routes) {
            let kept = route
                .conditions
                .iter()
                .find(|condition| matches!(condition.test, Test::Fixed(false)));
            let split =
                matches!(&route.outcome.action, Action::Split(split) if split.backends().len() > 1);
            let Some(condition) = kept.filter(|condition| split && condition.field != "delegate")
            else {
                continue;
            };
            let message = format!(
                "`{}` keeps the split of `{}` away from this client",
                condition.field,
                route.label()
            );
            findings.push(
                Finding::new(RULE.code, message)
                    .of_object(&route.object)
                    .at(condition.span, "")
                    .help("ask from the client that is meant: --from-namespace, --from-labels, --gateway, or the port of the URL"),
            );
        }
    }
}
