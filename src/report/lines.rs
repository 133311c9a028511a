//! What tables, charts and comparisons show: a line for each declared target, then one for each value that belongs to none.

use hdrhistogram::Histogram;

use super::{BucketRow, Place, Report};
use crate::observe::{Latency, Tally, compact};

/// The responses of a target, or of a value that belongs to none.
pub(super) struct Line<'r> {
    /// The name of the target, else the value.
    pub(super) name: &'r str,
    /// The declared share of a target.
    pub(super) declared: Option<f64>,
    /// `undeclared` or `unattributed`; empty for a target, and where nothing is declared.
    pub(super) place: &'static str,
    pub(super) count: u64,
    pub(super) share: f64,
    pub(super) interval: [f64; 2],
    /// Response times; `None` without a response.
    pub(super) latency: Option<Latency>,
    /// The interval of the 99th percentile; `None` without a response.
    pub(super) p99: Option<(f64, Option<f64>)>,
    /// Times to the first byte; `None` without a response, and in reports from before they were kept by value.
    pub(super) first_byte: Option<Latency>,
    /// Responses per second of the run.
    pub(super) rps: f64,
    pub(super) values: Vec<&'r BucketRow>,
}

/// All lines, in the order of the declaration.
pub(super) fn lines(report: &Report) -> Vec<Line<'_>> {
    let rows = &report.observation.rows;
    let targets = rows.targets.iter().map(|target| {
        let own = |row: &&BucketRow| row.target.as_ref() == Some(&target.target);
        Line {
            name: &target.target,
            declared: Some(target.declared),
            place: "",
            count: target.tally.count,
            share: target.share,
            interval: target.share_interval,
            latency: target.response_ms,
            p99: target.response_ms_intervals.map(|own| own.p99),
            first_byte: target.ttfb_ms,
            rps: target.rps,
            values: rows.buckets.iter().filter(own).collect(),
        }
    });
    let others = rows.buckets.iter().filter(|row| row.target.is_none());
    targets.chain(others.map(Line::of_value)).collect()
}

impl<'r> Line<'r> {
    /// One value by itself.
    pub(super) fn of_value(row: &'r BucketRow) -> Self {
        Self {
            name: &row.bucket,
            declared: None,
            place: match row.place {
                Place::Declared | Place::Counted => "",
                place => place.name(),
            },
            count: row.count,
            share: row.share,
            interval: row.share_interval,
            latency: row.response_ms,
            p99: row.response_ms_intervals.map(|own| own.p99),
            first_byte: row.ttfb_ms,
            rps: row.rps,
            values: vec![row],
        }
    }

    /// Responses with a status of 400 or more.
    pub(super) fn errors(&self) -> u64 {
        self.values.iter().map(|row| row.errors()).sum()
    }

    /// Response times in microseconds: from the intended start in an open loop, else from the send.
    pub(super) fn latencies(&self) -> Histogram<u64> {
        let mut sum = Tally::default();
        let all = self.values.iter().flat_map(|row| &row.answers);
        all.for_each(|responses| sum.merge(&responses.tally));
        compact(sum.response())
    }
}
