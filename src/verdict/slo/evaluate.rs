//! Objectives decided on what was seen, by exact tests where there are any. Pass, failed or inconclusive: "not refuted"
//! alone is no pass.
//!
//! | form | test | failed | pass |
//! |---|---|---|---|
//! | quantile against a time | how many answers were slower: one-sided exact binomial | p <= 0.01 | p <= 0.05 |
//! | errors, share against a fraction | one-sided exact binomial | p <= 0.01 | p <= 0.05 |
//! | mean against a time | normal, on the log scale, from 30 answers | p <= 0.01 | p <= 0.05 |
//! | latency against a multiple of another's | 95 % MOVER interval of the ratio | beyond | within |
//! | errors against another's | one-sided Fisher, mid-p | p <= 0.01 | p <= 0.05 |
//! | errors against another's plus a margin | Newcombe's 95 % interval of the difference | beyond | within |
//! | max, rps | none: compared as they are | beyond | within |

use super::form::Form;
use super::lex::Op;
use super::measured::{ALPHA, LEAST_FOR_MEAN, Measured, Run};
use super::{Measure, Metric, Slo, SloOutcome, SloResult};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::chi_square::{normal_isf, normal_sf};
use crate::stats::gate::{self, Gate, Gated};
use crate::stats::quantile::{self, values_for_upper};
use crate::stats::rate::{self, Errors};
use crate::units::{counted, percent, seconds};
use crate::verdict::attribution::Attribution;

/// More requests than this are not promised to settle anything.
const MOST: f64 = 1e9;

/// Decides an objective.
#[must_use]
pub fn evaluate(
    slo: &Slo,
    sorted: &Attribution,
    seen: &Observation,
    expected: Option<&Expected>,
) -> SloResult {
    let run = Run {
        sorted,
        seen,
        expected,
    };
    let found = match &slo.form {
        Form::Limit {
            measure,
            below,
            limit,
        } => against_limit(&run, measure, *below, *limit),
        Form::Ratio {
            measure,
            base,
            below,
            factor,
        } => against_latency(&run, measure, base, *below, *factor),
        Form::Difference {
            measure,
            base,
            below,
            margin,
        } => against_errors(&run, measure, base, *below, *margin),
        Form::Plain {
            measure,
            op,
            others,
            constant,
        } => plain(&run, measure, *op, others, *constant),
    };
    SloResult {
        slo: slo.text.clone(),
        ..found
    }
}

/// A result about which nothing is known yet.
fn open(n: u64) -> SloResult {
    SloResult {
        slo: String::new(),
        outcome: SloOutcome::Inconclusive,
        observed: None,
        limit: None,
        p_value: None,
        interval: None,
        n,
        reason: String::new(),
        requests_needed: None,
    }
}

fn against_limit(run: &Run<'_>, measure: &Measure, below: bool, limit: f64) -> SloResult {
    let measured = run.measured(&measure.subject);
    match measure.metric {
        Metric::Quantile(percentile) => {
            let q = percentile.fraction();
            // "More than q are fast" is refuted like "more than 1 - q are slow".
            let (part, k) = if below {
                (1.0 - q, measured.slower(limit))
            } else {
                (q, measured.faster(limit))
            };
            let observed = measured
                .estimate(measure.metric)
                .map(|estimate| estimate.point);
            let n = measured.n;
            let slower = if below { k } else { n - k };
            let seen = format!(
                "{}; {slower} of {} took longer than {}",
                shown(measure, observed),
                counted(n, "answer"),
                seconds(limit)
            );
            gated(run, &measured, (k, n), part, &seen, (observed, limit))
        }
        Metric::Mean => against_mean(run, measure, &measured, below, limit),
        _ => {
            let (hits, n, thing) = if measure.metric == Metric::Share {
                (measured.n, run.seen.answered(), "answer")
            } else {
                let thing = if measured.errors.n > measured.n {
                    "request"
                } else {
                    "answer"
                };
                (measured.errors.errors, measured.errors.n, thing)
            };
            let observed = (n > 0).then(|| hits as f64 / n as f64);
            let (part, k) = if below {
                (limit, hits)
            } else {
                (1.0 - limit, n - hits)
            };
            let seen = format!(
                "{}; {hits} of {}",
                shown(measure, observed),
                counted(n, thing)
            );
            let everywhere = Measured {
                fraction: Some(1.0),
                ..run.measured(&measure.subject)
            };
            let scale = if measure.metric == Metric::Share {
                &everywhere
            } else {
                &measured
            };
            gated(run, scale, (k, n), part, &seen, (observed, limit))
        }
    }
}

