//! `resplit endpoints`: requests that name their endpoint, one kind after the other, and whether they land on it.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::args::{EndpointsArgs, PickBy};
use super::exit::Exit;
use super::expectation::{Routes, host_header, probe, unresolved};
use super::failure::Failure;
use super::load_config::{Amount, LoadConfig};
use super::load_plan::planned;
use super::report_output::{exit_of, to_stdout};
use super::request::{RequestConfig, request};
use super::{config, input};
use crate::bucket::Bucketer;
use crate::diag::{Code, Note};
use crate::load::{self, Control};
use crate::plan::{LoadPlan, Reuse, Stop, Warmup};
use crate::report::Request;
use crate::report::endpoints::{
    ENDPOINTS_FORMATS, ENDPOINTS_SCHEMA, EndpointRow, EndpointsReport, Expectation, LandedRow,
    NoteText,
};
use crate::route::{
    Action, EndpointPick, PickEndpoint, PickMechanism, PickRequest, PickSource, Picked, Split,
    resolve,
};
use crate::split::{Expected, Identifiers, Mechanism, Target};
use crate::verdict::endpoint_rows::{
    EndpointNames, JudgedRow, Landed, Landing, SeenRow, picked_by_clients,
};
use crate::verdict::{Outcome, Policy};

/// Requests of a kind that has to land on one endpoint.
const PINNED: u64 = 100;
/// The deviation of a split among endpoints that a pass rules out, and which part of a share at most.
const RESOLUTION: f64 = 0.1;
const PART: f64 = 0.7;
/// Requests on a connection: in front of several proxies, connections reach all of them.
const REUSE: Reuse = Reuse::Between { min: 1, max: 20 };
const ONCE: Reuse = Reuse::Between { min: 1, max: 1 };

/// Why an observation fails.
const BY_CLIENTS: &str =
    "a header of the client decides which endpoint responds, and only filters of the proxy should";

/// What is known before anything is sent.
struct Table {
    pick: EndpointPick,
    /// What the requests get that the proxy balances.
    split: Expected,
    requests: Vec<PickRequest>,
}

/// Sends the requests, judges them and writes the table.
pub(super) fn run(args: &EndpointsArgs) -> Result<Exit, Failure> {
    let asked = request(&args.url, &args.request)?;
    let table = table(args, &asked)?;
    let policy = policy(&table);
    let rows = send(args, &asked, &table, &policy)?;
    let names = EndpointNames::of(&table.split, &args.map, &rows);
    let judged = rows
        .iter()
        .map(|row| names.judge(row, &table.split, &policy));
    let judged: Vec<JudgedRow> = judged.collect();
    let report = report(&asked, &table, &rows, judged, &names);
    let mut formats = ENDPOINTS_FORMATS.iter();
    let format = formats.find(|format| format.name == args.output);
    let mut bytes = Vec::new();
    let written = (format.expect("clap knows the formats").render)(&report, &mut bytes);
    to_stdout(written.map(|()| bytes))?;
    Ok(exit_of(report.outcome))
}

/// What is to be sent: the pick as typed before that of the manifests.
fn table(args: &EndpointsArgs, asked: &RequestConfig) -> Result<Table, Failure> {
    let declared = declared(args, asked)?;
    let (known, split) = match &declared {
        Some(split) => (split.endpoint_pick(), Some(split)),
        None => (None, None),
    };
    let sources = match (&args.pick, known) {
        (Some(text), known) => vec![source(text, known)?],
        (None, Some(known)) => known.sources.clone(),
        (None, None) => {
            return Err(Failure::usage(
                "nothing says where a request names its endpoint",
                "say it with --pick header:NAME, or name manifests or a config dump that do with -f",
            ));
        }
    };
    let mechanism = match (args.mechanism, known) {
        (Some(PickBy::OverrideHost), _) | (None, None) => PickMechanism::OverrideHost,
        (Some(PickBy::OriginalDst), _) => PickMechanism::OriginalDst,
        (Some(PickBy::Session), _) => PickMechanism::Session { strict: false },
        (Some(PickBy::StrictSession), _) => PickMechanism::Session { strict: true },
        (None, Some(known)) => known.mechanism,
    };
    let typed = args.endpoints.iter().map(|text| endpoint(text));
    let typed: Vec<PickEndpoint> = typed.collect::<Result<_, _>>()?;
    let found = || known.and_then(|known| known.endpoints.clone());
    let endpoints = Some(typed).filter(|typed| !typed.is_empty()).or_else(found);
    let endpoints = endpoints.filter(|all| !all.is_empty()).ok_or_else(|| {
        Failure::usage(
            "no endpoint is known",
            "name them with --endpoints 10.0.0.7:8080,10.0.0.8:8080, or pass a file with EndpointSlices, Pods or a config dump with -f",
        )
    })?;
    let pick = EndpointPick {
        mechanism,
        sources,
        fallback: known.and_then(|known| known.fallback.clone()),
        endpoints: Some(endpoints.clone()),
    };
    Ok(Table {
        requests: pick.requests(),
        split: shares(&endpoints, split),
        pick,
    })
}

