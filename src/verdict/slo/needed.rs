//! How many requests would settle what is open.

use super::measured::{Measured, Run};
use crate::stats::chi_square::normal_isf;
use crate::stats::limit_test::{FAIL, LimitOutcome, LimitTest, PASS, responses_to_pass};
use crate::stats::serial::{self, Worth};

/// More requests than this are not promised to settle anything.
const MOST: f64 = 1e9;

/// How many requests decide, if they go on as they were: what nobody can be blamed for grows with the rest, so that no
/// number helps where it is what leaves the answer open.
pub(super) fn requests_to_decide(
    run: &Run<'_>,
    measured: &Measured,
    [worst, best]: [(u64, u64); 2],
    part: f64,
    worth: Worth,
) -> Option<u64> {
    if part <= 0.0 || part >= 1.0 {
        return None;
    }
    if worst.1 == 0 {
        let answers = responses_to_pass(part) as f64;
        return requests(run, measured.fraction, answers);
    }
    let rate = |(k, n): (u64, u64)| k as f64 / n as f64;
    if best.1 == 0 || (rate(worst) >= part && rate(best) <= part && worst != best) {
        return None;
    }
    let mut scale = 1.01;
    while scale * best.1 as f64 <= MOST {
        // One more hit must not undo it.
        let decides = |(k, n): (u64, u64), wanted: LimitOutcome| {
            let hits = k as f64 * scale;
            let n = rounded(n as f64 * scale);
            let at = |hits| serial::at_most(part, rounded(hits), n, worth).outcome;
            at(hits.floor()) == wanted && at(hits.ceil()) == wanted
        };
        if decides(worst, LimitOutcome::Kept) || decides(best, LimitOutcome::Exceeded) {
            // At least one more, so that it is not the number that was sent.
            return whole(run.seen.sent as f64 * scale).map(|n| n.max(run.seen.sent + 1));
        }
        scale *= 1.01;
    }
    None
}

/// By how much the sample must grow until one of the p-values is small enough: normal quantiles grow with its root.
pub(super) fn more(test: &LimitTest) -> Option<f64> {
    let scale = |p: f64, wanted: f64| {
        let z = if p < 0.499 {
            normal_isf(p.max(1e-300))
        } else {
            return None;
        };
        Some((normal_isf(wanted) / z).powi(2))
    };
    scale(test.p_kept, PASS).or_else(|| scale(test.p_exceeded, FAIL))
}

/// The same for an interval: its arms shrink with the root. `distance` is from the estimate to the limit.
pub(super) fn closer(distance: f64, low: f64, high: f64) -> Option<f64> {
    let arm = if distance > 0.0 { high } else { low };
    let scale = (arm / distance).powi(2);
    (scale.is_finite() && arm.is_finite()).then_some(scale.max(1.05))
}

/// Requests until a target has so many responses.
pub(super) fn requests(run: &Run<'_>, fraction: Option<f64>, answers: f64) -> Option<u64> {
    whole(answers / fraction?).map(|needed| needed.max(run.seen.sent + 1))
}

/// Whole requests, unless they are too many to promise anything.
pub(super) fn whole(requests: f64) -> Option<u64> {
    (requests <= MOST).then(|| rounded(requests.ceil()))
}

fn rounded(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts, at most a few billion, not negative"
    )]
    let rounded = value.round() as u64;
    rounded
}
