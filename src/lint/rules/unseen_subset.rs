//! RS003: a DestinationRule in the wrong namespace, or a private one.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS003",
    name: "unseen_subset",
    severity: Severity::Error,
    istio: Some("IST0101"),
    summary: "the subset is defined by a DestinationRule that this client does not see",
    why: "rules count in the namespace of the client, of the service, or in the root namespace, and only where they are exported to",
    mend: "move the DestinationRule to the namespace of its service, or export it",
    caveats: &["unseen-subset"],
    ..Rule::BASE
};
