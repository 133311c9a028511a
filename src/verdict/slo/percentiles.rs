//! Percentiles of latency with intervals by order statistics, of as many responses as they are worth.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::measured::{ALPHA, Measured};
use super::order::Order;
use crate::observe::LatencyCell;

/// The 95 % intervals of percentiles, in milliseconds; an upper end that the responses do not bound is `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LatencyIntervals {
    /// Of the median.
    pub p50: (f64, Option<f64>),
    /// Of the 90th percentile.
    pub p90: (f64, Option<f64>),
    /// Of the 99th.
    pub p99: (f64, Option<f64>),
    /// Of the 99.9th.
    pub p999: (f64, Option<f64>),
}

impl LatencyIntervals {
    /// Their confidence.
    pub const CONFIDENCE: f64 = 1.0 - ALPHA;

    /// Those of latencies in microseconds, of which `in_order` are the single ones in the order of dispatch; `None` where there
    /// are none.
    #[must_use]
    pub fn of(latencies: &Histogram<u64>, in_order: Vec<LatencyCell>) -> Option<Self> {
        let measured = Measured {
            order: Order::of_latencies(in_order),
            ..Measured::of(latencies.clone())
        };
        let interval = |q: f64| {
            let own = measured.quantile(q)?;
            let high = Some(own.hi).filter(|high| high.is_finite());
            Some((millis(own.lo), high.map(millis)))
        };
        Some(Self {
            p50: interval(0.5)?,
            p90: interval(0.9)?,
            p99: interval(0.99)?,
            p999: interval(0.999)?,
        })
    }
}

/// Whole microseconds, without the noise of the last digits.
fn millis(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;
    use std::time::Duration;

    fn of(micros: &[u64]) -> LatencyIntervals {
        let mut latencies = crate::observe::histogram();
        for own in micros {
            latencies.record(*own).expect("it grows");
        }
        let cells = micros
            .iter()
            .map(|own| LatencyCell::of(Duration::from_micros(*own)));
        LatencyIntervals::of(&latencies, cells.collect()).expect("responses")
    }

    /// Latencies of which each keeps the one before with this probability.
    fn sticky(n: usize, stay: f64, seed: u64) -> Vec<u64> {
        let mut sampler = Sampler::new(seed);
        let mut own = 1;
        let next = |_| {
            if sampler.uniform() >= stay {
                own = 1 + sampler.below(1000) as u64;
            }
            own
        };
        (0..n).map(next).collect()
    }

    /// How many of 200 runs miss the median, and the 90th percentile.
    fn missed(stay: f64) -> (usize, usize) {
        let all: Vec<LatencyIntervals> =
            (0..200).map(|seed| of(&sticky(2000, stay, seed))).collect();
        let misses = |(low, high): (f64, Option<f64>), truth: f64| {
            truth < low || high.is_some_and(|high| truth > high)
        };
        (
            all.iter().filter(|own| misses(own.p50, 0.5005)).count(),
            all.iter().filter(|own| misses(own.p90, 0.9005)).count(),
        )
    }

    #[test]
    fn a_percentile_of_few_responses_has_no_upper_end() {
        let few: Vec<u64> = (1..=200).map(|at| at * 37 % 200 + 1).collect();
        let own = of(&few);
        assert_eq!(own.p99.1, None);
        assert!(own.p50.0 < 0.1 && own.p50.1.is_some_and(|high| high > 0.1 && high < 0.13));
        assert_eq!(
            LatencyIntervals::of(&crate::observe::histogram(), Vec::new()),
            None
        );
    }

    /// 5 % of 200 are 10; more than 24 come by chance once in 40,000.
    #[test]
    fn intervals_hold_as_often_as_they_say_where_responses_follow_each_other_too() {
        for stay in [0.0, 0.9] {
            let (median, ninetieth) = missed(stay);
            assert!(
                median <= 24 && ninetieth <= 24,
                "{stay}: {median}, {ninetieth}"
            );
        }
    }
}
