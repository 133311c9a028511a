//! From the values of a run to the model.

use super::charted::{MOST_COLUMNS, connections, slices};
use super::{
    Answers, BucketRow, CauseRow, DeclaredShare, Excerpt, Expectation, FailureRow, PaceRow,
    PackedTimeline, PhaseRows, PhasesRecorded, Recorded, Report, Request, Requests, SCHEMA, Seen,
    TargetRow, Tool, known,
};
use crate::diag::Note;
use crate::observe::{FailureKind, Latency, Observation};
use crate::split::{Bucket, Expected, Target, TargetShare, Undeliverable};
use crate::verdict::attribution::{Attribution, Classification, Row, classify, label_of};
use crate::verdict::mapping::Mapping;
use crate::verdict::{Hypothesis, Policy, Verdict};

/// The values of a run, as they come out of its steps.
pub struct Run<'a> {
    /// What was asked.
    pub request: Request,
    /// What was declared, and which values mean which of its targets.
    pub declared: Option<(&'a Expected, &'a Mapping)>,
    /// The rule it was declared in, where there is one.
    pub rule: Option<String>,
    /// The lines of that rule.
    pub excerpt: Option<Excerpt>,
    /// What the split could be instead.
    pub hypotheses: &'a [Hypothesis],
    /// What was seen.
    pub seen: &'a Observation,
    /// The same, sorted under targets.
    pub attribution: &'a Attribution,
    /// What was asked of the counts.
    pub policy: &'a Policy,
    /// Whether the run was to end as soon as the answer was certain.
    pub watched: bool,
    /// The answer.
    pub verdict: Verdict,
    /// What lint finds about the request: a part of the diagnosis where the split diverges, else of the caveats.
    pub findings: Vec<Note>,
    /// What is known beside the counts; it becomes part of the caveats.
    pub notes: Vec<Note>,
}

impl Run<'_> {
    fn expected(&self) -> Option<&Expected> {
        self.declared.map(|(expected, _)| expected)
    }
}

/// Puts the values of a run into the model.
#[must_use]
pub fn report(run: Run<'_>) -> Report {
    let observation = seen(&run);
    let expected = run.expected().map(|expected| Expectation {
        source: expected.source.clone(),
        rule: run.rule.clone(),
        mechanism: expected.mechanism,
        shares: expected.declared().iter().map(declared_share).collect(),
        broken: Some(expected.undeliverable().clone())
            .filter(|broken| *broken != Undeliverable::default()),
        hypotheses: run.hypotheses.to_vec(),
        excerpt: run.excerpt.clone(),
    });
    let mut verdict = run.verdict;
    known::add(&mut verdict, &run.findings, &run.notes);
    Report {
        schema: SCHEMA.to_owned(),
        tool: Tool {
            name: "resplit".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: run.policy.seed,
        },
        target: run.request,
        load: None,
        expected,
        policy: *run.policy,
        observation,
        verdict,
        findings: run.findings,
        notes: run.notes,
        generators: Vec::new(),
        parts: Vec::new(),
    }
}

pub(super) fn declared_share(declared: &TargetShare) -> DeclaredShare {
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
        Target::LocalReply(answer) => {
            (row.status, row.cause) = (Some(answer.status), Some(answer.cause));
        }
    }
    row
}

/// Failures of one kind; where several things were said, each of them.
fn failures(seen: &Observation, kind: FailureKind) -> FailureRow {
    let failed = seen.failures.get(&kind).cloned().unwrap_or_default();
    let causes = seen.causes.of(kind);
    let cause = causes.first().and_then(|(failure, _)| failure.cause);
    let several = Some(causes).filter(|causes| causes.len() > 1);
    let rows = several
        .into_iter()
        .flatten()
        .map(|(failure, count)| CauseRow {
            message: failure.message,
            cause: failure.cause,
            count,
        });
    FailureRow {
        kind: kind.to_string(),
        count: failed.count,
        example: failed.example,
        cause,
        causes: rows.collect(),
    }
}

fn seen(run: &Run<'_>) -> Seen {
    let (seen, attribution) = (run.seen, run.attribution);
    let rows = answers(run);
    let failures = FailureKind::ALL.map(|kind| failures(seen, kind));
    let (elapsed, answered) = (seen.elapsed.as_secs_f64(), seen.answered());
    let columns = run
        .expected()
        .map_or(attribution.rows.len().min(MOST_COLUMNS), |expected| {
            expected.declared().len()
        });
    let column = |bucket: &Bucket| column(run, bucket).filter(|at| *at < columns);
    let buckets: Vec<Bucket> = rows
        .iter()
        .flatten()
        .map(|answers| Bucket {
            identity: answers.identity.clone(),
            status: answers.status,
        })
        .collect();
    Seen {
        sent: seen.sent,
        answered,
        failed: seen.failed(),
        unattributed: attribution.unattributed,
        retried: seen.retried,
        elapsed_s: elapsed,
        rps: if elapsed > 0.0 {
            answered as f64 / elapsed
        } else {
            0.0
        },
        connections: seen.connections,
        watched: run.watched,
        phases_ms: PhaseRows::of(seen),
        phases: PhasesRecorded::of(&seen.phases),
        pace: seen.pace.as_ref().map(PaceRow::of),
        first_batch: seen.first_batch.as_ref().map(Recorded::of),
        timeline: PackedTimeline::pack(&seen.timeline),
        buckets: bucket_rows(run, rows),
        targets: target_rows(run),
        failures: failures.to_vec(),
        slices: slices(&seen.log, columns, column),
        connection_table: connections(&seen.log, columns, column),
        requests: Requests::pack(&seen.log, &buckets),
    }
}

