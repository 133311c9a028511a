//! RS009: a host that two rules want to own.

use crate::diag::{Code, Severity};
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs009,
    name: "two_owners",
    istio: Some("IST0109"),
    rationale: "in the mesh one VirtualService owns a host and the other one is dropped whole; nothing is merged",
    fix: "merge them into one, or delegate from one to the other",
    facts: &[Code::TwoOwners],
    severity_fn: Some(severity),
    ..Rule::BASE
};

/// Without times of creation the owner is not known, so that the split may be in effect.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that grade by the place"
)]
fn severity(place: &Place<'_, '_>) -> Option<Severity> {
    let loser = place
        .caveat
        .place()
        .and_then(|span| place.context.object_at(span));
    let loser = loser.and_then(|object| place.context.virtual_service(&object));
    Some(match loser {
        Some(loser) if loser.meta.created.is_none() => Severity::Warning,
        _ => Severity::Error,
    })
}
