//! How one backend of a rule is picked: by chance, in turn, by a hash, or, where a policy has it so, whatever its weight.

use super::attached::of_another;
use super::backends::Found;
use super::endpoint_pick::{backend, endpoint_pick, words};
use super::index::Index;
use super::rule_context::RuleContext;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{ApiRoute, Rule, TrafficPolicy};
use crate::manifest::kube::Meta;
use crate::route::{AppliesTo, EndpointPick, Implementation, WeightsIgnored};
use crate::split::Mechanism;

/// How backends and endpoints are picked.
pub(super) struct Balance {
    pub(super) mechanism: Mechanism,
    /// Weights have no part in it.
    pub(super) ignored: Option<WeightsIgnored>,
    /// How a request may name its endpoint.
    pub(super) pick: Option<EndpointPick>,
}

impl Balance {
    fn by(mechanism: Mechanism) -> Self {
        Self {
            mechanism,
            ignored: None,
            pick: None,
        }
    }
}

/// How one backend is picked, and whether its weight has a part in that. Envoy Gateway makes one cluster of the backends of a
/// rule, each a locality with a weight, which a proxy takes in turn; in some cases it makes a cluster of each, as Istio does.
pub(super) fn mechanism(
    index: &Index<'_>,
    (route, rule): (&ApiRoute, &Rule),
    found: &[Found<'_>],
    place: RuleContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Balance {
    let policy = policy(index, route, rule, place.gateway);
    if place.implementation != Implementation::EnvoyGateway {
        caveats.extend(policy.map(|policy| of_another(&policy.meta, place.implementation)));
        return Balance::by(Mechanism::Iid);
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
        caveats.extend(several.then(|| unknown(policy)).flatten());
    }
    let pick = endpoint_pick(index, policy, found, caveats);
    let by_request = policy.filter(|policy| policy.endpoint_override.is_some());
    let ignoring = policy.filter(|policy| policy.hashes()).or(by_request);
    let ignored = ignoring.filter(|_| one_cluster).map(|policy| {
        let endpoints = endpoints(index, found);
        caveats.push(ignored(policy, found, endpoints.as_deref()));
        WeightsIgnored { endpoints }
    });
    let hashes = policy.filter(|policy| several && policy.hashes());
    caveats.extend(hashes.filter(|_| !one_cluster).map(hashed));
    let in_turn = |policy: &TrafficPolicy| {
        let balancer = policy.balancer.as_ref();
        balancer.is_some_and(|balancer| balancer.value == "RoundRobin")
    };
    let mechanism = match (hashes, ignoring) {
        (Some(_), _) => Mechanism::Hash,
        (None, Some(policy)) if one_cluster && !in_turn(policy) => Mechanism::Iid,
        _ if one_cluster => Mechanism::Wrr,
        _ => Mechanism::Iid,
    };
    Balance {
        mechanism,
        ignored,
        // Among several clusters, the request names an endpoint of the one that was drawn before.
        pick: pick.filter(|_| one_cluster || !several),
    }
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
    let of = |one: &Found<'_>| {
        let (reference, referent, _) = one;
        if reference.weight == 0 {
            // It is no part of the cluster.
            return Some(0);
        }
        if let Some(own) = backend(index, one) {
            return u32::try_from(own.addresses.as_ref()?.len()).ok();
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
    let message = match &policy.endpoint_override {
        Some(own) => format!(
            "the weights of this rule are not applied: {} lets {} name the endpoint (`endpointOverride`), and for requests \
             without one Envoy Gateway balances over all endpoints of one cluster; {shares}",
            policy.meta,
            words(&own.sources)
        ),
        None => format!(
            "the weights of this rule are not applied: {} picks endpoints by a hash (`ConsistentHash`), and Envoy Gateway has all \
             of them in one cluster; {shares}",
            policy.meta
        ),
    };
    let span = match &policy.endpoint_override {
        Some(own) => Some(own.span),
        None => policy.balancer.as_ref().map(|balancer| balancer.span),
    };
    let caveat = Note::about(Code::WeightsIgnored, message, span);
    if policy.endpoint_override.is_some() {
        return caveat.help("leave `endpointOverride` out for this route, or give each `backendRef` a filter, which makes a cluster of each");
    }
    caveat.help("use another `loadBalancer.type` for this route, or give each `backendRef` a filter, which makes a cluster of each")
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
