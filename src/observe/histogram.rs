//! Histograms of latencies.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A histogram of microseconds with three significant digits that grows as needed.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three significant digits are allowed")
}

/// Adds a growing histogram to another of the same precision.
pub(super) fn add(sum: &mut Histogram<u64>, other: &Histogram<u64>) {
    sum.add(other)
        .expect("growing histograms of equal precision add");
}

/// Records a time in whole microseconds.
pub(super) fn note(histogram: &mut Histogram<u64>, time: Duration) {
    // 584,942 years fit into a u64 of microseconds.
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    histogram
        .record(micros)
        .expect("the histogram grows as needed");
}

/// The same latencies without room that is not used.
pub(crate) fn compact(latencies: &Histogram<u64>) -> Histogram<u64> {
    let mut own = histogram();
    for cell in latencies.iter_recorded() {
        own.record_n(cell.value_iterated_to(), cell.count_at_value())
            .expect("the histogram grows as needed");
    }
    own
}
