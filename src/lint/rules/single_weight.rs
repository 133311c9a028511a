//! RS012: a weight that is ignored, because nothing shares with it.

use crate::diag::{Code, Severity};
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs012,
    name: "single_weight",
    rationale: "the weight of an only destination is ignored: it gets everything, whatever the number says",
    fix: "add the destination that gets the rest, or leave the weight out",
    facts: &[Code::IgnoredWeight],
    severity_fn: Some(severity),
    ..Rule::BASE
};

/// A zero is what controllers leave behind.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that grade by the place"
)]
fn severity(place: &Place<'_, '_>) -> Option<Severity> {
    Some(match place.written() {
        "0" => Severity::Info,
        _ => Severity::Warning,
    })
}
