//! RS022: a fault that answers a part of the requests, or delays it.

use std::collections::HashSet;

use crate::diag::Severity;
use crate::lint::{Context, Finding, Rule};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS022",
    name: "fault",
    severity: Severity::Warning,
    istio: None,
    summary: "a fault answers or delays a part of the requests before a destination is picked",
    why: "what comes back is a mixture: the aborted part never reaches a destination, and a delay may run into a timeout",
    mend: "remove `fault` before the split is tested, or expect its status as a part of the answers",
    caveats: &["fault-delay", "grpc-abort", "unjudged-fault"],
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
            let percent = format!("{:.4}", share * 100.0);
            let percent = percent.trim_end_matches('0').trim_end_matches('.');
            let message = format!(
                "a fault answers {percent}% of the requests of this route with {}, before a destination is picked",
                abort.status()
            );
            // A fault for what a tester sends is wanted; one for every request leaves no split.
            let severity = if share >= 1.0 && route.conditions.is_empty() {
                Severity::Error
            } else {
                Severity::Warning
            };
            let finding = Finding::new(&RULE, message)
                .weighed(severity)
                .of_object(&route.object)
                .of_route(route.span)
                .at(route.span, "");
            findings.push(finding.help("remove `fault` before the split is tested"));
        }
    }
}