/// Shares of the complete answers, with their intervals.
struct Shares<'a> {
    policy: &'a Policy,
    answered: u64,
    comparisons: usize,
}

impl<'a> Shares<'a> {
    fn of(run: &Run<'a>) -> Self {
        let declared = run.expected().map_or(&[][..], Expected::declared);
        let comparisons = declared.iter().filter(|declared| !declared.share.is_zero());
        Self {
            policy: run.policy,
            answered: run.seen.answered(),
            comparisons: comparisons.count(),
        }
    }

    fn share(&self, count: u64) -> f64 {
        if self.answered == 0 {
            0.0
        } else {
            count as f64 / self.answered as f64
        }
    }

    fn interval(&self, count: u64) -> [f64; 2] {
        if self.answered == 0 {
            return [0.0, 1.0];
        }
        let (low, high) = self.policy.interval(self.comparisons, count, self.answered);
        [low, high]
    }
}

fn bucket_rows(run: &Run<'_>, answers: Vec<Vec<Answers>>) -> Vec<BucketRow> {
    let shares = Shares::of(run);
    let row = |(row, answers): (&Row, Vec<Answers>)| {
        let (target, place) = match row.place {
            Classification::Target(index) => {
                let declared = run.expected().map(Expected::declared).unwrap_or_default();
                (Some(declared[index].name.clone()), "declared")
            }
            Classification::Undeclared => (None, "undeclared"),
            Classification::Unattributed => (None, "unattributed"),
            Classification::Counted => (None, "counted"),
        };
        BucketRow {
            bucket: row.label.clone(),
            target,
            place: place.to_owned(),
            known: row.origin.clone(),
            count: row.tally.count,
            share: shares.share(row.tally.count),
            share_interval: shares.interval(row.tally.count),
            statuses: row.statuses.clone(),
            response_ms: Latency::of(row.tally.response()).unwrap_or_default(),
            service_ms: Latency::of(&row.tally.latency).unwrap_or_default(),
            ttfb_ms: Latency::of(&row.tally.first_byte),
            answers,
        }
    };
    run.attribution.rows.iter().zip(answers).map(row).collect()
}

fn target_rows(run: &Run<'_>) -> Vec<TargetRow> {
    let shares = Shares::of(run);
    let row = |(index, declared): (usize, &TargetShare)| {
        let tally = run.attribution.target(index);
        TargetRow {
            target: declared.name.clone(),
            declared: declared.share.as_f64(),
            count: tally.count,
            share: shares.share(tally.count),
            share_interval: shares.interval(tally.count),
            response_ms: Latency::of(tally.response()),
            service_ms: Latency::of(&tally.latency),
            ttfb_ms: Latency::of(&tally.first_byte),
            service: Recorded::of(&tally.latency),
            response: tally.response.as_ref().map(Recorded::of),
        }
    };
    let declared = run.expected().map_or(&[][..], Expected::declared);
    declared.iter().enumerate().map(row).collect()
}

/// The buckets behind each row.
fn answers(run: &Run<'_>) -> Vec<Vec<Answers>> {
    let of_row = |row: &Row| {
        let own = run.seen.tallies.iter().filter(|(bucket, _)| {
            let place = classify(bucket, run.declared);
            place == row.place && label_of(bucket, place, run.expected()) == row.label
        });
        own.map(|(bucket, tally)| Answers {
            identity: bucket.identity.clone(),
            status: bucket.status,
            count: tally.count,
            service: Recorded::of(&tally.latency),
            response: tally.response.as_ref().map(Recorded::of),
            ttfb: Some(&tally.first_byte)
                .filter(|times| !times.is_empty())
                .map(Recorded::of),
        })
        .collect()
    };
    run.attribution.rows.iter().map(of_row).collect()
}

/// Where an answer is drawn: at its declared target, or where nothing is declared at its row.
fn column(run: &Run<'_>, bucket: &Bucket) -> Option<usize> {
    match classify(bucket, run.declared) {
        Classification::Target(index) => Some(index),
        Classification::Undeclared | Classification::Unattributed if run.declared.is_some() => None,
        place => {
            let label = label_of(bucket, place, None);
            let mut rows = run.attribution.rows.iter();
            rows.position(|row| row.place == place && row.label == label)
        }
    }
}
