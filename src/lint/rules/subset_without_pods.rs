//! RS020: a subset without pods.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS020",
    name: "subset_without_pods",
    severity: Severity::Error,
    istio: Some("IST0173"),
    summary: "a subset selects none of the pods that are given",
    why: "a cluster without endpoints answers its whole share with 503 (flag UH)",
    mend: "correct the labels of the subset or of the pods; both the selector of the Service and the subset must match",
    caveats: &["subset-without-pods"],
    ..Rule::BASE
};
