//! RS009: a host that two rules want to own.

use crate::diag::Severity;
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS009",
    name: "two_owners",
    severity: Severity::Error,
    istio: Some("IST0109"),
    summary: "two rules declare the same host for the same clients",
    why: "in the mesh one VirtualService owns a host and the other one is dropped whole; nothing is merged",
    mend: "merge them into one, or delegate from one to the other",
    caveats: &["two-owners"],
    weigh: Some(weigh),
    ..Rule::BASE
};

/// Without times of creation the owner is not known, so that the split may be in effect.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that weigh"
)]
fn weigh(place: &Place<'_, '_>) -> Option<Severity> {
    let loser = place
        .caveat
        .span
        .and_then(|span| place.context.object_at(span));
    let loser = loser.and_then(|object| place.context.virtual_service(&object));
    Some(match loser {
        Some(loser) if loser.meta.created.is_none() => Severity::Warning,
        _ => Severity::Error,
    })
}