/// Whether at most `part` of the answers are of a kind, of which `k` of `n` were.
fn gated(
    run: &Run<'_>,
    measured: &Measured,
    (k, n): (u64, u64),
    part: f64,
    seen: &str,
    (observed, limit): (Option<f64>, f64),
) -> SloResult {
    let gated = gate::at_most(part, k, n);
    let outcome = outcome(gated.gate);
    let needed = (outcome == SloOutcome::Inconclusive)
        .then(|| answers_to_decide(k, n, part))
        .flatten();
    let needed = needed.and_then(|answers| requests(run, measured, answers));
    SloResult {
        outcome,
        observed,
        limit: Some(limit),
        p_value: Some(p_value(&gated)),
        reason: reason(seen, &gated, needed),
        requests_needed: needed,
        ..open(n)
    }
}

/// How many answers decide, if they go on as they were.
fn answers_to_decide(k: u64, n: u64, part: f64) -> Option<f64> {
    if part <= 0.0 || part >= 1.0 {
        return None;
    }
    if n == 0 {
        return Some(gate::responses_to_open(part) as f64);
    }
    let mut total = n as f64 * 1.01;
    while total <= MOST {
        let hits = k as f64 * total / n as f64;
        // One more hit must not undo it.
        let decided = |hits: f64| {
            gate::at_most(part, rounded(hits), rounded(total)).gate != Gate::Inconclusive
        };
        if decided(hits.floor()) && decided(hits.ceil()) {
            return Some(total);
        }
        total *= 1.01;
    }
    None
}

fn against_mean(
    run: &Run<'_>,
    measure: &Measure,
    measured: &Measured,
    below: bool,
    limit: f64,
) -> SloResult {
    let Some((mean, error)) = measured.log_mean().filter(|_| measured.n >= LEAST_FOR_MEAN) else {
        let observed = measured.log_mean().map(|(mean, _)| mean);
        let needed = requests(run, measured, LEAST_FOR_MEAN as f64);
        let seen = format!(
            "{} over {}",
            shown(measure, observed),
            counted(measured.n, "answer")
        );
        return SloResult {
            observed,
            limit: Some(limit),
            reason: format!(
                "{seen}, of which a mean needs {LEAST_FOR_MEAN}{}",
                settles(needed)
            ),
            requests_needed: needed,
            ..open(measured.n)
        };
    };
    let distance = if below {
        (mean / limit).ln()
    } else {
        (limit / mean).ln()
    };
    let z = if error > 0.0 {
        distance / error
    } else {
        distance * f64::MAX
    };
    let tail = |z: f64| {
        if z.abs() > 37.0 {
            f64::from(z < 0.0)
        } else {
            normal_sf(z)
        }
    };
    let gated = gate(tail(z), tail(-z));
    let outcome = outcome(gated.gate);
    let needed = (outcome == SloOutcome::Inconclusive)
        .then(|| more(&gated))
        .flatten()
        .and_then(|scale| requests(run, measured, measured.n as f64 * scale));
    let seen = format!(
        "{} over {}",
        shown(measure, Some(mean)),
        counted(measured.n, "answer")
    );
    SloResult {
        outcome,
        observed: Some(mean),
        limit: Some(limit),
        p_value: Some(p_value(&gated)),
        reason: reason(&seen, &gated, needed),
        requests_needed: needed,
        ..open(measured.n)
    }
}

