//! RS006: a port whose name tells no protocol.

use crate::diag::Severity;
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS006",
    name: "unnamed_port",
    severity: Severity::Warning,
    istio: Some("IST0118"),
    summary: "the name of a port tells no protocol",
    why: "proxies of Istio before 1.3 take such a port for TCP and apply no route; later ones look at the first bytes of a connection, which costs the Host header its meaning and fails where the server speaks first",
    mend: "name the port `http-…`, or set `appProtocol: http`",
    caveats: &["unnamed-port", "not-http", "host-not-consulted"],
    weigh: Some(weigh),
    ..Rule::BASE
};

/// Fatal where the proxies do not look at the bytes.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that weigh"
)]
fn weigh(place: &Place<'_, '_>) -> Option<Severity> {
    Some(if place.view.vantage.before(1, 3) {
        Severity::Error
    } else {
        Severity::Warning
    })
}
