//! RS012: a weight that is ignored, because nothing shares with it.

use crate::diag::Severity;
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS012",
    name: "single_weight",
    severity: Severity::Warning,
    summary: "the only destination of a route has a weight other than 100",
    why: "the weight of an only destination is ignored: it gets everything, whatever the number says",
    mend: "add the destination that gets the rest, or leave the weight out",
    caveats: &["ignored-weight"],
    weigh: Some(weigh),
    ..Rule::BASE
};

/// A zero is what controllers leave behind.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that weigh"
)]
fn weigh(place: &Place<'_, '_>) -> Option<Severity> {
    Some(match place.written() {
        "0" => Severity::Info,
        _ => Severity::Warning,
    })
}
