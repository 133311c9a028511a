//! RS029: traffic policies that change a split while it runs.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS029",
    name: "not_stationary",
    severity: Severity::Warning,
    summary: "outlier detection or connection limits on a destination of a split",
    why: "a pod that is ejected, or a pool that is full, turns a part of the share into 503 for a while: the split changes during a run",
    mend: "watch for 503 with the flags UH and UO, or test with few connections",
    caveats: &["outlier-detection", "connection-pool"],
    ..Rule::BASE
};