/// The split of the route that the request takes, if manifests are given.
fn declared(args: &EndpointsArgs, asked: &RequestConfig) -> Result<Option<Split>, Failure> {
    if args.filename.is_empty() {
        return Ok(None);
    }
    let (vantage, probe) = (config::vantage(&args.vantage)?, probe(asked));
    let sources = input::manifests(&args.filename)?;
    let object = args.chosen.object.as_ref();
    let routes = Routes::of_any(sources, (Some(&probe), object), &vantage, args.quiet)?;
    let resolution = resolve(&routes.table, &probe);
    let resolution = resolution.map_err(|error| unresolved(&error, &routes.sources))?;
    let route = resolution
        .route
        .map(|matched| &matched.route.outcome.action);
    Ok(match route {
        Some(Action::Split(split)) => Some(split.clone()),
        _ => None,
    })
}

/// Where a request names its endpoint, as typed.
fn source(text: &str, known: Option<&EndpointPick>) -> Result<PickSource, Failure> {
    let named = |name: &str| {
        let valid = name.parse::<HeaderName>().is_ok();
        valid.then(|| name.to_owned())
    };
    let source = match text.split_once(':') {
        Some(("header", name)) => named(name).map(PickSource::Header),
        Some(("cookie", name)) => named(name).map(PickSource::Cookie),
        Some(("metadata", path)) => Some(PickSource::Metadata(path.to_owned())),
        None if text == "metadata" => {
            let mut sources = known.into_iter().flat_map(|known| &known.sources);
            let own = sources.find(|source| matches!(source, PickSource::Metadata(_)));
            let usual =
                || PickSource::Metadata("envoy.lb:x-gateway-destination-endpoint".to_owned());
            Some(own.cloned().unwrap_or_else(usual))
        }
        _ => None,
    };
    source.ok_or_else(|| {
        Failure::usage(
            format!("--pick: `{text}` is not a valid source of endpoints"),
            "write header:NAME, cookie:NAME or metadata",
        )
    })
}

fn endpoint(text: &str) -> Result<PickEndpoint, Failure> {
    let address: SocketAddr = text.trim().parse().map_err(|_| {
        Failure::usage(
            format!("--endpoints: `{text}` is not a valid address"),
            "write an address with its port: 10.0.0.7:8080, or [fd00::7]:8080",
        )
    })?;
    Ok(PickEndpoint {
        address: address.to_string(),
        backend: None,
        pod: None,
    })
}

/// What each endpoint gets of the requests that the proxy balances: as much as any other one, unless weights of their backends
/// are minded.
fn shares(endpoints: &[PickEndpoint], split: Option<&Split>) -> Expected {
    let minded =
        split.filter(|split| split.weights_ignored().is_none() && split.backends().len() > 1);
    let weight = |one: &PickEndpoint| -> Option<u64> {
        let backends = minded?.backends();
        let of = |position: usize| {
            let own = endpoints
                .iter()
                .filter(|other| other.backend == Some(position));
            u64::try_from(own.count()).ok().map(|count| count.max(1))
        };
        let common: u64 = (0..backends.len())
            .filter_map(of)
            .try_fold(1, u64::checked_mul)?;
        let position = one.backend?;
        u64::from(backends.get(position)?.weight).checked_mul(common / of(position)?)
    };
    let weights: Option<Vec<u64>> = endpoints.iter().map(weight).collect();
    let weights = weights.unwrap_or_else(|| vec![1; endpoints.len()]);
    let parts = endpoints.iter().zip(weights).map(|(one, weight)| {
        let names = [one.address.clone()].into_iter().chain(one.pod.clone());
        let identifiers = Identifiers {
            names: names.collect(),
            ..Identifiers::default()
        };
        (Target::Named(one.address.clone()), weight, identifiers)
    });
    let mechanism = split.map_or(Mechanism::Iid, Split::mechanism);
    Expected::from_weights("the endpoints", mechanism, parts.collect())
        .expect("an endpoint gets something")
}

