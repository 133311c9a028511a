//! RS018: a port that the Service does not have.

use crate::diag::Severity;
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS018",
    name: "closed_port",
    severity: Severity::Error,
    istio: Some("IST0101"),
    summary: "a destination names a port that its Service does not have",
    why: "there is no cluster for that port: the share is answered with 503",
    mend: "name a port that the Service lists under `ports`",
    caveats: &["closed-port"],
    weigh: Some(weigh),
    ..Rule::BASE
};

fn weigh(place: &Place<'_, '_>) -> Option<Severity> {
    place
        .object
        .starts_with("VirtualService")
        .then_some(Severity::Error)
}
