//! From a saved report back to the values of its run: what `judge` was given. Not: how runs are merged.

use std::time::Duration;

use serde::Deserialize;

use super::{DeclaredShare, Excerpt, Load, PaceRow, Recorded, Report, Request, SCHEMA};
use crate::diag::Note;
use crate::observe::{FailureCount, Observation, RequestLog, Tally, histogram};
use crate::split::{
    Bucket, Destination, Expected, Identifiers, LocalReply, LocalReplyCause, Target,
};
use crate::verdict::mapping::Mapping;
use crate::verdict::{Hypothesis, Policy, is_healthy};

/// The values of a saved run.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub(super) request: Request,
    pub(super) expected: Option<Expected>,
    pub(super) mapping: Mapping,
    pub(super) rule: Option<String>,
    pub(super) excerpt: Option<Excerpt>,
    pub(super) hypotheses: Vec<Hypothesis>,
    pub(super) seen: Observation,
    pub(super) policy: Policy,
    pub(super) watched: bool,
    pub(super) findings: Vec<Note>,
    pub(super) notes: Vec<Note>,
    pub(super) slos: Vec<String>,
    pub(super) load: Option<Load>,
}

/// Why a text is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No JSON, or not what a report holds.
    #[error("this is no report of resplit: {0}")]
    Form(#[from] serde_json::Error),
    /// Something else with a schema.
    #[error("this is `{0}`, not a report of a run")]
    Other(String),
    /// Made by a resplit to come.
    #[error("this is `{0}`, newer than what this resplit reads ({SCHEMA})")]
    Newer(String),
    /// The parts contradict each other.
    #[error("this report is damaged: {0}")]
    Damaged(&'static str),
}

/// Reads a report; those of a newer major version are refused.
pub fn read(text: &str) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Named {
        schema: String,
    }
    let Named { schema } = serde_json::from_str(text)?;
    let (name, major) = SCHEMA.split_once('/').expect("a name and a number");
    let own: u32 = major.parse().expect("a number");
    let given = schema
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('/'));
    match given.map(|given| given.split('.').next().unwrap_or(given).parse::<u32>()) {
        Some(Ok(major)) if major > own => Err(ReadError::Newer(schema)),
        Some(Ok(_)) => {
            let report: Report = serde_json::from_str(text)?;
            check(&report)?;
            Ok(report)
        }
        _ => Err(ReadError::Other(schema)),
    }
}

/// Whether the values of the run can be had back.
fn check(report: &Report) -> Result<(), ReadError> {
    if report.parts.is_empty() {
        return Saved::of(report).map(drop);
    }
    report.parts.iter().try_for_each(|part| check(&part.report))
}

impl Saved {
    /// The values of a run that was not merged.
    pub(super) fn of(report: &Report) -> Result<Self, ReadError> {
        let (expected, mapping) = match &report.expected {
            None => (None, Mapping::default()),
            Some(declared) => {
                let parts = declared.shares.iter().map(part).collect();
                let expected = Expected::new(declared.source.clone(), declared.mechanism, parts)
                    .map_err(|_| ReadError::Damaged("its declared shares are no split"))?
                    .with_undeliverable(declared.broken.clone().unwrap_or_default());
                let names = expected.declared().iter().map(|declared| &declared.name);
                if !names.eq(declared.shares.iter().map(|share| &share.target)) {
                    return Err(ReadError::Damaged(
                        "targets are not called as they would be",
                    ));
                }
                let mapping = mapping(report, &expected)?;
                (Some(expected), mapping)
            }
        };
        let declared = report.expected.as_ref();
        Ok(Self {
            request: report.target.clone(),
            mapping,
            rule: declared.and_then(|declared| declared.rule.clone()),
            excerpt: declared.and_then(|declared| declared.excerpt.clone()),
            hypotheses: declared.map(|d| d.hypotheses.clone()).unwrap_or_default(),
            seen: observation(report)?,
            policy: report.policy,
            watched: report.observation.watched && expected.is_some(),
            findings: report.findings.clone(),
            notes: report.notes.clone(),
            slos: (report.verdict.slos.iter())
                .map(|result| result.slo.clone())
                // What --require-healthy asks is a part of the policy.
                .filter(|slo| !is_healthy(slo))
                .collect(),
            load: report.load.clone(),
            expected,
        })
    }
}

