//! What a request gets that matches a rule: backends with weights, a redirect, or an error of the proxy.

use super::backends::{Follow, Referent, backends};
use super::index::Index;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{ApiRoute, BackendRef, RouteKind, Rule, TrafficPolicy};
use crate::manifest::kube::Meta;
use crate::route::{Action, AppliesTo, Implementation, Outcome, Split};
use crate::split::{LocalReplyCause, Mechanism};

/// From where rules are compiled.
#[derive(Clone, Copy)]
pub(super) struct Place<'m> {
    pub(super) implementation: Implementation,
    /// The Gateway, where it is one that is given.
    pub(super) gateway: Option<&'m Meta>,
    pub(super) mesh: bool,
}

/// The outcome of a rule.
pub(super) fn outcome<'m>(
    index: &Index<'m>,
    route: &'m ApiRoute,
    rule: &'m Rule,
    place: Place<'m>,
) -> Outcome {
    let mut caveats = rule.caveats.clone();
    let action = match rule.redirect {
        Some(status) => Action::local_reply(status, LocalReplyCause::Redirect),
        None => leads(index, route, rule, place, &mut caveats),
    };
    Outcome {
        action,
        abort: None,
        caveats,
    }
}

fn leads<'m>(
    index: &Index<'m>,
    route: &'m ApiRoute,
    rule: &'m Rule,
    place: Place<'m>,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Action {
    let everything = match route.kind {
        RouteKind::Http => "every request is answered with 500",
        RouteKind::Grpc => "every call is answered with 500 (gRPC UNAVAILABLE)",
    };
    // "If weight is set to 0, no traffic should be forwarded for this entry."
    if rule.backends.iter().all(|backend| backend.weight == 0) {
        let caveat = match rule.backends.first() {
            None => {
                let message = format!("this rule has no `backendRefs`: {everything}");
                Note::about(Code::NoBackends, message, Some(rule.span))
                    .help("give it `backendRefs`")
            }
            Some(first) => {
                let message = format!("the weights of this rule are all zero: {everything}");
                Note::about(Code::NoWeight, message, Some(first.span))
                    .help("give one of them a `weight` above 0")
            }
        };
        caveats.push(caveat.undeliverable());
        return Action::local_reply(500, LocalReplyCause::BrokenBackend);
    }
    let follow = Follow {
        index,
        route,
        rule,
        implementation: place.implementation,
        mesh: place.mesh,
    };
    let mut found = Vec::with_capacity(rule.backends.len());
    for backend in &rule.backends {
        let (referent, wrong) = follow.follow(backend);
        let broken = wrong.is_some().then_some(500);
        // Of what is never asked nothing can go wrong.
        if backend.weight > 0 {
            caveats.extend(backend.caveats.iter().cloned());
            caveats.extend(
                wrong
                    .map(Note::undeliverable)
                    .or_else(|| inactive_rule(backend)),
            );
        }
        found.push((backend, referent, broken));
    }
    caveats.extend(assumed(&found));
    let mechanism = mechanism(index, (route, rule), &found, place, caveats);
    let split = Split::new(mechanism, backends(index, &found));
    Action::Split(split.expect("16 weights of at most a million, one of which is above zero"))
}

/// What stands behind a backend that is no Service is decided by somebody else.
fn inactive_rule(backend: &BackendRef) -> Option<Note<AppliesTo>> {
    let name = &backend.name.value;
    let (id, message) = match backend.kind.value.as_str() {
        "ServiceImport" => (
            Code::ServiceImport,
            format!(
                "ServiceImport {name} leads to other clusters too: which of them answers is not judged"
            ),
        ),
        "InferencePool" => (
            Code::InferencePool,
            format!(
                "which pod of InferencePool {name} answers is decided by its endpoint picker, and is not judged"
            ),
        ),
        "Backend" => (
            Code::OtherBackend,
            format!("Backend {name} of Envoy Gateway is not read: it is taken to exist"),
        ),
        _ => return None,
    };
    Some(Note::about(id, message, Some(backend.name.span)))
}

fn assumed(found: &[(&BackendRef, Referent<'_>, Option<u16>)]) -> Option<Note<AppliesTo>> {
    let missing: Vec<&BackendRef> = found
        .iter()
        .filter(|(backend, referent, broken)| {
            referent.assumed && broken.is_none() && backend.weight > 0
        })
        .map(|(backend, ..)| *backend)
        .collect();
    let names: Vec<&str> = missing
        .iter()
        .map(|backend| backend.name.value.as_str())
        .collect();
    let first = missing.first()?;
    let message = format!(
        "these manifests do not hold the Services {}, which are taken to exist and to have these ports",
        names.join(", ")
    );
    let message = if names.len() == 1 {
        format!(
            "these manifests do not hold the Service {}, which is taken to exist and to have this port",
            names[0]
        )
    } else {
        message
    };
    let caveat = Note::about(Code::ServicesNotGiven, message, Some(first.name.span));
    Some(caveat.help("pass the file with the Services too"))
}

/// How one backend is picked. Envoy Gateway makes one cluster of the backends of a rule, each a locality with a weight,
/// which a proxy takes in turn; in some cases it makes a cluster of each, as Istio does.
fn mechanism(
    index: &Index<'_>,
    (route, rule): (&ApiRoute, &Rule),
    found: &[(&BackendRef, Referent<'_>, Option<u16>)],
    place: Place<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Mechanism {
    if place.implementation != Implementation::EnvoyGateway {
        return Mechanism::Iid;
    }
    let asked = || found.iter().filter(|(backend, ..)| backend.weight > 0);
    let policy = policy(index, route, rule, place.gateway);
    if let Some(policy) = policy {
        for field in &policy.unjudged {
            let message = format!("`{}` of {} is not judged", field.value, policy.meta);
            caveats.push(Note::about(
                Code::PolicyNotJudged,
                message,
                Some(field.span),
            ));
        }
        if policy.hashes() && asked().count() > 1 {
            let message = format!(
                "{} picks backends by a hash of the request: requests that are alike all go to the same backend",
                policy.meta
            );
            let span = policy.balancer.as_ref().map(|balancer| balancer.span);
            let caveat = Note::about(Code::HashBalancing, message, span);
            caveats.push(caveat.help("vary the header, cookie or address that is hashed"));
            return Mechanism::Hash;
        }
    }
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
    if asked().count() > 1 && !mixed && !own {
        Mechanism::Wrr
    } else {
        Mechanism::Iid
    }
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
        let mut policies: Vec<&'m TrafficPolicy> = index.policies(meta).to_vec();
        policies.sort_by_key(|policy| (&policy.meta.created, &policy.meta.name));
        policies.into_iter().find(|policy| {
            policy.targets.iter().any(|target| {
                target.kind == meta.kind
                    && target.name == meta.name
                    && target.section.as_deref() == section
            })
        })
    };
    name.and_then(|name| of(&route.meta, Some(name)))
        .or_else(|| of(&route.meta, None))
        .or_else(|| gateway.and_then(|gateway| of(gateway, None)))
}
