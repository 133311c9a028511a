//! Two runs beside each other, target by target: what changed, with intervals.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::slo::quantile_of;
use crate::stats::interval::clopper_pearson;
use crate::stats::quantile::{Estimate, ratio};
use crate::stats::rate::{Errors, newcombe};

/// Level of all intervals.
pub const ALPHA: f64 = 0.05;
/// The quantiles that are compared.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// What one run saw of one target.
#[derive(Clone, Debug)]
pub struct Side {
    /// Its responses.
    pub count: u64,
    /// Of so many complete responses.
    pub answered: u64,
    /// Those of its answers with a status of 400 or more.
    pub errors: u64,
    /// Their latencies in microseconds.
    pub latencies: Histogram<u64>,
}

/// One target before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Its name.
    pub target: String,
    /// The part of all complete responses.
    pub share: Change,
    /// The part of its answers with a status of 400 or more.
    pub errors: Change,
    /// Quantiles of its latency in seconds; the change is their ratio.
    pub latency: BTreeMap<String, Change>,
}

/// A number before and after, each with its 95 % interval; an end that the responses do not bound is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Before; `null` where there were no responses.
    pub before: Option<Bounded>,
    /// After.
    pub after: Option<Bounded>,
    /// After minus before, of latencies after divided by before.
    pub change: Option<Bounded>,
    /// Whether the interval of the change excludes that nothing changed, and in which direction.
    pub direction: Direction,
}

/// A number with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounded {
    /// The estimate.
    pub value: f64,
    /// Its bounds.
    pub interval: [Option<f64>; 2],
}

/// What the interval of a change says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// It lies above.
    More,
    /// It lies below.
    Less,
    /// It holds "nothing changed".
    Unclear,
}

/// Compares what two runs saw of one target.
#[must_use]
pub fn compare(target: &str, before: &Side, after: &Side) -> Compared {
    let errors = |side: &Side| Errors {
        errors: side.errors,
        n: side.count,
    };
    let shares = |side: &Side| Errors {
        errors: side.count,
        n: side.answered,
    };
    let latency = |(name, q): &(&str, f64)| {
        let one = quantile_of(&before.latencies, *q);
        let other = quantile_of(&after.latencies, *q);
        let change = one.as_ref().zip(other.as_ref());
        let change = change.map(|(one, other)| ratio(one, other)).map(bounded);
        let own = Change {
            before: one.map(bounded),
            after: other.map(bounded),
            direction: direction(change, 1.0),
            change,
        };
        ((*name).to_owned(), own)
    };
    Compared {
        target: target.to_owned(),
        share: fractions(shares(before), shares(after)),
        errors: fractions(errors(before), errors(after)),
        latency: QUANTILES.iter().map(latency).collect(),
    }
}

/// Clopper–Pearson of each, and Newcombe's interval of the difference.
fn fractions(before: Errors, after: Errors) -> Change {
    let fraction = |part: Errors| {
        (part.n > 0).then(|| {
            let interval = clopper_pearson(part.errors, part.n, ALPHA);
            Bounded {
                value: part.errors as f64 / part.n as f64,
                interval: [Some(interval.lo), Some(interval.hi)],
            }
        })
    };
    let (one, other) = (fraction(before), fraction(after));
    let change = one.zip(other).map(|(one, other)| {
        let interval = newcombe(before, after, ALPHA);
        Bounded {
            value: other.value - one.value,
            interval: [Some(interval.lo), Some(interval.hi)],
        }
    });
    Change {
        before: one,
        after: other,
        direction: direction(change, 0.0),
        change,
    }
}

fn bounded(estimate: Estimate) -> Bounded {
    let finite = |end: f64| (end.is_finite() && end > 0.0).then_some(end);
    Bounded {
        value: estimate.point,
        interval: [finite(estimate.lo), finite(estimate.hi)],
    }
}

fn direction(change: Option<Bounded>, nothing: f64) -> Direction {
    match change.map(|change| change.interval) {
        Some([Some(low), _]) if low > nothing => Direction::More,
        Some([_, Some(high)]) if high < nothing => Direction::Less,
        _ => Direction::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::histogram;

    fn latencies(from: u64, n: u64) -> Histogram<u64> {
        let mut all = histogram();
        for step in 0..n {
            all.record(from + step % 100).expect("it grows");
        }
        all
    }

    #[test]
    fn a_share_that_halved_and_a_latency_that_doubled_are_clear() {
        let (fast, slow) = (latencies(1000, 900), latencies(2000, 450));
        let side = |count, latencies| Side {
            count,
            answered: 1000,
            errors: 0,
            latencies,
        };
        let found = compare("v1", &side(900, fast), &side(450, slow));
        assert_eq!(found.share.direction, Direction::Less);
        assert_eq!(found.latency["p50"].direction, Direction::More);
        assert_eq!(found.errors.direction, Direction::Unclear);
        let ratio = found.latency["p50"].change.expect("answers on both sides");
        assert!((1.9..2.1).contains(&ratio.value), "{ratio:?}");
    }

    #[test]
    fn nothing_is_said_about_a_target_without_answers() {
        let (some, none) = (latencies(1000, 10), histogram());
        let side = |count, latencies| Side {
            count,
            answered: 10,
            errors: 0,
            latencies,
        };
        let found = compare("v1", &side(10, some), &side(0, none));
        assert_eq!(found.latency["p50"].change, None);
        assert_eq!(found.errors.after, None);
        assert_eq!(found.share.direction, Direction::Less);
    }
}
