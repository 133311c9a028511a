//! RS019: subsets that do not divide the pods.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS019",
    name: "overlapping_subsets",
    severity: Severity::Warning,
    summary: "a subset selects all pods, or pods that another subset of the split selects too",
    why: "a pod that belongs to two subsets is picked through both: the observed shares differ from the weights, and answers cannot be told apart",
    mend: "give each subset a label value that no other one has",
    caveats: &["empty-subset", "overlapping-subsets"],
    ..Rule::BASE
};
