//! How one backend of a rule is picked: by chance, in turn, by a hash, or, where a policy has it so, whatever its weight.

use super::attached::of_another;
use super::backends::ResolvedBackend;
use super::index::Index;
use super::rule_context::RuleContext;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{ApiRoute, BackendRef, Rule, TrafficPolicy};
use crate::manifest::kube::Meta;
use crate::route::{AppliesTo, Implementation, WeightsIgnored};
use crate::split::{LocalReply, Mechanism};

/// A backend, where it leads, and what is replied in its place.
pub(super) type Found<'m> = (&'m BackendRef, ResolvedBackend<'m>, Option<LocalReply>);

/// How one backend is picked, and whether its weight has a part in that. Envoy Gateway makes one cluster of the backends of a
/// rule, each a locality with a weight, which a proxy takes in turn; in some cases it makes a cluster of each, as Istio does.
pub(super) fn mechanism(
    index: &Index<'_>,
    (route, rule): (&ApiRoute, &Rule),
    found: &[Found<'_>],
    place: RuleContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> (Mechanism, Option<WeightsIgnored>) {
    let policy = policy(index, route, rule, place.gateway);
    if place.implementation != Implementation::EnvoyGateway {
        caveats.extend(policy.map(|policy| of_another(&policy.meta, place.implementation)));
        return (Mechanism::Iid, None);
    }
    let asked = || found.iter().filter(|(backend, ..)| backend.weight > 0);
    let several = asked().count() > 1;
    let one_cluster = several && !apart(found, policy);
    if let Some(policy) = policy {
        for field in &policy.unjudged {
            let message = format!("`{}` of {} is not judged", field.value, policy.meta);
            caveats.push(Note::about(
                Code::PolicyNotJudged,
                message,
                Some(field.span),
            ));
        }
        if policy.hashes() && one_cluster {
            let endpoints = endpoints(index, found);
            caveats.push(ignored(policy, found, endpoints.as_deref()));
            return (Mechanism::Hash, Some(WeightsIgnored { endpoints }));
        }
        if policy.hashes() && several {
            caveats.push(hashed(policy));
            return (Mechanism::Hash, None);
        }
        caveats.extend(several.then(|| unknown(policy)).flatten());
    }
    let mechanism = if one_cluster {
        Mechanism::Wrr
    } else {
        Mechanism::Iid
    };
    (mechanism, None)
}

/// Whether each backend has a cluster of its own, among which a proxy draws: filters, other protocols, backends outside of
/// the cluster and preferred zones make it so.
fn apart(found: &[Found<'_>], policy: Option<&TrafficPolicy>) -> bool {
    let asked = || found.iter().filter(|(backend, ..)| backend.weight > 0);
    let protocols: Vec<Option<String>> = asked()
        .filter_map(|(_, referent, _)| {
            let service = referent.service?;
            let port = service
                .ports
                .iter()
                .find(|one| Some(one.port.value) == referent.port)?;
            Some(port.app_protocol.as_ref().map(|text| text.value.clone()))
        })
        .collect();
    let mixed = protocols.windows(2).any(|pair| pair[0] != pair[1]);
    let own = asked().any(|(backend, _, broken)| {
        backend.filtered || broken.is_some() || backend.kind.value == "Backend"
    });
    mixed || own || policy.is_some_and(|policy| policy.by_zone)
}

/// The pods of each backend, where the manifests hold those of all of them.
fn endpoints(index: &Index<'_>, found: &[Found<'_>]) -> Option<Vec<u32>> {
    let of = |(backend, referent, _): &Found<'_>| {
        if backend.weight == 0 {
            // It is no part of the cluster.
            return Some(0);
        }
        let pods = index.registry.endpoints(referent.service?)?;
        u32::try_from(pods).ok()
    };
    let all: Option<Vec<u32>> = found.iter().map(of).collect();
    all.filter(|all| all.iter().any(|one| *one > 0))
}

/// "the two backendRefs become two weighted localities inside a single cluster, but locality weighting is never enabled on
/// the Maglev policy" (envoyproxy/gateway#9775).
fn ignored(
    policy: &TrafficPolicy,
    found: &[Found<'_>],
    endpoints: Option<&[u32]>,
) -> Note<AppliesTo> {
    let shares = match endpoints {
        Some(endpoints) => {
            let total: u32 = endpoints.iter().sum();
            let names = found.iter().zip(endpoints);
            let each = names.filter(|((backend, ..), _)| backend.weight > 0);
            let each: Vec<String> = each
                .map(|((backend, ..), pods)| format!("{} {pods}/{total}", backend.name.value))
                .collect();
            format!(
                "the shares are by the number of endpoints: {}",
                each.join(", ")
            )
        }
        None => "the shares are by the number of endpoints".to_owned(),
    };
    let message = format!(
        "the weights of this rule are not applied: {} picks endpoints by a hash (`ConsistentHash`), and Envoy Gateway has all of \
         them in one cluster; {shares}",
        policy.meta
    );
    let span = policy.balancer.as_ref().map(|balancer| balancer.span);
    Note::about(Code::WeightsIgnored, message, span)
        .help("use another `loadBalancer.type` for this route, or give each `backendRef` a filter, which makes a cluster of each")
}

fn hashed(policy: &TrafficPolicy) -> Note<AppliesTo> {
    let message = format!(
        "{} picks backends by a hash of the request: requests that are alike all go to the same backend",
        policy.meta
    );
    let span = policy.balancer.as_ref().map(|balancer| balancer.span);
    let caveat = Note::about(Code::HashBalancing, message, span);
    caveat.help("vary the header, cookie or address that is hashed")
}

/// A type of load balancer of which it is not known whether it minds the weights.
fn unknown(policy: &TrafficPolicy) -> Option<Note<AppliesTo>> {
    let balancer = policy.balancer.as_ref()?;
    let known = ["LeastRequest", "RoundRobin", "Random", "ConsistentHash"];
    if known.contains(&balancer.value.as_str()) {
        return None;
    }
    let message = format!(
        "the load balancer `{}` of {} picks endpoints in a way that is not judged: whether the weights are followed is not known",
        balancer.value, policy.meta
    );
    Some(Note::about(
        Code::PolicyNotJudged,
        message,
        Some(balancer.span),
    ))
}

/// The policy for a rule: one for the rule itself before one for its route, and that before one for the Gateway.
fn policy<'m>(
    index: &Index<'m>,
    route: &ApiRoute,
    rule: &Rule,
    gateway: Option<&Meta>,
) -> Option<&'m TrafficPolicy> {
    let name = rule.name.as_ref().map(|name| name.value.as_str());
    let of = |meta: &Meta, section: Option<&str>| {
        let mut policies = index.policies(meta);
        policies.sort_by_key(|policy| (&policy.meta.created, &policy.meta.name));
        policies
            .into_iter()
            .find(|policy| policy.is_for(meta, section))
    };
    name.and_then(|name| of(&route.meta, Some(name)))
        .or_else(|| of(&route.meta, None))
        .or_else(|| gateway.and_then(|gateway| of(gateway, None)))
}
