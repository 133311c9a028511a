//! Latencies by declared target, else by value: what the latency formats and charts show.

use hdrhistogram::Histogram;

use super::Report;
use super::lines::lines;
use crate::observe::Latency;

/// The response times of a target, or of a value that belongs to none, in microseconds.
pub(super) struct LatencyGroup {
    pub(super) name: String,
    pub(super) latencies: Histogram<u64>,
    /// Time to the first byte, where it was kept.
    pub(super) first_byte: Option<Latency>,
}

/// All of them that are not empty, in the order of the tables.
pub(super) fn latency_groups(report: &Report) -> Vec<LatencyGroup> {
    let groups = lines(report).into_iter().map(|line| LatencyGroup {
        name: line.name.to_owned(),
        latencies: line.latencies(),
        first_byte: line.first_byte,
    });
    groups.filter(|group| !group.latencies.is_empty()).collect()
}
