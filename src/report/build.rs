//! From the values of a run to the model.

use super::{
    BucketRow, DeclaredShare, Expectation, FailureRow, Report, Request, SCHEMA, Seen, TargetRow,
    Tool,
};
use crate::observe::{FailureKind, Latency, Observation};
use crate::split::{Declared, Expected, Target};
use crate::verdict::attribution::{Attribution, Place};
use crate::verdict::{Policy, Verdict};

/// The values of a run, as they come out of its steps.
pub struct Run<'a> {
    /// What was asked.
    pub request: Request,
    /// What was declared.
    pub expected: Option<&'a Expected>,
    /// The rule it was declared in, where there is one.
    pub rule: Option<String>,
    /// What was seen.
    pub seen: &'a Observation,
    /// The same, sorted under targets.
    pub sorted: &'a Attribution,
    /// What was asked of the counts.
    pub policy: &'a Policy,
    /// The answer.
    pub verdict: Verdict,
}

/// Puts the values of a run into the model.
#[must_use]
pub fn report(run: Run<'_>) -> Report {
    let observation = seen(&run);
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool {
            name: "resplit".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: run.policy.seed,
        },
        target: run.request,
        expected: run.expected.map(|expected| Expectation {
            source: expected.source.clone(),
            rule: run.rule,
            mechanism: expected.mechanism,
            shares: expected.declared().iter().map(declared_share).collect(),
        }),
        observation,
        verdict: run.verdict,
    }
}

pub(super) fn declared_share(declared: &Declared) -> DeclaredShare {
    let mut row = DeclaredShare {
        target: declared.name.clone(),
        share: declared.share.as_f64(),
        ratio: declared.share,
        host: None,
        port: None,
        subset: None,
        status: None,
        cause: None,
    };
    match &declared.target {
        Target::Named(_) => {}
        Target::Destination(destination) => {
            row.host = Some(destination.host.clone());
            row.port = destination.port;
            row.subset.clone_from(&destination.subset);
        }
        Target::Status(answer) => {
            (row.status, row.cause) = (Some(answer.status), Some(answer.cause));
        }
    }
    row
}

fn seen(run: &Run<'_>) -> Seen {
    let (seen, sorted) = (run.seen, run.sorted);
    let declared = run.expected.map_or(&[][..], Expected::declared);
    let answered = seen.answered();
    let comparisons = declared
        .iter()
        .filter(|declared| !declared.share.is_zero())
        .count();
    let interval = |count: u64| {
        let (low, high) = if answered == 0 {
            (0.0, 1.0)
        } else {
            run.policy.interval(comparisons, count, answered)
        };
        [low, high]
    };
    let share = |count: u64| {
        if answered == 0 {
            0.0
        } else {
            count as f64 / answered as f64
        }
    };
    let buckets = sorted.rows.iter().map(|row| {
        let (target, place) = match row.place {
            Place::Target(index) => (Some(declared[index].name.clone()), "declared"),
            Place::Undeclared => (None, "undeclared"),
            Place::Unattributed => (None, "unattributed"),
            Place::Counted => (None, "counted"),
        };
        let latency = Latency::of(&row.tally.latency).unwrap_or_default();
        BucketRow {
            bucket: row.label.clone(),
            target,
            place: place.to_owned(),
            count: row.tally.count,
            share: share(row.tally.count),
            share_interval: interval(row.tally.count),
            statuses: row.statuses.clone(),
            response_ms: latency,
            service_ms: latency,
        }
    });
    let targets = declared.iter().enumerate().map(|(index, declared)| {
        let tally = sorted.target(index);
        TargetRow {
            target: declared.name.clone(),
            declared: declared.share.as_f64(),
            count: tally.count,
            share: share(tally.count),
            share_interval: interval(tally.count),
            service_ms: Latency::of(&tally.latency),
        }
    });
    let failures = FailureKind::ALL.iter().map(|kind| {
        let failed = seen.failures.get(kind).cloned().unwrap_or_default();
        FailureRow {
            kind: kind.to_string(),
            count: failed.count,
            example: failed.example,
        }
    });
    let elapsed = seen.elapsed.as_secs_f64();
    Seen {
        sent: seen.sent,
        answered,
        failed: seen.failed(),
        unattributed: sorted.unattributed,
        retried: seen.retried,
        elapsed_s: elapsed,
        rps: if elapsed > 0.0 {
            answered as f64 / elapsed
        } else {
            0.0
        },
        connections: seen.connections,
        buckets: buckets.collect(),
        targets: targets.collect(),
        failures: failures.collect(),
    }
}
