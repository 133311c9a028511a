//! RS005: a port whose protocol keeps the routes from being applied.

use crate::diag::Severity;
use crate::lint::Rule;
use crate::lint::rule::Place;
use crate::lint::{Context, Finding};
use crate::route::{ResolveError, Unjudged, UnjudgedCause};
/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS005",
    name: "not_http",
    severity: Severity::Error,
    summary: "HTTP routes split a port that does not carry HTTP, or TCP routes one that does",
    why: "the proxy forwards connections of such a port and never looks at routes for requests: every pod gets its part of the connections",
    mend: "name the port `http-…`, or set `appProtocol: http`",
    caveats: &["not-http", "https-in-mesh"],
    weigh: Some(weigh),
    check: Some(check),
    ..Rule::BASE
};

/// Before 1.3 the name decided alone, which is a rule of its own.
fn weigh(place: &Place<'_, '_>) -> Option<Severity> {
    let guessed = place.caveat.message.contains("Istio before 1.3");
    (!guessed).then_some(Severity::Error)
}

/// A host whose only routes are about connections, where requests are sent.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // A proxy knows its hosts by their requests.
    for view in context.views.iter().filter(|view| !view.table.told) {
        for host in view.hosts() {
            if let Some(unjudged) = host.unjudged.as_ref().filter(|it| not_http(it)) {
                let finding = Finding::new(&RULE, &unjudged.message)
                    .at(unjudged.span, "")
                    .help(&unjudged.help);
                findings.push(finding.weighed(Severity::Warning));
            }
        }
    }
    let request = context.request.as_ref();
    let request = request.filter(|request| !request.view.table.told);
    if let Some(Err(ResolveError::Unjudged(unjudged))) = request.map(crate::lint::Request::resolve)
        && not_http(&unjudged)
    {
        let finding = Finding::new(&RULE, &unjudged.message);
        findings.push(finding.at(unjudged.span, "").help(&unjudged.help));
    }
}

fn not_http(unjudged: &Unjudged) -> bool {
    unjudged.cause == UnjudgedCause::NotHttp
}
