//! RS039: two Sidecars for the same clients, of which one counts.

use crate::diag::Code;
use crate::lint::{Context, Finding, Rule};
use crate::manifest::istio::Sidecar;
use crate::manifest::kube::selects;

/// The rule.
pub(in crate::lint) const RULE: Rule = Rule {
    code: Code::Rs039,
    name: "sidecar_conflict",
    istio: Some("IST0110"),
    rationale: "a Sidecar decides which rules and destinations its clients see, and of two for the same clients only the older one \
          counts: the other has no effect",
    fix: "merge them, or give them selectors that no pod meets both of",
    check: Some(check),
    ..Rule::BASE
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let all = &context.manifests.sidecars;
    for (at, one) in all.iter().enumerate() {
        let others = all[..at].iter();
        let mut others = others.filter(|other| other.meta.namespace == one.meta.namespace);
        let Some(other) = others.find(|other| meet(context, one, other)) else {
            continue;
        };
        let which = match (&one.meta.created, &other.meta.created) {
            (Some(one), Some(other)) if one != other => "the older one",
            _ => "the older one, or the first by name",
        };
        let message = format!(
            "{} and {} are for the same clients, and only one of them counts: {which}",
            other.meta, one.meta
        );
        findings.push(
            Finding::new(RULE.code, message)
                .at(one.meta.span, "")
                .at(other.meta.span, "the other Sidecar"),
        );
    }
}

/// Whether two Sidecars of a namespace are for the same clients.
fn meet(context: &Context<'_>, one: &Sidecar, other: &Sidecar) -> bool {
    if one.selector.is_empty() || other.selector.is_empty() {
        return one.selector.is_empty() && other.selector.is_empty();
    }
    let mut pods = context.manifests.workloads.iter();
    one.selector == other.selector
        || pods.any(|pod| {
            pod.meta.namespace == one.meta.namespace
                && selects(&one.selector, &pod.labels)
                && selects(&other.selector, &pod.labels)
        })
}
