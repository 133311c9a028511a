//! Latencies by declared target, else by value: what the latency formats and charts show. As in the tables it is how long
//! whoever sent had to wait: from the intended start where there was one.

use hdrhistogram::Histogram;

use super::{BucketRow, Recorded, Report};
use crate::observe::{Latency, histogram};

/// The latencies of a target, or of a value that belongs to none, in microseconds.
pub(super) struct Distribution {
    pub(super) name: String,
    pub(super) latencies: Histogram<u64>,
    /// Time to the first byte, where it was kept.
    pub(super) first_byte: Option<Latency>,
}

/// All of them that are not empty, in the order of the tables.
pub(super) fn distributions(report: &Report) -> Vec<Distribution> {
    let seen = &report.observation;
    let targets = seen.targets.iter().map(|target| Distribution {
        name: target.target.clone(),
        latencies: waited(&target.service, target.response.as_ref()).clone(),
        first_byte: target.ttfb_ms,
    });
    let others = seen.buckets.iter().filter(|row| row.target.is_none());
    let others = others.map(|row| Distribution {
        name: row.bucket.clone(),
        latencies: of_row(row),
        first_byte: row.ttfb_ms,
    });
    let all = targets.chain(others);
    all.filter(|own| !own.latencies.is_empty()).collect()
}

fn of_row(row: &BucketRow) -> Histogram<u64> {
    let mut all = histogram();
    for answers in &row.answers {
        all.add(waited(&answers.service, answers.response.as_ref()))
            .expect("growing histograms of equal precision add");
    }
    all
}

fn waited<'r>(service: &'r Recorded, response: Option<&'r Recorded>) -> &'r Histogram<u64> {
    response.unwrap_or(service).latencies()
}
