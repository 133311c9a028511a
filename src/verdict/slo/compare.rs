//! Two targets beside each other: the ratio of latencies, the difference of error rates.

use super::evaluate::{gate, open, outcome, p_value, reason, settles, shown};
use super::measured::{ALPHA, LEAST_FOR_MEAN, Measured, Run};
use super::needed::{closer, more, requests, whole};
use super::{Measure, Metric, SloOutcome, SloResult};
use crate::stats::quantile::{self, values_for_upper};
use crate::stats::rate::{self, Errors};
use crate::units::percent;

pub(super) fn against_latency(
    run: &Run<'_>,
    measure: &Measure,
    base: &Measure,
    below: bool,
    factor: f64,
) -> SloResult {
    let (one, other) = (run.measured(&measure.subject), run.measured(&base.subject));
    let estimates = one
        .estimate(measure.metric)
        .zip(other.estimate(base.metric));
    let n = one.n + other.n;
    let least = |measured: &Measured, metric: Metric| {
        let answers = match metric {
            Metric::Quantile(percentile) => values_for_upper(percentile.fraction(), ALPHA),
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
            reason: format!("{} has no answers{}", empty.subject, settles(needed)),
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
    let (one, other) = (run.measured(&measure.subject), run.measured(&base.subject));
    let (canary, stable) = (one.errors, other.errors);
    let fraction = |errors: Errors| (errors.n > 0).then(|| errors.errors as f64 / errors.n as f64);
    let n = canary.n + stable.n;
    let side = |errors: Errors| {
        let rate = fraction(errors).map_or_else(|| "no answers".to_owned(), percent);
        format!("{rate} ({} of {})", errors.errors, errors.n)
    };
    let seen = format!("{} against {}", side(canary), side(stable));
    let known = SloResult {
        observed: fraction(canary),
        limit: fraction(stable).map(|stable| stable + margin),
        ..open(n)
    };
    if canary.n == 0 || stable.n == 0 {
        return SloResult {
            reason: seen,
            ..known
        };
    }
    if margin == 0.0 {
        let (higher, lower) = (
            rate::fisher(stable, canary).mid_p,
            rate::fisher(canary, stable).mid_p,
        );
        let gated = if below {
            gate(higher, lower)
        } else {
            gate(lower, higher)
        };
        let outcome = outcome(gated.gate);
        let open = outcome == SloOutcome::Inconclusive;
        let needed = if open {
            more(&gated).and_then(|scale| whole(run.seen.sent as f64 * scale))
        } else {
            None
        };
        let help = match needed {
            None if open => "; equal rates cannot be told apart, allow a margin as in + 1%",
            _ => "",
        };
        return SloResult {
            outcome,
            p_value: Some(p_value(&gated)),
            reason: format!("{}{help}", reason(&seen, &gated, needed)),
            requests_needed: needed,
            ..known
        };
    }
    let interval = rate::newcombe(stable, canary, ALPHA);
    let outcome = within((interval.lo, interval.hi), below, margin);
    let difference = known.observed.unwrap_or(0.0) - fraction(stable).unwrap_or(0.0);
    let needed = (outcome == SloOutcome::Inconclusive)
        .then(|| {
            closer(
                margin - difference,
                difference - interval.lo,
                interval.hi - difference,
            )
        })
        .flatten()
        .and_then(|scale| whole(run.seen.sent as f64 * scale));
    let points = |value: f64| format!("{:.2}", value * 100.0);
    let why = format!(
        "the difference is {} points, between {} and {} (95%)",
        points(difference),
        points(interval.lo),
        points(interval.hi)
    );
    SloResult {
        outcome,
        interval: Some([interval.lo, interval.hi].map(finite)),
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
