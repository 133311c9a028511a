//! What a request gets that matches an HTTP route: destinations with weights, a fixed answer, a fault before it.

use super::attach::{self, Subsets};
use super::clues::{Known, clues};
use super::virtual_service::{FaultAbort, HttpAction, HttpRoute, WeightedDestination};
use crate::diag::nearest::nearest;
use crate::manifest::Manifests;
use crate::manifest::decode::At;
use crate::route::{Abort, Action, Backend, Caveat, Outcome, Split};
use crate::split::{Destination, Mechanism};

/// The outcome of an HTTP route of a rule in namespace `home`, for a client in namespace `client`. A delegate has none.
pub(super) fn outcome(
    manifests: &Manifests,
    route: &HttpRoute,
    home: &str,
    client: &str,
) -> Option<Outcome> {
    let mut caveats: Vec<Caveat> = route.notable.iter().map(notable).collect();
    let action = match &route.action {
        HttpAction::Route(items) => {
            Action::Split(split(manifests, items, home, client, &mut caveats))
        }
        HttpAction::Redirect(status) => Action::Redirect { status: *status },
        HttpAction::Direct(status) => Action::Direct { status: *status },
        HttpAction::Delegate { .. } => return None,
    };
    Some(Outcome {
        action,
        abort: route.abort.and_then(abort),
        caveats,
    })
}

/// A route that sends everything to one host, as Istio makes it for a service without rules.
pub(super) fn everything_to(manifests: &Manifests, host: &str) -> Outcome {
    let known = [Known {
        host: host.to_owned(),
        subset_name: None,
        subset: None,
    }];
    let destination = Destination {
        host: host.to_owned(),
        port: only_port(manifests, host),
        subset: None,
    };
    let backend = Backend {
        destination,
        weight: 1,
        clues: clues(manifests, &known[0], &known),
    };
    let split = Split::new(Mechanism::Iid, vec![backend]).expect("one backend of weight one");
    Outcome {
        action: Action::Split(split),
        abort: None,
        caveats: Vec::new(),
    }
}

fn split(
    manifests: &Manifests,
    items: &[WeightedDestination],
    home: &str,
    client: &str,
    caveats: &mut Vec<Caveat>,
) -> Split {
    let all: Vec<Known<'_>> = items
        .iter()
        .map(|item| {
            let host = attach::full_name(&item.host.value, home);
            let subset = item
                .subset
                .as_ref()
                .and_then(|subset| defined(manifests, &host, subset, client, caveats));
            Known {
                host,
                subset_name: item.subset.as_ref().map(|subset| subset.value.as_str()),
                subset,
            }
        })
        .collect();
    let backends = items.iter().zip(&all).map(|(item, known)| Backend {
        destination: Destination {
            host: known.host.clone(),
            port: item
                .port
                .as_ref()
                .map(|port| port.value)
                .or_else(|| only_port(manifests, &known.host)),
            subset: known.subset_name.map(str::to_owned),
        },
        // Istio ignores the weight of a single destination; next to others, an unset weight is zero.
        weight: if items.len() == 1 {
            1
        } else {
            item.weight.as_ref().map_or(0, |weight| weight.value)
        },
        clues: clues(manifests, known, &all),
    });
    Split::new(Mechanism::Iid, backends.collect())
        .expect("weights are checked when they are decoded")
}

/// The subset, or a caveat that says why it cannot be found.
fn defined<'m>(
    manifests: &'m Manifests,
    host: &str,
    subset: &At<String>,
    client: &str,
    caveats: &mut Vec<Caveat>,
) -> Option<&'m super::Subset> {
    let subsets = Subsets::of(manifests, host, client);
    let name = &subset.value;
    let found = subsets.get(name);
    if found.is_none() {
        caveats.push(match subsets.rules.first() {
            None => Caveat::new(
                "no-destination-rule",
                format!(
                    "no DestinationRule for `{host}` is in these manifests, so that subset `{name}` is taken to exist; \
                     pass its file too"
                ),
                Some(subset.span),
            ),
            Some(rule) => {
                let hint = match nearest(name, subsets.names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it defines {}", subsets.names().collect::<Vec<_>>().join(", ")),
                };
                let message = format!(
                    "subset `{name}` is not defined by {}, so that its share is answered with 503 (NC); {hint}",
                    rule.meta
                );
                Caveat::new("unknown-subset", message, Some(subset.span))
            }
        });
    }
    found
}

/// "port = destination.port.number, else the only port if the Service has exactly one, else the listener port."
fn only_port(manifests: &Manifests, host: &str) -> Option<u16> {
    match &attach::service(manifests, host)?.ports[..] {
        [port] => Some(port.port.value),
        _ => None,
    }
}

/// Istio counts in millionths and cuts what is finer.
fn abort(fault: FaultAbort) -> Option<Abort> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percentage, times ten thousand"
    )]
    let millionths = (fault.percentage * 10_000.0) as u32;
    (millionths > 0).then(|| Abort::new(fault.status, millionths))
}

fn notable(field: &At<&'static str>) -> Caveat {
    let (id, message, method) = match field.value {
        "timeout" => (
            "timeout",
            "`timeout` turns late answers into 504, which belong to no destination",
            None,
        ),
        "retries" => (
            "retries",
            "`retries` hides failures; a retry stays with the destination that was picked, so the split is kept",
            None,
        ),
        "corsPolicy" => (
            "cors",
            "a CORS preflight is answered by the proxy and reaches no destination",
            Some("OPTIONS"),
        ),
        "fault.delay" => (
            "fault-delay",
            "`fault.delay` slows a part of the requests down",
            None,
        ),
        _ => (
            "grpc-abort",
            "an abort with a gRPC status is an HTTP 200 with `grpc-status`",
            None,
        ),
    };
    Caveat {
        id,
        message: message.to_owned(),
        span: Some(field.span),
        method,
    }
}
