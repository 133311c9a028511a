//! RS032: a route of the mesh for one namespace only.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS032",
    name: "consumer_route",
    severity: Severity::Warning,
    summary: "a mesh route in another namespace than its Service",
    why: "such a consumer route concerns only the clients of its own namespace",
    mend: "put the route into the namespace of the Service if it is meant for all clients",
    caveats: &["consumer-route", "ignored-hostnames"],
    ..Rule::BASE
};
