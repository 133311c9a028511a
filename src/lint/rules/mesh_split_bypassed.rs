//! RS008: weights of the mesh that do not apply at a gateway.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS008",
    name: "mesh_split_bypassed",
    severity: Severity::Warning,
    istio: Some("IST0140"),
    summary: "a gateway routes to a whole host that a rule of the mesh splits",
    why: "a gateway applies only the rules that are bound to it: its requests reach all pods of the host, whatever the mesh declares",
    mend: "name the subsets and weights in the rule of the gateway too, or bind the splitting rule to the gateway",
    caveats: &["mesh-rules-not-applied"],
    ..Rule::BASE
};