fn part(declared: &DeclaredShare) -> (Target, crate::split::Share, Identifiers) {
    let target = match (&declared.host, declared.status) {
        (Some(host), _) => Target::Destination(Destination {
            host: host.clone(),
            port: declared.port,
            subset: declared.subset.clone(),
        }),
        (None, Some(status)) => Target::LocalReply(LocalReply {
            status,
            cause: declared.cause.unwrap_or(LocalReplyCause::Expected),
        }),
        (None, None) => Target::Named(declared.target.clone()),
    };
    (target, declared.ratio, Identifiers::default())
}

/// Which values meant which target, as the rows say. A target that is a status is known by it, not by values.
fn mapping(report: &Report, expected: &Expected) -> Result<Mapping, ReadError> {
    let (mut targets, mut known) = (Vec::new(), Vec::new());
    for row in &report.observation.buckets {
        if let Some(origin) = &row.known {
            known.extend((row.answers.iter()).map(|answers| (bucket(answers), origin.clone())));
        }
        let Some(target) = &row.target else {
            continue;
        };
        let mut declared = expected.declared().iter();
        let position = declared
            .position(|declared| declared.name == *target)
            .ok_or(ReadError::Damaged("a row belongs to no declared target"))?;
        if expected.declared()[position].target.status().is_some() {
            continue;
        }
        targets.extend(
            row.answers
                .iter()
                .map(|answers| (bucket(answers), position)),
        );
    }
    // A value that is not undeclared, though no error and of no target: nothing said which is which.
    let mut open = (report.observation.buckets.iter()).filter(|row| row.place == "unattributed");
    let unknown = |answers: &super::Answers| {
        let bucket = bucket(answers);
        bucket.value().is_some() && !bucket.is_error() && !bucket.is_redirect()
    };
    if targets.is_empty() && known.is_empty() && open.any(|row| row.answers.iter().any(unknown)) {
        return Ok(Mapping::unknown());
    }
    Ok(Mapping::found(targets, known))
}

fn bucket(answers: &super::Answers) -> Bucket {
    Bucket {
        identity: answers.identity.clone(),
        status: answers.status,
    }
}

fn observation(report: &Report) -> Result<Observation, ReadError> {
    let saved = &report.observation;
    let mut seen = Observation {
        sent: saved.sent,
        connections: saved.connections,
        retried: saved.retried,
        elapsed: Duration::try_from_secs_f64(saved.elapsed_s)
            .map_err(|_| ReadError::Damaged("it took no possible time"))?,
        phases: saved.phases.phases(),
        pace: saved.pace.as_ref().map(PaceRow::pace),
        first_batch: saved
            .first_batch
            .as_ref()
            .map(|first| first.latencies().clone()),
        ..Observation::default()
    };
    let mut buckets = Vec::new();
    for answers in saved.buckets.iter().flat_map(|row| &row.answers) {
        let response = answers.response.as_ref().map(Recorded::latencies);
        let first_byte = answers.ttfb.as_ref().map(Recorded::latencies);
        let recorded = [Some(answers.service.latencies()), response, first_byte];
        if (recorded.into_iter().flatten()).any(|latencies| latencies.len() != answers.count) {
            return Err(ReadError::Damaged(
                "a histogram has another number of answers",
            ));
        }
        let tally = seen.tallies.entry(bucket(answers)).or_default();
        tally.merge(&Tally {
            count: answers.count,
            latency: answers.service.latencies().clone(),
            response: response.cloned(),
            first_byte: first_byte.cloned().unwrap_or_else(histogram),
        });
        buckets.push(bucket(answers));
    }
    for row in &saved.failures {
        let kind = row
            .kind()
            .ok_or(ReadError::Damaged("a failure is of no known kind"))?;
        if row.count > 0 {
            let failed = FailureCount {
                count: row.count,
                example: row.example.clone(),
            };
            seen.failures.insert(kind, failed);
            for (failure, count) in row.told_apart(kind) {
                seen.causes.add(&failure, count);
            }
        }
    }
    if let Some(requests) = &saved.requests {
        seen.log = requests
            .unpack(&buckets)
            .ok_or(ReadError::Damaged("its requests do not unpack"))?;
    } else {
        seen.log = RequestLog::default();
    }
    if let Some(course) = &saved.timeline {
        seen.timeline = course
            .unpack((seen.answered(), seen.failed()))
            .ok_or(ReadError::Damaged("its timeline does not unpack"))?;
    }
    if seen.answered() != saved.answered || seen.answered() + seen.failed() != seen.sent {
        return Err(ReadError::Damaged("its counts do not add up"));
    }
    Ok(seen)
}
