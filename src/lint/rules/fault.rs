//! RS022: a fault that answers a part of the requests, or delays it.

use std::collections::HashSet;

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};
use crate::units::percent;

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs022,
    name: "fault",
    rationale: "what comes back is a mixture: the aborted part never reaches a destination, and a delay may run into a timeout",
    fix: "remove `fault` before the split is tested, or expect its status as a part of the answers",
    facts: &[Code::FaultDelay, Code::GrpcAbort, Code::UnjudgedFault],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for view in context.all_views() {
        for route in view.hosts().flat_map(|host| &host.routes) {
            let Some(abort) = route.outcome.abort.filter(|_| seen.insert(route.span)) else {
                continue;
            };
            let share = abort.share().as_f64();
            let message = format!(
                "a fault answers {} of the requests of this route with {}, before a destination is picked",
                percent(share),
                abort.status()
            );
            // A fault for what a tester sends is wanted; one for every request leaves no split.
            let severity = if share >= 1.0 && route.conditions.is_empty() {
                Severity::Error
            } else {
                Severity::Warning
            };
            let finding = Finding::new(RULE.code, message)
                .with_severity(severity)
                .of_object(&route.object)
                .of_route(route.span)
                .at(route.span, "");
            findings.push(finding.help("remove `fault` before the split is tested"));
        }
    }
}
