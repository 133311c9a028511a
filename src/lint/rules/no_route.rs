//! RS016: a request that no route takes.

use crate::diag::{Code, Note};
use crate::lint::context::Request;
use crate::lint::{Context, Finding, Rule};
use crate::manifest::unrouted;
use crate::route::{AppliesTo, ResolveError};

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
        Err(ResolveError::NotFromHere {
            of_others: false, ..
        }) => {
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
            let kept_in = kept_in(context, request);
            let mut finding = match &kept_in {
                Some(note) => Finding::new(RULE.code, format!("{error}; {}", note.message)),
                None => Finding::new(RULE.code, error.to_string()),
            };
            if let Some(place) = kept_in.as_ref().and_then(Note::place) {
                finding = finding.at(place, "");
            }
            findings.push(match error.help().or(kept_in.and_then(|note| note.help)) {
                Some(help) => finding.help(help),
                None => finding,
            });
        }
    }
}

/// That a request to an unknown host does not leave the mesh, where a policy says so.
fn kept_in(context: &Context<'_>, request: &Request<'_>) -> Option<Note<AppliesTo>> {
    let unrouted = unrouted(context.manifests, &request.view.vantage, request.probe);
    let mut notes = unrouted.caveats.into_iter();
    notes.find(|note| note.code == Code::RegistryOnly)
}

/// A redirect to HTTPS is no missing route.
fn redirected(context: &Context<'_>) -> bool {
    let Some(request) = &context.request else {
        return false;
    };
    let plain = request.probe.scheme.eq_ignore_ascii_case("http");
    plain && request.resolve().is_ok_and(|found| found.host.https_only)
}
