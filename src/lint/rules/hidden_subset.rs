//! RS002: a subset that another DestinationRule hides.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS002",
    name: "hidden_subset",
    severity: Severity::Error,
    istio: Some("IST0101"),
    summary: "the subset is defined, but a DestinationRule in the namespace of the client hides it",
    why: "the namespace of the client is asked first; one rule there that matches the host, even by a wildcard, ends the search",
    mend: "define the subset in that rule too, or narrow its host",
    caveats: &["shadowed-subset"],
    ..Rule::BASE
};
