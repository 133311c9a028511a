//! Bands for rates that were seen in a number of runs. Not: what the runs were.

use resplit::stats::binomial;

/// A right promise breaks its band this rarely; all seeds are fixed, so a test that holds once holds always.
const BREAKS: f64 = 1e-4;

/// Fails when the count is too high for a probability of `rate` at most.
#[track_caller]
pub(crate) fn assert_at_most(what: &str, count: u64, runs: u64, rate: f64) {
    let ln_p = binomial::ln_ge(runs, count, rate);
    assert!(
        ln_p > BREAKS.ln(),
        "{what}: {count} of {runs}, promised {rate} at most"
    );
}

/// Fails when the count is too low for a probability of `rate` at least.
#[track_caller]
pub(crate) fn assert_at_least(what: &str, count: u64, runs: u64, rate: f64) {
    let ln_p = binomial::ln_le(runs, count, rate);
    assert!(
        ln_p > BREAKS.ln(),
        "{what}: {count} of {runs}, promised {rate} at least"
    );
}
