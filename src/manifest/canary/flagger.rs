//! Flagger: the weight that a `Canary` has reached.

use super::conditions::not_judged;
use super::declaration::{Declared, Host, HostName, Role, Rule};
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::dialect::Dialect;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::weighted_backend::{WeightedBackend, checked_split, required};

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[Dialect {
    group: "flagger.app",
    versions: &["v1beta1"],
    kind: "Canary",
    decode: |meta, fields, decoder, to| to.canaries.extend(decode(meta, fields, decoder)),
}];

/// What Flagger writes into, under the name of the service.
const WRITES: [&str; 7] = [
    "VirtualService",
    "HTTPRoute",
    "TrafficSplit",
    "HTTPProxy",
    "TraefikService",
    "ApisixRoute",
    "RouteTable",
];

fn decode(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let mut spec = object.map("spec", "a Canary spec", decoder)?;
    let mut target = spec.map("targetRef", "a target", decoder)?;
    let workload = required(&mut target, "name", decoder)?;
    let mut caveats = Vec::new();
    let mut apex = workload.clone();
    let mut hosts = Vec::new();
    if let Some(mut service) = spec.map("service", "a service", decoder) {
        apex = service.text("name", decoder).unwrap_or(apex);
        hosts = service.texts("hosts", decoder);
        let routing = ["match", "retries", "mirror", "delegation"];
        not_judged(&mut service, &routing, &mut caveats);
    }
    if let Some(mut analysis) = spec.map("analysis", "an analysis", decoder) {
        let routing = ["match", "mirror", "sessionAffinity"];
        not_judged(&mut analysis, &routing, &mut caveats);
    }
    let reached = object.map("status", "a status", decoder);
    let reached = reached.and_then(|mut status| status.integer("canaryWeight", 0..=1000, decoder));
    let total = total(&mut spec, decoder)?;
    let rule = reached.as_ref().and_then(|reached| {
        rule(&meta, (&apex, &workload), reached, total, decoder)
            .map(|rule| Rule { caveats, ..rule })
    });
    let unsupported = reached.is_none().then(|| Note::new(Code::UnclearRules, format!("{meta} does not say which weight it has reached: it has no `status.canaryWeight`")).at(meta.span, "").help(format!(
            "pass what the cluster holds, `kubectl get canary {} -n {} -o yaml`, or the split with --expect primary=90,canary=10",
            meta.name, meta.namespace
        )));
    let own = At {
        value: HostName::Service(apex.value.clone(), meta.namespace.clone()),
        span: apex.span,
    };
    let others = hosts.into_iter().map(|host| At {
        value: HostName::Dns(host.value),
        span: host.span,
    });
    let host = |name: At<HostName>| Host {
        unsupported: unsupported.clone(),
        ..Host::new(name.value, name.span, rule.clone().into_iter().collect())
    };
    let hosts = std::iter::once(own).chain(others).map(host).collect();
    let writes = WRITES.map(|kind| (kind, apex.value.clone())).to_vec();
    Some(Declared {
        meta,
        role: Role::Generates(writes),
        hosts,
    })
}

/// What the weights add up to; `analysis.maxWeight` is only where the canary stops before it is promoted.
fn total(spec: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<i64> {
    let Some(mut analysis) = spec.map("analysis", "an analysis", decoder) else {
        return Some(100);
    };
    if analysis.get("canaryWeightTotal").is_none() {
        return Some(100);
    }
    let total = analysis.integer("canaryWeightTotal", 1..=1000, decoder)?;
    Some(total.value)
}

/// The rule for a weight that was reached; `names` are those of the service and of the workload.
fn rule(
    meta: &Meta,
    (apex, workload): (&At<String>, &At<String>),
    reached: &At<i64>,
    total: i64,
    decoder: &mut Decoder<'_>,
) -> Option<Rule> {
    let canary = u32::try_from(reached.value.min(total)).ok()?;
    let primary = u32::try_from(total).ok()?.saturating_sub(canary);
    let part = |role: &str, weight, workload: String| {
        let service = format!("{}-{role}", apex.value);
        let mut part =
            WeightedBackend::new(service, &meta.namespace, weight, reached.span).called(&[role]);
        part.identifiers.workloads.insert(workload);
        part
    };
    let parts = vec![
        part("primary", primary, format!("{}-primary", workload.value)),
        part("canary", canary, workload.value.clone()),
    ];
    let parts = checked_split(parts, reached.span, decoder)?;
    Some(Rule::new("status.canaryWeight", reached.span, parts))
}
