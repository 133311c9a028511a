//! What a request gets that matches a rule: backends with weights, a redirect, or an error of the proxy.

use super::attached;
use super::backends::{BackendResolver, LOST, ResolvedBackend, backends};
use super::balancing::mechanism;
use super::endpoint_pick;
use super::index::Index;
use super::rule_context::RuleContext;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{ApiRoute, BackendRef, RouteKind, Rule};
use crate::manifest::mesh::backing::{Whole, backing};
use crate::route::{Action, AppliesTo, Outcome, Split};
use crate::split::{LocalReply, LocalReplyCause};

/// The outcome of a rule.
pub(super) fn outcome<'m>(
    index: &Index<'m>,
    route: &'m ApiRoute,
    rule: &'m Rule,
    place: RuleContext<'m>,
) -> Outcome {
    let mut caveats = rule.caveats.clone();
    attached::to_route(index, route, rule, place, &mut caveats);
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
    place: RuleContext<'m>,
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
    let follow = BackendResolver {
        index,
        route,
        rule,
        implementation: place.implementation,
        mesh: place.mesh,
    };
    let mut found = Vec::with_capacity(rule.backends.len());
    for backend in &rule.backends {
        let (referent, wrong) = follow.follow(backend);
        let mut broken = wrong.is_some().then_some(LocalReply::missing(500));
        // Of what is never asked nothing can go wrong.
        if backend.weight > 0 {
            caveats.extend(backend.caveats.iter().cloned());
            caveats.extend(
                wrong
                    .map(Note::undeliverable)
                    .or_else(|| inactive_rule(index, backend, &referent.namespace)),
            );
            let refused = attached::to_backend(index, backend, &referent, place, caveats);
            broken = broken.or(refused);
        }
        let one = (backend, referent, broken);
        if let Some(own) = endpoint_pick::backend(index, &one).filter(|_| backend.weight > 0) {
            endpoint_pick::of_backend(own, caveats);
        }
        found.push(one);
    }
    caveats.extend(assumed(&found));
    let copies = rule.mirrors.iter().filter_map(|one| follow.follow(one).1);
    caveats.extend(copies.map(of_mirror));
    let services = found.iter().filter(|(backend, _, broken)| {
        backend.weight > 0 && broken.is_none() && backend.kind.value == "Service"
    });
    let services: Vec<Whole<'_>> = services
        .map(|(backend, referent, _)| Whole {
            host: &referent.host,
            span: backend.name.span,
        })
        .collect();
    caveats.extend(backing(&index.registry, &services));
    let balance = mechanism(index, (route, rule), &found, place, caveats);
    let split = Split::new(balance.mechanism, backends(index, &found));
    let split = split.expect("16 weights of at most a million, one of which is above zero");
    let split = split.with_endpoint_pick(balance.pick);
    Action::Split(split.ignored(balance.ignored))
}

/// What is wrong with a backend that gets copies: what comes back is never its response.
fn of_mirror(caveat: Note<AppliesTo>) -> Note<AppliesTo> {
    let message = LOST.iter().fold(caveat.message.clone(), |message, lost| {
        message.replace(lost, "so that nothing is mirrored there")
    });
    Note {
        message: format!("a mirror: {message}"),
        ..caveat
    }
}

/// What stands behind a backend that is no Service is decided by somebody else.
fn inactive_rule(
    index: &Index<'_>,
    backend: &BackendRef,
    namespace: &str,
) -> Option<Note<AppliesTo>> {
    let name = &backend.name.value;
    let (id, message) = match backend.kind.value.as_str() {
        "ServiceImport" => (
            Code::ServiceImport,
            format!(
                "ServiceImport {name} leads to other clusters too: which of them answers is not judged"
            ),
        ),
        "InferencePool" => return Some(of_pool(index, backend, namespace)),
        "Backend" if index.envoy_backend(namespace, name).is_some() => return None,
        "Backend" => (
            Code::OtherBackend,
            format!("Backend {name} of Envoy Gateway is not read: it is taken to exist"),
        ),
        _ => return None,
    };
    Some(Note::about(id, message, Some(backend.name.span)))
}

/// Who picks the pod of a pool, and what happens where nobody does.
fn of_pool(index: &Index<'_>, backend: &BackendRef, namespace: &str) -> Note<AppliesTo> {
    let name = &backend.name.value;
    let pool = index.pool(namespace, name);
    let picker = pool.and_then(|pool| Some((pool.picker.as_ref()?, pool.fails_closed)));
    let Some((picker, fails_closed)) = picker else {
        let message = format!(
            "which pod of InferencePool {name} answers is decided by its endpoint picker, and is not judged"
        );
        return Note::about(Code::InferencePool, message, Some(backend.name.span));
    };
    let without = if fails_closed {
        "its share is refused (`FailClose`)"
    } else {
        "the gateway picks any of its pods (`FailOpen`)"
    };
    let host = format!("{}.{namespace}.svc.cluster.local", picker.value);
    let registry = &index.registry;
    let missing =
        registry.service(&host).is_none() && registry.services_in(namespace).next().is_some();
    if missing {
        let message = format!(
            "these manifests hold Services of namespace {namespace}, but not Service {}, the endpoint picker of InferencePool \
             {name}: without it {without}",
            picker.value
        );
        return Note::about(Code::InferencePool, message, Some(picker.span))
            .help("pass the file with this Service too, if it exists");
    }
    let message = format!(
        "which pod of InferencePool {name} answers is decided by its endpoint picker {}, and is not judged; where that does not \
         respond, {without}",
        picker.value
    );
    Note::about(Code::InferencePool, message, Some(backend.name.span))
}

fn assumed(
    found: &[(&BackendRef, ResolvedBackend<'_>, Option<LocalReply>)],
) -> Option<Note<AppliesTo>> {
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
