//! RS004: hosts that no registry knows.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS004",
    name: "unknown_host",
    severity: Severity::Error,
    istio: Some("IST0101"),
    summary: "a host is in no Service or ServiceEntry of these manifests",
    why: "a host with a dot is taken literally: `reviews.prod` is not the service `reviews` of namespace `prod`; a host that is no service has no cluster",
    mend: "correct the name, or write `NAME.NAMESPACE.svc.cluster.local`",
    caveats: &[
        "unknown-destination",
        "short-dotted-host",
        "unknown-host",
        "no-service-entry",
    ],
    // A host that is no service still gets routes on port 80.
    graded: &[
        ("short-dotted-host", Severity::Warning),
        ("unknown-host", Severity::Warning),
        // Nothing of the kind is given, so that its file may merely be missing.
        ("no-service-entry", Severity::Info),
    ],
    ..Rule::BASE
};
