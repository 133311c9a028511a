//! RS017: a destination that needs to name its port.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS017",
    name: "port_required",
    severity: Severity::Error,
    istio: Some("IST0112"),
    summary: "a destination names no port, and the port that is dialled is none of its Service",
    why: "without `port` the number that the client dialled is used; a Service with several ports and without that one has no such cluster, and the share is answered with 503",
    mend: "name the port: `port: {number: …}`",
    caveats: &["unset-port"],
    ..Rule::BASE
};
