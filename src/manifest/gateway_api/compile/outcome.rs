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
use crate::route::{Action, AppliesTo, Implementation, MirroredShare, Outcome, Split};
use crate::split::{Destination, LocalReply, LocalReplyCause, Mechanism};

/// The outcome of a rule.
pub(super) fn outcome<'m>(
    index: &Index<'m>,
    route: &'m ApiRoute,
    rule: &'m Rule,
    place: RuleContext<'m>,
) -> Outcome {
    let mut caveats = rule.caveats.clone();
    attached::to_route(index, route, rule, place, &mut caveats);
    let mut direct = None;
    for ([kind, name], unknown) in &rule.extensions {
        let own = kind == "HTTPRouteFilter" && place.implementation == Implementation::EnvoyGateway;
        let reply = own.then(|| index.direct_response(&route.meta.namespace, name));
        match reply.flatten() {
            Some(status) => direct = Some(status),
            None => caveats.push(unknown.clone()),
        }
    }
    let follow = BackendResolver {
        index,
        route,
        rule,
        implementation: place.implementation,
        mesh: place.mesh,
    };
    let mirrors = copies(&follow, rule);
    let action = match (rule.redirect, direct) {
        (Some(status), _) => Action::local_reply(status, LocalReplyCause::Redirect),
        (None, Some(status)) => Action::local_reply(status, LocalReplyCause::DirectResponse),
        (None, None) => leads(index, route, rule, place, &mut caveats),
    };
    Outcome {
        action,
        abort: None,
        mirrors,
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
        RouteKind::Tls | RouteKind::Tcp => "every connection is closed",
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
        // A connection that is closed gets no reply.
        let replies = wrong.is_some() && !route.kind.of_connections();
        let mut broken = replies.then_some(LocalReply::missing(500));
        // Of what is never asked nothing can go wrong.
        if backend.weight > 0 {
            caveats.extend(backend.caveats.iter().cloned());
            caveats.extend(
                wrong
                    .map(Note::undeliverable)
                    .or_else(|| inactive_rule(index, backend, &referent.namespace)),
            );
            caveats.extend(bypassed(index, backend, &referent, place));
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
    let copies = (rule.mirrors.iter()).filter_map(|(one, _)| follow.follow(one).1);
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
    if !route.kind.of_connections() {
        let split = split.with_endpoint_pick(balance.pick);
        return Action::Split(split.ignored(balance.ignored));
    }
    let (code, kind) = match route.kind {
        RouteKind::Tls => (Code::TlsRoute, "TLSRoute"),
        _ => (Code::TcpRoute, "TCPRoute"),
    };
    let message = format!(
        "a {kind} splits connections, not requests: a connection that sticks to one target is as declared"
    );
    caveats.push(Note::about(code, message, Some(rule.span)));
    Action::Split(split.by(Mechanism::PerConnection))
}

/// A Service that a rule of the mesh splits, at a gateway, which does not apply that.
fn bypassed(
    index: &Index<'_>,
    backend: &BackendRef,
    referent: &ResolvedBackend<'_>,
    place: RuleContext<'_>,
) -> Option<Note<AppliesTo>> {
    // There the waypoint of the Service splits them.
    const THROUGH_WAYPOINT: &str = "istio.io/ingress-use-waypoint";
    if place.mesh || place.implementation != Implementation::Istio {
        return None;
    }
    let host = &referent.host;
    let rule = index.splitting(host)?;
    let (of_namespace, _) = index.labels(&referent.namespace);
    let own = referent.service.map(|service| &service.meta.labels);
    let mut labels = own.into_iter().chain([&of_namespace]);
    if labels.any(|labels| labels.contains_key(THROUGH_WAYPOINT)) {
        return None;
    }
    let message = format!(
        "{rule} splits `{host}` for clients in the mesh; the gateway does not apply that, and spreads requests over all of its pods"
    );
    let caveat = Note::about(Code::MeshRulesNotApplied, message, Some(backend.name.span));
    Some(caveat.help("write the split, with its backends, in the route of the gateway too"))
}

/// The backends that get copies; one that leads nowhere gets none.
fn copies(follow: &BackendResolver<'_, '_>, rule: &Rule) -> Vec<MirroredShare> {
    let mirrors = rule.mirrors.iter().filter_map(|(backend, millionths)| {
        let (referent, wrong) = follow.follow(backend);
        let destination = Destination {
            host: referent.host,
            port: referent.port,
            subset: None,
        };
        let mirror = MirroredShare::new(destination, *millionths, backend.span)?;
        wrong.is_none().then_some(mirror)
    });
    mirrors.collect()
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
