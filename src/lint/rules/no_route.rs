//! RS016: a request that no route takes.

use crate::diag::Code;
use crate::lint::{Context, Finding, Rule};
use crate::route::ResolveError;

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs016,
    name: "no_route",
    rationale: "a host with routes answers what none of them takes with 404; there is no default behind them. A rule is about \
          the ports of its Service, and on any other port it does not apply",
    fix: "correct the request or the matches, or add a route without `match` at the end",
    check: Some(check),
    ..Rule::BASE
};

/// Routes that are named with what they miss.
const MOST: usize = 5;

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(request) = &context.request else {
        return;
    };
    match request.resolve() {
        Ok(resolution) if resolution.route.is_none() && !redirected(context) => {
            let message = format!(
                "no route of {} takes {} {}: it is answered with 404",
                resolution.host.objects.join(" and "),
                request.probe.method,
                request.probe.path
            );
            let mut finding = Finding::new(RULE.code, message)
                .at(resolution.host.span, "the routes of this host");
            for tried in resolution.trace.iter().take(MOST) {
                finding = finding.at(tried.failed_at, format!("`{}` fails here", tried.rule));
            }
            findings.push(
                finding.help(
                    "send what one of them asks for, or add a route without `match` at the end",
                ),
            );
        }
        Err(ResolveError::NotFromHere { .. }) => {
            let rules = context.not_from_here();
            // What other rules say about the place that was asked for comes from them.
            let refused = context.asked.is_some().then_some(Code::RefusedRule);
            let own = rules.iter().filter(|rule| {
                let of_api = rule.is_of_gateway_api() && refused.is_some_and(|code| rule.is(code));
                of_api || rule.is(Code::DistantRule)
            });
            findings.extend(own.map(|rule| rule.finding(&RULE)));
        }
        Ok(_) | Err(ResolveError::Unsupported(_)) => {}
        Err(error) => {
            let finding = Finding::new(RULE.code, error.to_string());
            findings.push(match error.help() {
                Some(help) => finding.help(help),
                None => finding,
            });
        }
    }
}

/// A redirect to HTTPS is no missing route.
fn redirected(context: &Context<'_>) -> bool {
    let Some(request) = &context.request else {
        return false;
    };
    let plain = request.probe.scheme.eq_ignore_ascii_case("http");
    plain && request.resolve().is_ok_and(|found| found.host.https_only)
}
