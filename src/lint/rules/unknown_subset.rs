//! RS001: a subset, or a cluster of a dump, that does not exist.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS001",
    name: "unknown_subset",
    severity: Severity::Error,
    istio: Some("IST0101"),
    summary: "a destination names a subset that no effective DestinationRule defines",
    why: "the proxy has no cluster for it: the whole share is answered with 503 (flag NC), and is not given to the others",
    mend: "define the subset in the DestinationRule that the client sees, or correct the name",
    caveats: &["unknown-subset", "unknown-cluster", "no-destination-rule"],
    // Without any rule for the host among the manifests, its file was probably not passed.
    graded: &[("no-destination-rule", Severity::Info)],
    ..Rule::BASE
};
