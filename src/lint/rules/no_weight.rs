//! RS031: a rule without weight.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS031",
    name: "no_weight",
    severity: Severity::Warning,
    summary: "every backend of a rule has the weight 0",
    why: "a rule without a backend of a positive weight replies to everything with an error: 500, or 503 outside of the Gateway API",
    mend: "give one backend a weight above 0",
    caveats: &["no-weight"],
    ..Rule::BASE
};
