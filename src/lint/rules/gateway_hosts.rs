//! RS035: a gateway that does not let a rule's requests in.

use crate::diag::{Code, Severity};
use crate::lint::inactive::InactiveFinding;
use crate::lint::{Context, Finding, Rule};

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs035,
    name: "gateway_hosts",
    istio: Some("IST0132"),
    rationale: "a rule reaches the proxies of a gateway only with hosts that one of its servers lists, for HTTP; a server with \
          `httpsRedirect` answers plain HTTP with 301",
    fix: "list the host in a server of the Gateway, or send the request where the server listens",
    facts: &[Code::GatewayNotGiven],
    severity_overrides: &[(Code::GatewayNotGiven, Severity::Info)],
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let refused = |rule: &InactiveFinding| rule.is(Code::RefusedRule) && !rule.is_of_gateway_api();
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
            Finding::new(RULE.code, message)
                .at(found.host.span, "")
                .help("ask with an https:// URL"),
        );
    }
}