/// How sure the rows have to be: all of them together are wrong as rarely as one run is.
fn policy(table: &Table) -> Policy {
    let shares = table.split.declared().iter().map(|one| one.share.as_f64());
    let smallest = shares.filter(|share| *share > 0.0).fold(1.0, f64::min);
    let default = Policy::default();
    Policy {
        alpha: default.alpha / table.requests.len() as f64,
        resolution: Some(RESOLUTION.min(PART * smallest)),
        ..default
    }
}

/// Sends one kind of request after the other.
fn send(
    args: &EndpointsArgs,
    asked: &RequestConfig,
    table: &Table,
    policy: &Policy,
) -> Result<Vec<SeenRow>, Failure> {
    let load = load_config(args);
    let plan = planned(&load, asked, None, policy)?.plan;
    let observed = table.pick.set_by_clients().is_none();
    let fallback = table.pick.fallback.as_deref().unwrap_or_default();
    let fallback = fallback.to_lowercase();
    let hashed = ["hash", "maglev"]
        .iter()
        .any(|word| fallback.contains(word));
    let mut rows = Vec::with_capacity(table.requests.len());
    for request in &table.requests {
        let landing = match &request.expected {
            _ if observed => Landing::Fallback,
            Picked::Fallback if hashed => Landing::Hashed,
            Picked::Fallback => Landing::Fallback,
            Picked::Refused => Landing::Status(503),
            Picked::Endpoint(address) => {
                let mut endpoints = table.split.declared().iter();
                endpoints
                    .position(|one| one.name == *address)
                    .map_or(Landing::Fallback, Landing::Endpoint)
            }
        };
        let split = landing == Landing::Fallback && !observed;
        let usual = if split {
            policy.design(&table.split, 0).requests_fixed()
        } else {
            PINNED
        };
        let number = args.requests.map_or(usual, |count| count.0.max(1));
        let plan = LoadPlan {
            stop: Stop::Requests(number),
            connections: plan
                .connections
                .min(u32::try_from(number).unwrap_or(u32::MAX)),
            // Whatever connections have in common, each of these requests is balanced by itself.
            reuse: if split { ONCE } else { REUSE },
            request: naming(&plan, &table.pick, request)?,
            ..plan.clone()
        };
        let specs = match args.bucket.as_slice() {
            [] => vec!["endpoint".to_owned()],
            typed => typed.to_vec(),
        };
        let bucketer = Bucketer::parse(&specs).expect("checked when it was typed");
        let seen = load::run(plan, bucketer, &mut |_| Control::Continue)?;
        let nobody = seen.answered() == 0;
        rows.push(SeenRow { landing, seen });
        if nobody {
            break;
        }
    }
    Ok(rows)
}

/// The request of the command with what names the endpoint.
fn naming(
    plan: &LoadPlan,
    pick: &EndpointPick,
    request: &PickRequest,
) -> Result<crate::plan::RequestTemplate, Failure> {
    let mut template = plan.request.clone();
    if let Some(PickSource::Header(name)) = pick.sources.first() {
        template.headers.remove(name.as_str());
    }
    for value in &request.values {
        let Some(source) = pick.sources.first() else {
            continue;
        };
        let (name, value) = source.line(value);
        let valid = HeaderName::try_from(name)
            .ok()
            .zip(HeaderValue::try_from(value).ok());
        let (name, value) = valid.ok_or_else(|| {
            Failure::usage(
                format!("`{}` cannot be sent in a header", request.name),
                "give endpoints as 10.0.0.7:8080",
            )
        })?;
        template.headers.append(name, value);
    }
    Ok(template)
}

fn load_config(args: &EndpointsArgs) -> LoadConfig {
    LoadConfig {
        amount: Amount::Exactly(Stop::Requests(PINNED)),
        max_duration: None,
        settle: None,
        pace: None,
        warmup: Warmup::None,
        ramp_up: Duration::ZERO,
        streams: 1,
        connections: u32::try_from(args.connections.0.clamp(1, 1000)).unwrap_or(1),
        modest: false,
        diagnose: false,
        confined: false,
        threads: Some(1),
        reuse: Some(REUSE),
        timeout: args.timeout.0,
        connect_timeout: args.timeout.0,
    }
}

