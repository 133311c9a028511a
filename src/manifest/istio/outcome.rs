//! What a request gets that matches an HTTP route: destinations with weights, a fixed answer, a fault before it.

use super::attach;
use super::clues::{Known, Telling, clues};
use super::index::Index;
use super::subsets::Subsets;
use super::{FaultAbort, HttpAction, HttpRoute, TcpRoute, WeightedDestination};
use crate::diag::nearest::nearest;
use crate::manifest::decode::At;
use crate::route::{Abort, Action, Backend, Caveat, Only, Outcome, Split};
use crate::split::{Cause, Destination, Mechanism};

/// The outcome of an HTTP route of a rule in namespace `home`, for a client in namespace `client`. A delegate has none.
pub(super) fn outcome(
    index: &Index<'_>,
    route: &HttpRoute,
    home: &str,
    client: &str,
    listener: Option<u16>,
) -> Option<Outcome> {
    let mut caveats: Vec<Caveat> = route.notable.iter().map(notable).collect();
    let action = match &route.action {
        HttpAction::Route(items) => {
            Action::Split(split(index, items, home, client, listener, &mut caveats))
        }
        HttpAction::Redirect(status) => Action::answer(*status, Cause::Redirect),
        HttpAction::Direct(status) => Action::answer(*status, Cause::DirectResponse),
        HttpAction::Delegate { .. } => return None,
    };
    Some(Outcome {
        action,
        abort: route.abort.and_then(abort),
        caveats,
    })
}

/// The outcome of a TCP route: one destination for each connection.
pub(super) fn connections(
    index: &Index<'_>,
    route: &TcpRoute,
    home: &str,
    client: &str,
    listener: Option<u16>,
) -> Outcome {
    let message = "`tcp` routes split connections, not requests: a connection that sticks to one target is as declared";
    let mut caveats = vec![Caveat::new("tcp-route", message, Some(route.span))];
    let split = split(index, &route.route, home, client, listener, &mut caveats);
    Outcome {
        action: Action::Split(split.by(Mechanism::PerConnection)),
        abort: None,
        caveats,
    }
}

/// A route that sends everything to one host, as Istio makes it for a service without rules.
pub(super) fn everything_to(index: &Index<'_>, host: &str) -> Outcome {
    let known = [Known {
        host: host.to_owned(),
        subset_name: None,
        subset: None,
    }];
    let destination = Destination {
        host: host.to_owned(),
        port: port(index, host, None),
        subset: None,
    };
    let backend = Backend {
        destination,
        weight: 1,
        clues: clues(index, &known[0], &Telling::among(&known)),
        broken: None,
    };
    let split = Split::new(Mechanism::Iid, vec![backend]).expect("one backend of weight one");
    Outcome {
        action: Action::Split(split),
        abort: None,
        caveats: Vec::new(),
    }
}

fn split(
    index: &Index<'_>,
    items: &[WeightedDestination],
    home: &str,
    client: &str,
    listener: Option<u16>,
    caveats: &mut Vec<Caveat>,
) -> Split {
    // Istio ignores the weight of a single destination; next to others, an unset weight is zero.
    let weight = |item: &WeightedDestination| match items.len() {
        1 => 1,
        _ => item.weight.as_ref().map_or(0, |weight| weight.value),
    };
    caveats.extend(
        items
            .iter()
            .filter_map(|item| surprising(item, items.len())),
    );
    // Destinations without a cluster of their own, by position. One of weight zero is never asked, so that nothing can
    // go wrong there.
    let mut broken = vec![false; items.len()];
    let all: Vec<Known<'_>> = items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let host = attach::full_name(&item.host.value, home);
            let subset = item.subset.as_ref().and_then(|subset| {
                let subsets = index.subsets(&host, client);
                let found = subsets.get(&subset.value);
                if found.is_none() && weight(item) > 0 {
                    let caveat = undefined(index, &host, subset, &subsets, caveats);
                    broken[at] = caveat
                        .as_ref()
                        .is_some_and(|caveat| caveat.id == "unknown-subset");
                    caveats.extend(caveat);
                }
                found
            });
            Known {
                host,
                subset_name: item.subset.as_ref().map(|subset| subset.value.as_str()),
                subset,
            }
        })
        .collect();
    for (at, (item, known)) in items.iter().zip(&all).enumerate() {
        let port = item.port.as_ref().map(|port| port.value).or(listener);
        let asked = port.filter(|_| weight(item) > 0);
        if let Some(caveat) = asked.and_then(|port| closed(index, item, &known.host, port)) {
            broken[at] = true;
            caveats.push(caveat);
        }
    }
    let telling = Telling::among(&all);
    let backends = items
        .iter()
        .zip(&all)
        .zip(&broken)
        .map(|((item, known), broken)| Backend {
            destination: Destination {
                host: known.host.clone(),
                port: item
                    .port
                    .as_ref()
                    .map(|port| port.value)
                    .or_else(|| port(index, &known.host, listener)),
                subset: known.subset_name.map(str::to_owned),
            },
            weight: weight(item),
            clues: clues(index, known, &telling),
            // "subset absent in the effective DR -> no such cluster -> 503, flag NC; the share is lost, NOT renormalised".
            broken: broken.then_some(503),
        });
    Split::new(Mechanism::Iid, backends.collect())
        .expect("weights are checked when they are decoded")
}

