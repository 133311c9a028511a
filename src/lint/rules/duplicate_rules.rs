//! RS026: several `DestinationRule`s that share a host.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS026",
    name: "duplicate_rules",
    severity: Severity::Warning,
    summary: "two DestinationRules of one namespace are about the same host",
    why: "their subsets are united, of which the first by age wins a name, and only the first traffic policy counts",
    mend: "merge them into one DestinationRule",
    caveats: &["two-rules", "subset-twice"],
    ..Rule::BASE
};
