//! `resplit endpoints`: requests that name their endpoint, one kind after the other, and whether they land on it.

mod table;

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::args::EndpointsArgs;
use super::cluster_bucket;
use super::exit::Exit;
use super::expectation::host_header;
use super::failure::Failure;
use super::load_config::{Amount, LoadConfig};
use super::load_plan::planned;
use super::report_output::{exit_of, to_stdout};
use super::request::{RequestConfig, request};
use crate::bucket::Bucketer;
use crate::diag::{Code, Note};
use crate::load::{self, Control};
use crate::plan::{LoadPlan, Reuse, Stop, Warmup};
use crate::report::Request;
use crate::report::endpoints::{
    ENDPOINTS_FORMATS, ENDPOINTS_SCHEMA, EndpointRow, EndpointsReport, Expectation, LandedRow,
    NoteText,
};
use crate::route::{EndpointPick, PickMechanism, PickRequest, PickSource, Picked};
use crate::verdict::endpoint_rows::{
    EndpointNames, JudgedRow, Landed, Landing, SeenRow, picked_by_clients,
};
use crate::verdict::{Outcome, Policy};
use table::{Table, table};

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

/// Sends the requests, judges them and writes the table.
pub(super) fn run(args: &EndpointsArgs) -> Result<Exit, Failure> {
    cluster_bucket::refuse_for("endpoints", &args.bucket)?;
    let asked = request(&args.url, &args.request)?;
    if args.requests.is_some_and(|count| count.0 == 0) {
        let help = "give the number of requests of each kind, or leave -n out";
        return Err(Failure::usage("-n cannot be 0", help));
    }
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
        let number = args.requests.map_or(usual, |count| count.0);
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
