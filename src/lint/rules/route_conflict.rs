//! RS033: routes of two kinds on one host.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS033",
    name: "route_conflict",
    severity: Severity::Error,
    summary: "an HTTPRoute and a GRPCRoute want the same host of the same listener",
    why: "the older one is accepted and the other one has no effect",
    mend: "give them different hostnames, or use one kind",
    caveats: &["route-conflict"],
    ..Rule::BASE
};
