//! What a request gets that matches an HTTP route: destinations with weights, a fixed answer, a fault before it.

use super::backends::{mirrors, split};
use super::destination_port::{Layer, port};
use super::endpoint_hash::endpoint_keys;
use super::identifiers::{DistinctLabels, ResolvedDestination, identifiers};
use super::index::Index;
use super::proxy_context::{ProxyContext, ProxyKind};
use crate::diag::{Code, Note};
use crate::manifest::decode::At;
use crate::manifest::istio::objects::{FaultAbort, HttpAction, HttpRoute, TcpRoute};
use crate::route::{Abort, Action, AppliesTo, Backend, Outcome, Split};
use crate::split::{Destination, LocalReplyCause, Mechanism};

/// The outcome of an HTTP route of a rule in namespace `home`. A delegate has none.
pub(super) fn outcome(
    index: &Index<'_>,
    route: &HttpRoute,
    home: &str,
    caller: ProxyContext<'_>,
) -> Option<Outcome> {
    let mut caveats: Vec<Note<AppliesTo>> = route.notable.iter().map(notable).collect();
    let action = match &route.action {
        HttpAction::Route(items) => Action::Split(split(
            index,
            items,
            home,
            (caller, Layer::Requests),
            &mut caveats,
        )),
        HttpAction::Redirect(status) => Action::local_reply(*status, LocalReplyCause::Redirect),
        HttpAction::Direct(status) => Action::local_reply(*status, LocalReplyCause::DirectResponse),
        HttpAction::Delegate { .. } => return None,
    };
    let mirrors = mirrors(index, &route.mirrors, home, caller, &mut caveats);
    Some(Outcome {
        action,
        abort: route.abort.and_then(abort),
        mirrors,
        caveats,
    })
}

/// The outcome of a `tcp` or `tls` route: one destination for each connection.
pub(super) fn connections(
    index: &Index<'_>,
    key: &'static str,
    route: &TcpRoute,
    home: &str,
    caller: ProxyContext<'_>,
) -> Outcome {
    let code = if key == "tls" {
        Code::TlsRoute
    } else {
        Code::TcpRoute
    };
    let message = format!(
        "`{key}` routes split connections, not requests: a connection that sticks to one target is as declared"
    );
    let mut caveats = vec![Note::about(code, message, Some(route.span))];
    let split = split(
        index,
        &route.route,
        home,
        (caller, Layer::Connections),
        &mut caveats,
    );
    Outcome {
        action: Action::Split(split.by(Mechanism::PerConnection)),
        abort: None,
        mirrors: Vec::new(),
        caveats,
    }
}

/// A route that sends everything to one host, as Istio makes it for a service without rules.
pub(super) fn everything_to(index: &Index<'_>, host: &str, caller: ProxyContext<'_>) -> Outcome {
    let known = [ResolvedDestination {
        host: host.to_owned(),
        subset_name: None,
        subset: None,
    }];
    let destination = Destination {
        host: host.to_owned(),
        port: match caller.proxy {
            ProxyKind::Gateway => port(index, host, caller, Layer::Requests),
            ProxyKind::Sidecar | ProxyKind::Waypoint => caller
                .port
                .or_else(|| port(index, host, caller, Layer::Requests)),
        },
        subset: None,
    };
    let backend = Backend {
        destination,
        weight: 1,
        identifiers: identifiers(index, &known[0], &DistinctLabels::among(&known)),
        broken: None,
    };
    let split = Split::new(Mechanism::Iid, vec![backend]).expect("one backend of weight one");
    let split = split.hashed_by(endpoint_keys(index, known.iter(), caller));
    Outcome {
        action: Action::Split(split),
        abort: None,
        mirrors: Vec::new(),
        caveats: Vec::new(),
    }
}

/// Istio counts in millionths and cuts what is finer.
pub(super) fn abort(fault: FaultAbort) -> Option<Abort> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percentage, times ten thousand"
    )]
    let millionths = (fault.percentage * 10_000.0) as u32;
    (millionths > 0).then(|| Abort::new(fault.status, millionths))
}

pub(super) fn notable(field: &At<&'static str>) -> Note<AppliesTo> {
    let (id, message) = match field.value {
        "timeout" => (
            Code::Timeout,
            "`timeout` turns late answers into 504, which belong to no destination",
        ),
        "retries" => (
            Code::Retries,
            "`retries` hides failures; a retry stays with the destination that was picked, so the split is kept",
        ),
        "corsPolicy" => (
            Code::Cors,
            "a CORS preflight is answered by the proxy and reaches no destination",
        ),
        "fault.delay.all" => (
            Code::FaultDelay,
            "`fault.delay` slows all requests of this route down",
        ),
        "fault.delay" => (
            Code::FaultDelay,
            "`fault.delay` slows a part of the requests down",
        ),
        _ => (
            Code::GrpcAbort,
            "an abort with a gRPC status is an HTTP 200 with `grpc-status`",
        ),
    };
    let caveat = Note::about(id, message, Some(field.span));
    match field.value {
        "corsPolicy" => caveat.limited_to(AppliesTo::Method("OPTIONS")),
        _ => caveat,
    }
}
