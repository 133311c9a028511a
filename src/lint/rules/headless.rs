//! RS021: a Service whose pods are picked by DNS.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS021",
    name: "headless",
    severity: Severity::Warning,
    summary: "a split over a headless Service",
    why: "the DNS answer already picked the pod: a sidecar sends the connection there, and subsets and weights do not choose",
    mend: "split over a Service with a cluster address",
    caveats: &["headless"],
    ..Rule::BASE
};
