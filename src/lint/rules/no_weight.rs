//! RS031: a rule of the Gateway API without weight.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS031",
    name: "no_weight",
    severity: Severity::Warning,
    summary: "every backend of an HTTPRoute rule has the weight 0",
    why: "a rule without a backend of a positive weight answers everything with 500",
    mend: "give one backend a weight above 0",
    caveats: &["no-weight"],
    ..Rule::BASE
};
