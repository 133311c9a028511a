//! RS028: stickiness.

use crate::diag::Severity;
use crate::lint::Rule;
use crate::lint::rule::Place;
/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS028",
    name: "sticky",
    severity: Severity::Warning,
    summary: "something keeps a client with one destination or one pod",
    why: "requests that share a key, a cookie or a session are no independent draws: counting them tests nothing unless the key varies",
    mend: "vary the key from request to request (`-H`), keep no cookies, or judge by connection",
    caveats: &[
        "hash-policy",
        "hash-balancing",
        "sticky",
        "consistent-hash",
        "persistent-session",
    ],
    weigh: Some(weigh),
    ..Rule::BASE
};

/// A hash inside of a destination leaves the split between destinations as it is.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of all rules that weigh"
)]
fn weigh(place: &Place<'_, '_>) -> Option<Severity> {
    Some(match place.caveat.id {
        "consistent-hash" | "persistent-session" => Severity::Info,
        _ => Severity::Warning,
    })
}
