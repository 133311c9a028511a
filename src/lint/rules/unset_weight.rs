//! RS011: a weight that is missing, and counts as zero.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS011",
    name: "unset_weight",
    severity: Severity::Warning,
    summary: "a destination next to others has no weight",
    why: "a missing weight counts as 0 in a VirtualService: next to others the destination gets nothing; other dialects have other defaults",
    mend: "give every destination of the route a `weight`",
    caveats: &["unset-weight"],
    ..Rule::BASE
};