fn report(
    asked: &RequestConfig,
    table: &Table,
    rows: &[SeenRow],
    judged: Vec<JudgedRow>,
    names: &EndpointNames,
) -> EndpointsReport {
    let endpoints: Vec<String> = table
        .split
        .declared()
        .iter()
        .map(|one| one.name.clone())
        .collect();
    let observed = table.pick.set_by_clients().is_none();
    let mut all: Vec<EndpointRow> = Vec::new();
    for ((request, row), judged) in table.requests.iter().zip(rows).zip(judged) {
        let landed = judged.landed.into_iter().map(|(landed, count)| LandedRow {
            endpoint: match landed {
                Landed::Endpoint(at) => endpoints[at].clone(),
                Landed::Other(text) | Landed::Proxy(_, text) => text,
            },
            count,
        });
        let (outcome, reason) = if observed && judged.outcome != Outcome::NoData {
            let reason = "only filters of the proxy pick: what they picked is not judged";
            (Outcome::NotJudged, reason.to_owned())
        } else {
            (judged.outcome, judged.reason)
        };
        all.push(EndpointRow {
            name: request.name.clone(),
            header: (!request.values.is_empty()).then(|| request.values.join("\n")),
            expected: match row.landing {
                Landing::Endpoint(at) => Expectation::Endpoint(endpoints[at].clone()),
                Landing::Fallback | Landing::Hashed => Expectation::Fallback,
                Landing::Status(status) => Expectation::Status(status),
            },
            sent: row.seen.sent,
            landed: landed.collect(),
            outcome,
            reason,
        });
    }
    if observed && picked_by_clients(rows, endpoints.len()) {
        for row in all.iter_mut().take(endpoints.len()) {
            row.outcome = Outcome::Diverged;
            BY_CLIENTS.clone_into(&mut row.reason);
        }
    }
    let (outcome, reason) = together(&all);
    EndpointsReport {
        schema: ENDPOINTS_SCHEMA,
        target: Request {
            url: asked.url.clone(),
            method: asked.method.to_string(),
            host: host_header(asked),
        },
        mechanism: match table.pick.mechanism {
            PickMechanism::OverrideHost => "override-host",
            PickMechanism::OriginalDst => "original-dst",
            PickMechanism::Session { .. } => "stateful-session",
        }
        .to_owned(),
        pick: table
            .pick
            .sources
            .first()
            .map_or_else(String::new, ToString::to_string),
        notes: notes(table, names, &endpoints),
        endpoints,
        rows: all,
        outcome,
        reason,
    }
}

/// What the rows mean together: the worst of them.
fn together(rows: &[EndpointRow]) -> (Outcome, String) {
    let of = |outcome: Outcome| -> Vec<&str> {
        let own = rows.iter().filter(|row| row.outcome == outcome);
        own.map(|row| row.name.as_str()).collect()
    };
    let quoted = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (outcome, says) in [
        (Outcome::NoData, "requests got no response"),
        (Outcome::Diverged, "requests did not land where they should"),
        (
            Outcome::Inconclusive,
            "requests leave open whether they land where they should",
        ),
        (
            Outcome::NotJudged,
            "only filters of the proxy pick: nothing is judged",
        ),
    ] {
        let found = of(outcome);
        if !found.is_empty() {
            let names = match outcome {
                Outcome::NotJudged => String::new(),
                _ => format!(": {}", quoted(&found)),
            };
            return (outcome, format!("{says}{names}"));
        }
    }
    let kinds = rows.len();
    (
        Outcome::Pass,
        format!("all {kinds} kinds of requests land where they should"),
    )
}

fn notes(table: &Table, names: &EndpointNames, endpoints: &[String]) -> Vec<NoteText> {
    let mut notes = vec![NoteText::of(&Note::new(
        table.pick.caveat(None).code,
        table.pick.caveat(None).message,
    ))];
    if !names.learned.is_empty() {
        let each = names
            .learned
            .iter()
            .map(|(value, at)| format!("`{value}` for {}", endpoints[*at]));
        let each: Vec<String> = each.collect();
        let message = format!(
            "responses are taken by what they said when one endpoint was named alone: {}",
            each.join(", ")
        );
        notes.push(NoteText::of(&Note::new(Code::EndpointsLearned, message)));
    }
    notes
}