fn against_latency(
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
        (measured.n < answers).then(|| requests(run, measured, answers as f64))
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

fn against_errors(
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

fn plain(
    run: &Run<'_>,
    measure: &Measure,
    op: Op,
    others: &[(Measure, f64)],
    constant: f64,
) -> SloResult {
    let value = |measure: &Measure| {
        let measured = run.measured(&measure.subject);
        let elapsed = run.seen.elapsed.as_secs_f64();
        match measure.metric {
            Metric::Max => measured.max(),
            _ => (elapsed > 0.0).then(|| measured.n as f64 / elapsed),
        }
    };
    let observed = value(measure);
    let limit = others.iter().try_fold(constant, |sum, (other, factor)| {
        value(other).map(|value| sum + factor * value)
    });
    let n = run.measured(&measure.subject).n;
    let outcome = match observed.zip(limit) {
        Some((observed, limit)) if op.holds(observed, limit) => SloOutcome::Pass,
        Some(_) => SloOutcome::Failed,
        None => SloOutcome::Inconclusive,
    };
    let mut reason = shown(measure, observed);
    if !others.is_empty() && limit.is_some() {
        reason = format!("{reason} against {}", shown(measure, limit));
    }
    SloResult {
        outcome,
        observed,
        limit,
        reason: format!("{reason} over {}", counted(n, "answer")),
        ..open(n)
    }
}

fn outcome(gate: Gate) -> SloOutcome {
    match gate {
        Gate::Open => SloOutcome::Pass,
        Gate::Failed => SloOutcome::Failed,
        Gate::Inconclusive => SloOutcome::Inconclusive,
    }
}

/// The decision of [`gate::at_most`] for other tests.
fn gate(p_exceeded: f64, p_kept: f64) -> Gated {
    let gate = match () {
        () if p_exceeded <= gate::FAIL => Gate::Failed,
        () if p_kept <= gate::OPEN => Gate::Open,
        () => Gate::Inconclusive,
    };
    Gated {
        gate,
        p_exceeded,
        p_kept,
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

/// The p-value that decided; of an open gate the one that keeps it from passing.
fn p_value(gated: &Gated) -> f64 {
    match gated.gate {
        Gate::Failed => gated.p_exceeded,
        _ => gated.p_kept,
    }
    .clamp(0.0, 1.0)
}

/// By how much the sample must grow until one of the p-values is small enough: normal quantiles grow with its root.
fn more(gated: &Gated) -> Option<f64> {
    let scale = |p: f64, wanted: f64| {
        let z = if p < 0.499 {
            normal_isf(p.max(1e-300))
        } else {
            return None;
        };
        Some((normal_isf(wanted) / z).powi(2))
    };
    scale(gated.p_kept, gate::OPEN).or_else(|| scale(gated.p_exceeded, gate::FAIL))
}

/// The same for an interval: its arms shrink with the root. `distance` is from the estimate to the limit.
fn closer(distance: f64, low: f64, high: f64) -> Option<f64> {
    let arm = if distance > 0.0 { high } else { low };
    let scale = (arm / distance).powi(2);
    (scale.is_finite() && arm.is_finite()).then_some(scale.max(1.05))
}

/// Requests until a target has so many answers.
fn requests(run: &Run<'_>, measured: &Measured, answers: f64) -> Option<u64> {
    let fraction = measured.fraction?;
    whole(answers / fraction).map(|needed| needed.max(run.seen.sent + 1))
}

/// Whole requests, unless they are too many to promise anything.
fn whole(requests: f64) -> Option<u64> {
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

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn reason(seen: &str, gated: &Gated, needed: Option<u64>) -> String {
    let p = p_value(gated);
    let p = match p {
        p if p >= 0.001 => format!("= {p:.3}"),
        p if p >= 1e-16 => format!("= {p:.0e}"),
        _ => "< 1e-16".to_owned(),
    };
    format!("{seen} (p {p}){}", settles(needed))
}

fn settles(needed: Option<u64>) -> String {
    needed
        .map(|needed| format!("; about {} would settle it", counted(needed, "request")))
        .unwrap_or_default()
}

/// A value with its unit.
fn shown(measure: &Measure, value: Option<f64>) -> String {
    let Some(value) = value else {
        return "nothing to measure".to_owned();
    };
    match measure.metric {
        Metric::Quantile(_) | Metric::Mean | Metric::Max => seconds(value),
        Metric::Errors | Metric::Share => percent(value),
        Metric::Rps => format!("{value:.1}/s"),
    }
}