/// A weight that does not do what it seems to say.
fn surprising(item: &WeightedDestination, of: usize) -> Option<Caveat> {
    match (&item.weight, of) {
        (Some(weight), 1) if weight.value != 100 => {
            let message = format!(
                "the weight {} of an only destination is ignored: it gets everything",
                weight.value
            );
            Some(Caveat::new("ignored-weight", message, Some(weight.span)))
        }
        (None, 2..) => {
            let message =
                "a destination without a `weight` gets nothing next to others that have one";
            Some(Caveat::new("unset-weight", message, Some(item.host.span)))
        }
        _ => None,
    }
}

/// Why a subset is not defined for this client.
fn undefined(
    index: &Index<'_>,
    host: &str,
    subset: &At<String>,
    subsets: &Subsets<'_>,
    known: &[Caveat],
) -> Option<Caveat> {
    let name = &subset.value;
    let elsewhere = index
        .rules(host)
        .iter()
        .find(|rule| rule.subsets.iter().any(|subset| subset.name.value == *name));
    let lost = "so that its share is answered with 503 (NC)";
    let message = match (subsets.rules.first(), elsewhere) {
        (None, None) if known.iter().any(|known| known.id == "no-destination-rule") => return None,
        (None, None) => {
            let message = format!(
                "these manifests hold no DestinationRule for `{host}`, so its subsets are taken to exist; pass its file too"
            );
            return Some(Caveat::new(
                "no-destination-rule",
                message,
                Some(subset.span),
            ));
        }
        (Some(rule), Some(elsewhere)) => format!(
            "subset `{name}` is defined by {}, which {} hides from this client, {lost}",
            elsewhere.meta, rule.meta
        ),
        (None, Some(elsewhere)) => {
            format!(
                "subset `{name}` is defined by {}, which this client does not see, {lost}",
                elsewhere.meta
            )
        }
        (Some(rule), None) => {
            let hint = match (
                nearest(name, subsets.names()),
                subsets.names().collect::<Vec<_>>(),
            ) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, names) if names.is_empty() => "it defines no subsets".to_owned(),
                (None, names) => format!("it defines {}", names.join(", ")),
            };
            format!(
                "subset `{name}` is not defined by {}, {lost}; {hint}",
                rule.meta
            )
        }
    };
    Some(Caveat::new("unknown-subset", message, Some(subset.span)).breaking())
}

/// "port = destination.port.number, else the only port if the Service has exactly one, else the LISTENER port."
fn port(index: &Index<'_>, host: &str, listener: Option<u16>) -> Option<u16> {
    let Some(service) = index.service(host) else {
        let entry = index.entry(host)?;
        return if let [port] = entry.ports[..] {
            Some(port)
        } else {
            listener
        };
    };
    match &service.ports[..] {
        [port] => Some(port.port.value),
        _ => listener,
    }
}

/// A port that the Service does not have leads nowhere.
fn closed(index: &Index<'_>, item: &WeightedDestination, host: &str, port: u16) -> Option<Caveat> {
    let service = index.service(host)?;
    if item.port.is_none() && service.ports.len() == 1 {
        return None;
    }
    let message = format!(
        "{} has no port {port}, so that this share is answered with 503 (NC); its ports are {}",
        service.meta,
        service.others_than(port)?
    );
    let span = item.port.as_ref().map_or(item.host.span, |port| port.span);
    Some(Caveat::new("closed-port", message, Some(span)).breaking())
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

pub(super) fn notable(field: &At<&'static str>) -> Caveat {
    let (id, message) = match field.value {
        "timeout" => (
            "timeout",
            "`timeout` turns late answers into 504, which belong to no destination",
        ),
        "retries" => (
            "retries",
            "`retries` hides failures; a retry stays with the destination that was picked, so the split is kept",
        ),
        "corsPolicy" => (
            "cors",
            "a CORS preflight is answered by the proxy and reaches no destination",
        ),
        "fault.delay" => (
            "fault-delay",
            "`fault.delay` slows a part of the requests down",
        ),
        _ => (
            "grpc-abort",
            "an abort with a gRPC status is an HTTP 200 with `grpc-status`",
        ),
    };
    let caveat = Caveat::new(id, message, Some(field.span));
    match field.value {
        "corsPolicy" => caveat.only(Only::Method("OPTIONS")),
        _ => caveat,
    }
}
