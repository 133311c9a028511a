//! RS014: a destination that shares with itself.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS014",
    name: "repeated_destination",
    severity: Severity::Warning,
    summary: "the same destination is listed twice in one split",
    why: "both entries mean one cluster, and their shares add up",
    mend: "merge the entries, or correct the subset of one of them",
    caveats: &["same-cluster-twice"],
    ..Rule::BASE
};
