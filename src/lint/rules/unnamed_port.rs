//! RS006: a port whose name tells no protocol.

use crate::diag::{Code, Severity};
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs006,
    name: "unnamed_port",
    istio: Some("IST0118"),
    rationale: "proxies of Istio before 1.3 take such a port for TCP and apply no route; later ones look at the first bytes of a connection, which costs the Host header its meaning and fails where the server speaks first",
    fix: "name the port `http-…`, or set `appProtocol: http`",
    facts: &[Code::UnnamedPort, Code::TakenForTcp, Code::HostNotConsulted],
    severity_fn: Some(severity),
    ..Rule::BASE
};

/// Fatal where the proxies do not look at the bytes.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that grade by the place"
)]
fn severity(place: &Place<'_, '_>) -> Option<Severity> {
    Some(if place.view.vantage.before(1, 3) {
        Severity::Error
    } else {
        Severity::Warning
    })
}
