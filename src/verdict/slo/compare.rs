//! Two targets beside each other: the ratio of latencies, the difference of error rates.

use super::blame::{worst_case, worst_outcome};
use super::measured::{ALPHA, LEAST_FOR_MEAN, Measured, Run};
use super::needed::{closer, more, requests, whole};
use super::range::Range;
use super::result::{open, outcome, p_value, reason, settles, shown};
use super::{Measure, Metric, SloOutcome, SloResult};
use crate::stats::limit_test::LimitTest;
use crate::stats::quantile::{self, values_for_upper};
use crate::stats::rate::{self, Errors};
use crate::units::percent;

/// So many slow responses, each by itself, tell that they do not come in bursts.
const TELLING: f64 = 12.0;

pub(super) fn against_latency(
    run: &Run<'_>,
    measure: &Measure,
    base: &Measure,
    below: bool,
    factor: f64,
) -> SloResult {
    let (one, other) = (run.measured(measure), run.measured(base));
    let estimates = one
        .estimate(measure.metric)
        .zip(other.estimate(base.metric));
    let n = one.n + other.n;
    let least = |measured: &Measured, metric: Metric| {
        let answers = match metric {
            Metric::Quantile(percentile) => {
                let q = percentile.fraction();
                let bounded = measured
                    .estimate(metric)
                    .is_some_and(|own| own.hi.is_finite());
                let least = values_for_upper(q, ALPHA);
                if bounded || measured.n < least {
                    least
                } else {
                    // Too few slow ones to tell whether they come in bursts.
                    whole(TELLING / q.min(1.0 - q)).unwrap_or(u64::MAX)
                }
            }
            _ => LEAST_FOR_MEAN,
        };
        (measured.n < answers).then(|| requests(run, measured.fraction, answers as f64))
    };
    let least = [least(&one, measure.metric), least(&other, base.metric)];
    let too_few = least.iter().flatten().max().copied();
    let Some((canary, stable)) = estimates else {
        let needed = too_few.flatten();
        let empty = if one.n == 0 { measure } else { base };
        return SloResult {
            reason: format!("{} has no responses{}", empty.subject, settles(needed)),
            requests_needed: needed,
            ..open(n)
        };
    };
    let ratio = quantile::ratio(&stable, &canary);
    let outcome = within((ratio.lo, ratio.hi), below, factor);
    let scale = || {
        let (d, low, high) = (
            (factor / ratio.point).ln(),
            (ratio.point / ratio.lo).ln(),
            (ratio.hi / ratio.point).ln(),
        );
        closer(d, low, high)
    };
    let needed = match (outcome, too_few) {
        (SloOutcome::Inconclusive, Some(least)) => least,
        (SloOutcome::Inconclusive, None) => {
            scale().and_then(|scale| whole(run.seen.sent as f64 * scale))
        }
        _ => None,
    };
    let bound = |value: f64, unbounded: &str| {
        if value > 0.0 && value.is_finite() {
            format!("{value:.3}")
        } else {
            unbounded.to_owned()
        }
    };
    let why = format!(
        "{} against {}; the ratio is {:.3}, between {} and {} (95%)",
        shown(measure, Some(canary.point)),
        shown(base, Some(stable.point)),
        ratio.point,
        bound(ratio.lo, "0"),
        bound(ratio.hi, "anything")
    );
    SloResult {
        outcome,
        observed: Some(canary.point),
        limit: Some(stable.point * factor),
        interval: Some([ratio.lo, ratio.hi].map(finite)),
        reason: format!("{why}{}", settles(needed)),
        requests_needed: needed,
        ..open(n)
    }
}

pub(super) fn against_errors(
    run: &Run<'_>,
    measure: &Measure,
    base: &Measure,
    below: bool,
    margin: f64,
) -> SloResult {
    let (one, other) = (run.measured(measure), run.measured(base));
    let (canary, stable) = (one.errors, other.errors);
    let (worth, other_worth) = (one.order.errors().worth(), other.order.errors().worth());
    let fraction = |errors: Errors| (errors.n > 0).then(|| errors.errors as f64 / errors.n as f64);
    let n = canary.least.n + stable.least.n;
    let side = |range: Range| {
        let Errors { errors, n } = range.least;
        let rate = fraction(range.least).map_or_else(|| "no responses".to_owned(), percent);
        format!("{rate} ({errors} of {n})")
    };
    let nobodys = canary.nobodys().max(stable.nobodys());
    let doubt = if nobodys > 0 {
        format!(", but {} may be of either", run.whose(nobodys, "request"))
    } else {
        String::new()
    };
    let seen = format!("{} against {}{doubt}", side(canary), side(stable));
    let known = SloResult {
        observed: fraction(canary.least),
        observed_most: canary.highest(),
        limit: fraction(stable.least).map(|stable| stable + margin),
        ..open(n)
    };
    if canary.least.n == 0 || stable.least.n == 0 {
        return SloResult {
            reason: seen,
            ..known
        };
    }
    // Whatever is nobody's counts against the objective on one side, or in its favour on the other.
    let (worst, best) = canary.sides(below);
    let (against_best, against_worst) = stable.sides(below);
    let (holds, fails) = if below {
        (
            [other_worth.exceeded, worth.kept],
            [other_worth.kept, worth.exceeded],
        )
    } else {
        (
            [other_worth.kept, worth.exceeded],
            [other_worth.exceeded, worth.kept],
        )
    };
    let sides = [
        (
            effective(against_worst, holds[0]),
            effective(worst, holds[1]),
        ),
        (effective(against_best, fails[0]), effective(best, fails[1])),
    ];
    if margin == 0.0 {
        without_margin(run, known, &seen, sides, below)
    } else {
        with_margin(run, known, &seen, sides, below, margin)
    }
}

