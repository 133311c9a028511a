//! A latency distribution in a few numbers.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Latency in milliseconds. Quantiles are the upper end of their histogram cell, three significant digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The arithmetic mean.
    pub mean: f64,
    /// Half of the responses were at least this fast.
    pub p50: f64,
    /// 75 of 100.
    #[serde(default)]
    pub p75: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 95 of 100.
    #[serde(default)]
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// The fastest.
    #[serde(default)]
    pub min: f64,
    /// The slowest.
    pub max: f64,
    /// The standard deviation.
    #[serde(default)]
    pub sd: f64,
}

impl Latency {
    /// Summarises a histogram of microseconds; `None` when it is empty.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        let millis = |micros: u64| micros as f64 / 1000.0;
        let quantile = |q: f64| millis(histogram.value_at_quantile(q));
        Some(Self {
            mean: (histogram.mean()).round() / 1000.0,
            p50: quantile(0.5),
            p75: quantile(0.75),
            p90: quantile(0.9),
            p95: quantile(0.95),
            p99: quantile(0.99),
            p999: quantile(0.999),
            min: millis(histogram.min()),
            max: millis(histogram.max()),
            sd: histogram.stdev().round() / 1000.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_milliseconds() {
        let mut histogram = Histogram::new(3).expect("three digits");
        for micros in 1..=1000 {
            histogram.record(micros).expect("in range");
        }
        let latency = Latency::of(&histogram).expect("not empty");
        assert_eq!(
            (latency.p50, latency.p75, latency.p90, latency.p95),
            (0.5, 0.75, 0.9, 0.95)
        );
        assert_eq!((latency.min, latency.p99, latency.max), (0.001, 0.99, 1.0));
        // Of 1 to n: the root of (n^2 - 1) / 12.
        assert!((latency.sd - 0.2887).abs() < 0.001, "{}", latency.sd);
        assert!((latency.mean - 0.5005).abs() < 0.001, "{}", latency.mean);
        assert_eq!(Latency::of(&Histogram::new(3).expect("three digits")), None);
    }
}
