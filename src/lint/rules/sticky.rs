//! RS028: stickiness.

use crate::diag::Severity;
use crate::lint::Rule;

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
    // A hash inside of a destination leaves the split between destinations as it is.
    graded: &[
        ("consistent-hash", Severity::Info),
        ("persistent-session", Severity::Info),
    ],
    ..Rule::BASE
};