/// The independent requests that these are worth, with their part of errors.
fn effective(errors: Errors, design_effect: f64) -> Errors {
    if design_effect <= 1.0 {
        return errors;
    }
    let n = crate::stats::whole(errors.n as f64 / design_effect).max(1);
    let part = errors.errors as f64 / errors.n as f64;
    Errors {
        errors: crate::stats::whole((part * n as f64).round()).min(n),
        n,
    }
}

/// Fisher's test; `sides` are the other target and the one that is judged, in the worst case and in the best.
fn without_margin(
    run: &Run<'_>,
    known: SloResult,
    seen: &str,
    sides: [(Errors, Errors); 2],
    below: bool,
) -> SloResult {
    let [worst, best] = sides.map(|(stable, canary)| {
        let (higher, lower) = (
            rate::fisher(stable, canary).mid_p,
            rate::fisher(canary, stable).mid_p,
        );
        if below {
            LimitTest::of(higher, lower)
        } else {
            LimitTest::of(lower, higher)
        }
    });
    let test = worst_case(&worst, &best);
    let outcome = outcome(test.outcome);
    let open = outcome == SloOutcome::Inconclusive;
    let needed = if open {
        more(&test).and_then(|scale| whole(run.seen.sent as f64 * scale))
    } else {
        None
    };
    let help = match needed {
        None if open && worst == best => {
            "; equal rates cannot be told apart, allow a margin as in + 1%"
        }
        _ => "",
    };
    SloResult {
        outcome,
        p_value: Some(p_value(&test)),
        reason: format!("{}{help}", reason(seen, &test, needed)),
        requests_needed: needed,
        ..known
    }
}

/// Newcombe's interval of the difference; `sides` as for the test without a margin.
fn with_margin(
    run: &Run<'_>,
    known: SloResult,
    seen: &str,
    sides: [(Errors, Errors); 2],
    below: bool,
    margin: f64,
) -> SloResult {
    let rate = |errors: Errors| errors.errors as f64 / errors.n as f64;
    let intervals = sides.map(|(stable, canary)| rate::newcombe(stable, canary, ALPHA));
    let decided = intervals.map(|interval| within((interval.lo, interval.hi), below, margin));
    let outcome = worst_outcome(decided[0], decided[1]);
    // More requests shrink an interval onto its difference: that helps where it lies on the side that would decide.
    let scale = |at: usize, holds: bool| {
        let (stable, canary) = sides[at];
        let difference = rate(canary) - rate(stable);
        let distance = margin - difference;
        let (low, high) = (intervals[at].lo, intervals[at].hi);
        ((distance > 0.0) == (below == holds))
            .then(|| closer(distance, difference - low, high - difference))
            .flatten()
    };
    let needed = (outcome == SloOutcome::Inconclusive)
        .then(|| scale(0, true).or_else(|| scale(1, false)))
        .flatten()
        .and_then(|scale| whole(run.seen.sent as f64 * scale));
    let (low, high) = (
        intervals[0].lo.min(intervals[1].lo),
        intervals[0].hi.max(intervals[1].hi),
    );
    let points = |value: f64| format!("{:.2}", value * 100.0);
    let difference = known
        .observed
        .zip(known.limit)
        .map_or(0.0, |(one, other)| one - (other - margin));
    let why = format!(
        "the difference is {} points, between {} and {} (95%)",
        points(difference),
        points(low),
        points(high)
    );
    SloResult {
        outcome,
        interval: Some([low, high].map(finite)),
        reason: format!("{seen}; {why}{}", settles(needed)),
        requests_needed: needed,
        ..known
    }
}

/// An interval against a limit.
fn within((low, high): (f64, f64), below: bool, limit: f64) -> SloOutcome {
    let (holds, fails) = if below {
        (high <= limit, low > limit)
    } else {
        (low >= limit, high < limit)
    };
    match (holds, fails) {
        (true, _) => SloOutcome::Pass,
        (_, true) => SloOutcome::Failed,
        _ => SloOutcome::Inconclusive,
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
