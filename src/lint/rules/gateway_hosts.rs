//! RS035: a gateway that does not let a rule's requests in.

use crate::diag::Severity;
use crate::lint::elsewhere::Absent;
use crate::lint::{Context, Finding, Rule};
use crate::route::Absence;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS035",
    name: "gateway_hosts",
    severity: Severity::Error,
    istio: Some("IST0132"),
    summary: "no server of the gateway takes the host of the rule, or plain HTTP is redirected",
    why: "a rule reaches the proxies of a gateway only with hosts that one of its servers lists, for HTTP; a server with \
          `httpsRedirect` answers plain HTTP with 301",
    mend: "list the host in a server of the Gateway, or send the request where the server listens",
    caveats: &["gateway-not-given"],
    graded: &[("gateway-not-given", Severity::Info)],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let refused = |rule: &Absent| rule.absence == Absence::Refused && !rule.is_of_gateway_api();
    let rules = context.refused().into_iter().chain(context.not_from_here());
    for rule in rules.filter(refused) {
        findings.push(rule.finding(&RULE));
    }
    let Some(request) = &context.request else {
        return;
    };
    let plain = request.probe.scheme.eq_ignore_ascii_case("http");
    if let Some(found) = request
        .resolve()
        .ok()
        .filter(|found| found.host.https_only && plain)
    {
        let message = format!(
            "the gateway answers plain HTTP for `{}` with a redirect (301), so that this request reaches no destination",
            found.host.name
        );
        findings.push(
            Finding::new(&RULE, message)
                .at(found.host.span, "")
                .help("ask with an https:// URL"),
        );
    }
}
