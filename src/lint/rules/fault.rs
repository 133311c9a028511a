//! RS022: a fault that answers a part of the requests, or delays it.

use std::collections::HashSet;

use crate::diag::{Code, Severity};
use crate::lint::{Context, Finding, Rule};

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
            let percent = format!("{:.4}", share * 100.0);
            let percent = percent.trim_end_matches('0').trim_end_matches('.');
            let message = format!(
                "a fault answers {percent}% of the requests of this route with {}, before a destination is picked",
                abort.status()
            );
            let severity = if share >= 1.0 {
                Severity::Error
            } else {
                Severity::Warning
            };
            let finding = Finding::new(&RULE, message)
                .graded(severity)
                .of_object(&route.object)
                .of_route(route.span)
                .at(route.span, "");
            findings.push(finding.help("remove `fault` before the split is tested"));
        }
    }
}
