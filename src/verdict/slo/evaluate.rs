//! Objectives decided on what was seen, by exact tests where there are any. Pass, failed or inconclusive: "not refuted"
//! alone is no pass.
//!
//! | form | test | failed | pass |
//! |---|---|---|---|
//! | quantile against a time | how many responses were slower: one-sided exact binomial | p <= 0.01 | p <= 0.05 |
//! | errors, share against a fraction | one-sided exact binomial | p <= 0.01 | p <= 0.05 |
//! | mean against a time | normal, on the log scale, from 30 responses | p <= 0.01 | p <= 0.05 |
//! | latency against a multiple of another's | 95 % MOVER interval of the ratio | beyond | within |
//! | errors against another's | one-sided Fisher, mid-p | p <= 0.01 | p <= 0.05 |
//! | errors against another's plus a margin | Newcombe's 95 % interval of the difference | beyond | within |
//! | max, rps | none: compared as they are | beyond | within |
//!
//! Of an error rate and of a share, what nobody can be blamed for may be anybody's (`blame`): pass is tested with all of it
//! counted against the objective, failed with all of it counted in its favour, in every form.

use super::blame::worst_case;
use super::compare::{against_errors, against_latency};
use super::form::Form;
use super::lex::Op;
use super::measured::{LEAST_FOR_MEAN, Measured, Run};
use super::needed::{more, requests, requests_to_decide};
use super::range::Range;
use super::result::{effective, open, outcome, p_value, reason, settles, shown, worth_words};
use super::{Measure, Metric, Slo, SloOutcome, SloResult, Subject, Until};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::chi_square::normal_sf;
use crate::stats::limit_test::{LimitOutcome, LimitTest};
use crate::stats::rate::Errors;
use crate::stats::serial::{self, Spread, Worth};
use crate::units::{counted, seconds};
use crate::verdict::attribution::Attribution;

/// Decides an objective.
#[must_use]
pub fn evaluate(
    slo: &Slo,
    attribution: &Attribution,
    seen: &Observation,
    expected: Option<&Expected>,
) -> SloResult {
    let named = slo.named.iter().filter_map(|(subject, _)| match subject {
        Subject::Named(name) => Some(name.as_str()),
        Subject::All => None,
    });
    let run = Run {
        attribution,
        seen,
        expected,
        named: named.collect(),
    };
    if let Some(measure) = slo
        .form
        .measures()
        .find(|measure| run.lacks_first_bytes(measure))
    {
        return SloResult {
            slo: slo.text.clone(),
            reason: format!(
                "times to the first byte of {} were not saved by target when this report was made",
                measure.subject
            ),
            ..open(0)
        };
    }
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
            base,
            constant,
        } => plain(&run, measure, *op, base.as_ref(), *constant),
    };
    SloResult {
        slo: slo.text.clone(),
        ..found
    }
}

fn against_limit(run: &Run<'_>, measure: &Measure, below: bool, limit: f64) -> SloResult {
    let measured = run.measured(measure);
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
            let of_what = match measure.until {
                Until::LastByte => "",
                Until::FirstByte => "the first byte of ",
            };
            let seen = format!(
                "{}; {of_what}{slower} of {} took longer than {}",
                shown(measure, observed),
                counted(n, "response"),
                seconds(limit)
            );
            let sides = [(k, n); 2];
            let slower = measured.order.slower(limit * 1e6);
            let worth = if below { slower } else { slower.of_others() };
            decided(
                run,
                &measured,
                (sides, worth),
                part,
                &seen,
                (observed, limit),
            )
        }
        Metric::Mean => against_mean(run, measure, &measured, below, limit),
        Metric::Share => {
            let rate = (measured.share, measured.spread_of_share, "response");
            rate_against_limit(run, measure, &measured, rate, below, limit)
        }
        _ => {
            let rate = (measured.errors, measured.order.errors(), "request");
            rate_against_limit(run, measure, &measured, rate, below, limit)
        }
    }
}

/// A part of the responses, or of the requests, against a limit; `what` may be the target's and is not known to be.
fn rate_against_limit(
    run: &Run<'_>,
    measure: &Measure,
    measured: &Measured,
    (range, spread, what): (Range, Spread, &str),
    below: bool,
    limit: f64,
) -> SloResult {
    let Errors { errors: hits, n } = range.least;
    let observed = (n > 0).then(|| hits as f64 / n as f64);
    let thing = if measure.metric == Metric::Errors && n > measured.n {
        "request"
    } else {
        "response"
    };
    let (worst, best) = range.sides(below);
    let (part, of_a_kind): (f64, fn(Errors) -> u64) = if below {
        (limit, |side| side.errors)
    } else {
        (1.0 - limit, |side| side.n - side.errors)
    };
    let sides = [worst, best].map(|side| (of_a_kind(side), side.n));
    let worth = if below {
        spread.worth()
    } else {
        spread.worth().of_others()
    };
    let seen = format!(
        "{}; {hits} of {}{}",
        shown(measure, observed),
        counted(n, thing),
        run.doubt(range, what)
    );
    let found = decided(
        run,
        measured,
        (sides, worth),
        part,
        &seen,
        (observed, limit),
    );
    let unseen = below && worst.errors == 0 && measure.metric == Metric::Errors;
    let reason = if unseen && found.outcome == SloOutcome::Pass {
        format!("{}; {}", found.reason, if_none_is_seen(n, limit))
    } else {
        found.reason
    };
    SloResult {
        observed_most: range.highest(),
        n,
        reason,
        ..found
    }
}

