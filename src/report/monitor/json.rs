//! An event as a line of JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{EVENT_SCHEMA, Fact, Follows, Promise, Told, Weight};
use crate::observe::FailureKind;
use crate::verdict::monitor::{Cause, Counts, Event, Evidence, Period, SeenShare};

/// The JSON form.
#[derive(Serialize)]
struct Json<'a> {
    schema: &'static str,
    event: &'static str,
    number: u64,
    at: String,
    url: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    state: &'static str,
    requests: u64,
    message: String,
    #[serde(flatten)]
    details: Details<'a>,
}

#[derive(Default, Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    follows: Option<&'a Follows>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<&'a [Weight]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<&'a [Weight]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_declared: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promise: Option<&'a Promise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<CountsJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<&'a BTreeMap<FailureKind, u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Vec<ShareJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    without_response: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<&'a BTreeMap<String, u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum CauseJson<'a> {
    Target(&'a str),
    Undeclared(&'a str),
}

#[derive(Serialize)]
struct CountsJson {
    requests: u64,
    attributed: u64,
    undeclared: u64,
    errors: u64,
    unidentified: u64,
    failed: u64,
}

#[derive(Serialize)]
struct ShareJson<'a> {
    target: &'a str,
    declared: f64,
    count: u64,
    share: Option<f64>,
    low: f64,
    high: f64,
    off: bool,
}

/// `null` stands for infinite evidence: a response came from where none may come from.
#[derive(Serialize)]
struct EvidenceJson {
    e_value: Option<f64>,
    threshold: f64,
}

impl Told<'_> {
    /// One line of JSON, without its end.
    #[must_use]
    pub fn json(&self) -> String {
        let json = Json {
            schema: EVENT_SCHEMA,
            event: self.fact.name(),
            number: self.number,
            at: self.time(self.after),
            url: self.url,
            labels: self.labels,
            state: self.state.word(),
            requests: self.requests,
            message: self.message(),
            details: self.details(),
        };
        serde_json::to_string(&json).unwrap_or_default()
    }

    fn details(&self) -> Details<'_> {
        let none = Details::default();
        match self.fact {
            Fact::Started {
                follows,
                weights,
                promise,
                notes,
            } => Details {
                follows: Some(follows),
                weights: Some(weights),
                promise: Some(promise),
                notes: Some(notes)
                    .filter(|notes| !notes.is_empty())
                    .map(Vec::as_slice),
                ..none
            },
            Fact::WeightsChanged {
                follows,
                previous,
                weights,
                promise,
                settle,
            } => Details {
                follows: Some(follows),
                previous: Some(previous),
                weights: Some(weights),
                promise: Some(promise),
                settle_s: Some(settle.as_secs_f64()),
                ..none
            },
            Fact::ProgrammedChanged {
                source,
                what,
                weights,
                as_declared,
            } => Details {
                source: Some(source),
                why: Some(what),
                weights: Some(weights),
                as_declared: *as_declared,
                ..none
            },
            Fact::SourceUnreadable { source, why } => Details {
                source: Some(source),
                why: Some(why),
                ..none
            },
            Fact::SourceReadable { source } => Details {
                source: Some(source),
                ..none
            },
            Fact::Split { event, untied } => Details {
                why: untied.as_deref(),
                ..self.of_split(event)
            },
            Fact::Ended {
                exit_code,
                events,
                missed,
            } => Details {
                exit_code: Some(*exit_code),
                events: Some(events),
                missed: Some(*missed).filter(|missed| *missed > 0),
                ..none
            },
        }
    }

    fn of_split<'e>(&self, event: &'e Event) -> Details<'e> {
        let of_period = |period: &'e Period, evidence: &Evidence| Details {
            since: Some(self.since(period)),
            counts: Some(counts(&period.counts)),
            failures: failures(&period.counts),
            shares: Some(period.shares.iter().map(share).collect()),
            evidence: Some(EvidenceJson {
                e_value: Some(evidence.value).filter(|value| value.is_finite()),
                threshold: evidence.threshold,
            }),
            ..Details::default()
        };
        match event {
            Event::Diverged {
                cause,
                period,
                evidence,
            } => Details {
                cause: Some(match cause {
                    Cause::Share(target) => CauseJson::Target(target),
                    Cause::Undeclared(label) => CauseJson::Undeclared(label),
                }),
                ..of_period(period, evidence)
            },
            Event::Recovered { period, evidence }
            | Event::Failing {
                period, evidence, ..
            }
            | Event::Responding {
                period, evidence, ..
            } => of_period(period, evidence),
            Event::Unreachable { counts: own, .. } | Event::Reachable { counts: own, .. } => {
                Details {
                    without_response: Some(own.requests()),
                    counts: Some(counts(own)),
                    failures: failures(own),
                    ..Details::default()
                }
            }
        }
    }
}

fn counts(counts: &Counts) -> CountsJson {
    CountsJson {
        requests: counts.requests(),
        attributed: counts.attributed(),
        undeclared: counts.undeclared,
        errors: counts.errors,
        unidentified: counts.unidentified,
        failed: counts.failed(),
    }
}

fn failures(counts: &Counts) -> Option<&BTreeMap<FailureKind, u64>> {
    Some(&counts.failures).filter(|failures| !failures.is_empty())
}

fn share(seen: &SeenShare) -> ShareJson<'_> {
    ShareJson {
        target: &seen.target,
        declared: seen.declared,
        count: seen.count,
        share: seen.share,
        low: seen.interval.lo,
        high: seen.interval.hi,
        off: seen.is_off,
    }
}
