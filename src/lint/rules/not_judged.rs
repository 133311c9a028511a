//! RS034: configuration of a proxy, or of a mesh, that changes what a rule says.

use crate::diag::Severity;
use crate::lint::Rule;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "RS034",
    name: "not_judged",
    severity: Severity::Warning,
    summary: "something overrides the weights, or decides in a way that cannot be judged",
    why: "runtime keys, fractions and headers override the weights of a dump, and Sidecar, EnvoyFilter and policies may change the routes: what is served may not be what is declared",
    mend: "look at what the proxy really has: `istioctl proxy-config routes`, or /config_dump and /runtime of its admin port",
    caveats: &[
        "balancing",
        "by-replicas",
        "runtime-weights",
        "runtime-fraction",
        "header-weights",
        "total-weight",
        "cluster-header",
        "cluster-plugin",
        "retry-elsewhere",
        "endpoints-not-dumped",
        "unreadable-regex",
        "path-template",
        "unknown-metadata",
        "unknown-tls",
        "programmed-differs",
        "policy-not-judged",
        "filter-not-judged",
        "regex-precedence",
        "sidecar-scope",
        "not-judged",
    ],
    ..Rule::BASE
};