/// What an objective rests on that holds because no error was seen: nothing tells how long bursts of them are.
fn if_none_is_seen(n: u64, limit: f64) -> String {
    let length = serial::longest_unseen_burst(n, limit).floor();
    if length < 2.0 {
        "no error was seen, so this holds if errors come singly".to_owned()
    } else {
        format!(
            "no error was seen, so this holds if errors come singly, or in bursts of {length} on average at most"
        )
    }
}

/// Whether at most `part` of the responses are of a kind: how many of how many are in the worst case, and in the best.
fn decided(
    run: &Run<'_>,
    measured: &Measured,
    ([worst, best], worth): ([(u64, u64); 2], Worth),
    part: f64,
    seen: &str,
    (observed, limit): (Option<f64>, f64),
) -> SloResult {
    let at_most = |(k, n): (u64, u64)| serial::at_most(part, k, n, worth);
    let test = worst_case(&at_most(worst), &at_most(best));
    let outcome = outcome(test.outcome);
    let needed = (outcome == SloOutcome::Inconclusive)
        .then(|| requests_to_decide(run, measured, [worst, best], part, worth))
        .flatten();
    let design_effect = match test.outcome {
        LimitOutcome::Exceeded => worth.exceeded,
        _ => worth.kept,
    };
    let effective_n = effective(best.1, design_effect);
    SloResult {
        outcome,
        observed,
        limit: Some(limit),
        p_value: Some(p_value(&test)),
        effective_n,
        reason: reason(
            &format!("{seen}{}", worth_words(effective_n)),
            &test,
            needed,
        ),
        requests_needed: needed,
        ..open(best.1)
    }
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
        let needed = requests(run, measured.fraction, LEAST_FOR_MEAN as f64);
        let seen = format!(
            "{} over {}",
            shown(measure, observed),
            counted(measured.n, "response")
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
    // A bound from above is what a few slow responses take away.
    let from_above = if below { tail(-z) } else { tail(z) };
    let unbounded = measured.order.is_heavy() && !measured.order.all_below(limit * 1e6);
    let from_above = if unbounded { 1.0 } else { from_above };
    let test = if below {
        LimitTest::of(tail(z), from_above)
    } else {
        LimitTest::of(from_above, tail(-z))
    };
    let outcome = outcome(test.outcome);
    let effective_n = effective(measured.n, measured.order.of_mean());
    if unbounded && outcome == SloOutcome::Inconclusive {
        return SloResult {
            observed: Some(mean),
            limit: Some(limit),
            effective_n,
            reason: format!(
                "{} over {}, of which a few slow ones carry the mean: it has no upper bound; compare a percentile, as in \
                 {}.p95",
                shown(measure, Some(mean)),
                counted(measured.n, "response"),
                measure.subject
            ),
            ..open(measured.n)
        };
    }
    let needed = (outcome == SloOutcome::Inconclusive)
        .then(|| more(&test))
        .flatten()
        .and_then(|scale| requests(run, measured.fraction, measured.n as f64 * scale));
    let seen = format!(
        "{} over {}{}",
        shown(measure, Some(mean)),
        counted(measured.n, "response"),
        worth_words(effective_n)
    );
    SloResult {
        outcome,
        effective_n,
        observed: Some(mean),
        limit: Some(limit),
        p_value: Some(p_value(&test)),
        reason: reason(&seen, &test, needed),
        requests_needed: needed,
        ..open(measured.n)
    }
}

fn plain(
    run: &Run<'_>,
    measure: &Measure,
    op: Op,
    base: Option<&(Measure, f64)>,
    constant: f64,
) -> SloResult {
    let value = |measure: &Measure| {
        let measured = run.measured(measure);
        let elapsed = run.seen.elapsed.as_secs_f64();
        match measure.metric {
            Metric::Max => measured.max(),
            _ => (elapsed > 0.0).then(|| measured.n as f64 / elapsed),
        }
    };
    let observed = value(measure);
    let limit = match base {
        None => Some(constant),
        Some((base, factor)) => value(base).map(|value| constant + factor * value),
    };
    let n = run.measured(measure).n;
    let outcome = match observed.zip(limit) {
        Some((observed, limit)) if op.holds(observed, limit) => SloOutcome::Pass,
        Some(_) => SloOutcome::Failed,
        None => SloOutcome::Inconclusive,
    };
    let mut reason = shown(measure, observed);
    if base.is_some() && limit.is_some() {
        reason = format!("{reason} against {}", shown(measure, limit));
    }
    SloResult {
        outcome,
        observed,
        limit,
        reason: format!("{reason} over {}", counted(n, "response")),
        ..open(n)
    }
}
