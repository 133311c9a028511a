//! What a target's responses say: counts and latencies, read from the histogram cell by cell.

use std::collections::BTreeSet;

use hdrhistogram::Histogram;

use super::order::{Order, spread_of_share};
use super::range::{Nobodys, Range};
use super::{Measure, Metric, Slo, Subject, Until};
use crate::observe::{Observation, Tally};
use crate::split::Expected;
use crate::stats::quantile::{self, Estimate};
use crate::stats::rate::Errors;
use crate::stats::serial::Spread;
use crate::verdict::attribution::{Attribution, Classification, Row};

/// Level of the two-sided intervals.
pub(super) const ALPHA: f64 = 0.05;
/// The normal quantile of that.
const Z: f64 = 1.959_963_984_540_054;
/// Responses below which a mean is not taken as normal.
pub(super) const LEAST_FOR_MEAN: u64 = 30;

/// What a row is called where nothing is declared: its label, and for the errors of a value that value too, so that
/// `v2.errors` counts `500 v2`.
pub(super) fn names(row: &Row) -> impl Iterator<Item = &str> {
    let statuses = row
        .statuses
        .range(400..)
        .map(|(status, _)| format!("{status} "));
    let value = statuses.filter_map(|status| row.label.strip_prefix(&status));
    std::iter::once(row.label.as_str()).chain(value)
}

/// What objectives look at of a run: whose its responses are, what was seen, and what was declared.
pub type Judged<'a> = (&'a Attribution, &'a Observation, Option<&'a Expected>);

/// A run, as objectives look at it.
pub(super) struct Run<'a> {
    pub(super) attribution: &'a Attribution,
    pub(super) seen: &'a Observation,
    pub(super) expected: Option<&'a Expected>,
    /// Whom the objective names.
    pub(super) named: Vec<&'a str>,
    /// The earlier run, where two are compared.
    pub(super) before: Option<&'a Run<'a>>,
}

/// The responses of a target, or of all.
pub(super) struct Measured {
    /// Responses.
    pub(super) n: u64,
    /// Errors among them; of all, requests without a response count on both sides.
    pub(super) errors: Range,
    /// Its part of all complete responses.
    pub(super) share: Range,
    /// Microseconds.
    pub(super) latency: Histogram<u64>,
    /// The fraction of the requests that end here: as seen, else as declared, else unknown.
    pub(super) fraction: Option<f64>,
    /// Its requests one by one.
    pub(super) order: Order,
    /// The spread of its responses over all of them.
    pub(super) spread_of_share: Spread,
}

impl<'a> Run<'a> {
    /// The run, for an objective.
    pub(super) fn of(
        slo: &'a Slo,
        (attribution, seen, expected): Judged<'a>,
        before: Option<&'a Run<'a>>,
    ) -> Self {
        let named = slo.named.iter().filter_map(|(subject, _)| match subject {
            Subject::Named(name) => Some(name.as_str()),
            Subject::All => None,
        });
        Self {
            attribution,
            seen,
            expected,
            named: named.collect(),
            before,
        }
    }

    pub(super) fn measured(&self, measure: &Measure) -> Measured {
        if let Some(before) = self.before.filter(|_| measure.before) {
            return before.measured(measure);
        }
        let subject = &measure.subject;
        let target = match subject {
            Subject::All => None,
            Subject::Named(name) => self.expected.map(|expected| {
                let position = expected.declared().iter().position(|d| d.name == *name);
                position.map_or(Classification::Undeclared, Classification::Target)
            }),
        };
        let rows = self
            .attribution
            .rows
            .iter()
            .filter(|row| match (subject, target) {
                (Subject::All, _) => true,
                (_, Some(place)) => {
                    row.place == place && matches!(place, Classification::Target(_))
                }
                (Subject::Named(name), None) => names(row).any(|known| known == *name),
            });
        let mut tally = Tally::default();
        let mut errors = 0;
        let mut buckets = BTreeSet::new();
        for row in rows {
            buckets.extend(&row.buckets);
            tally.merge(&row.tally);
            errors += row
                .statuses
                .range(400..)
                .map(|(_, count)| count)
                .sum::<u64>();
        }
        let lost = if *subject == Subject::All {
            self.seen.failed()
        } else {
            0
        };
        let own = Errors {
            errors: errors + lost,
            n: tally.count + lost,
        };
        let Nobodys { errors, responses } = self.nobodys(subject);
        let sent = self.seen.sent;
        let declared = match (target, self.expected) {
            (Some(Classification::Target(index)), Some(expected)) => {
                Some(expected.declared()[index].share.as_f64())
            }
            _ => None,
        };
        let fraction = if tally.count > 0 && sent > 0 {
            Some(tally.count as f64 / sent as f64)
        } else {
            declared.filter(|share| *share > 0.0)
        };
        Measured {
            n: tally.count,
            errors: match subject {
                // What was sent again is counted already, as one request.
                Subject::All => Range::share(own.errors, own.n, errors.min(own.n - own.errors)),
                Subject::Named(_) => Range::errors(own, errors),
            },
            share: Range::share(tally.count, self.seen.answered(), responses),
            // What whoever sent had to wait, from when he meant to send.
            latency: match measure.until {
                Until::LastByte => tally.response.unwrap_or(tally.latency),
                Until::FirstByte => tally.first_byte,
            },
            fraction,
            order: Order::of(self.seen, *subject == Subject::All, |bucket| {
                buckets.contains(bucket)
            }),
            spread_of_share: spread_of_share(self.seen, |bucket| buckets.contains(bucket)),
        }
    }
}

impl Run<'_> {
    /// Whether times to the first byte are asked for and were not kept, as in reports from before they were.
    pub(super) fn lacks_first_bytes(&self, measure: &Measure) -> bool {
        measure.until == Until::FirstByte && {
            let measured = self.measured(measure);
            measured.n > 0 && measured.latency.is_empty()
        }
    }
}

impl Measured {
    /// Latencies alone.
    pub(super) fn of(latency: Histogram<u64>) -> Self {
        let (none, n) = (Errors { errors: 0, n: 0 }, latency.len());
        Self {
            n,
            errors: Range::errors(none, 0),
            share: Range::share(n, n, 0),
            latency,
            fraction: None,
            order: Order::default(),
            spread_of_share: Spread::INDEPENDENT,
        }
    }

    /// Responses that took longer than so many seconds, those in the cell of the limit included.
    pub(super) fn slower(&self, limit: f64) -> u64 {
        let micros = limit * 1e6;
        self.cells()
            .filter(|(_, high, _)| *high as f64 > micros)
            .map(|(.., count)| count)
            .sum()
    }

    /// Responses that took at most so many seconds, those in the cell of the limit included.
    pub(super) fn faster(&self, limit: f64) -> u64 {
        let micros = limit * 1e6;
        self.cells()
            .filter(|(low, ..)| *low as f64 <= micros)
            .map(|(.., count)| count)
            .sum()
    }

    /// The slowest, in seconds.
    pub(super) fn max(&self) -> Option<f64> {
        (!self.latency.is_empty()).then(|| self.latency.max() as f64 / 1e6)
    }

    /// A latency in seconds with its 95 % bounds: of a quantile by order statistics, of the mean by the normal law on
    /// the log scale.
    pub(super) fn estimate(&self, metric: Metric) -> Option<Estimate> {
        match metric {
            Metric::Quantile(percentile) => self.quantile(percentile.fraction()),
            Metric::Mean => self.mean(),
            _ => None,
        }
    }

    pub(super) fn quantile(&self, q: f64) -> Option<Estimate> {
        let n = self.latency.len();
        if n == 0 {
            return None;
        }
        // Slow responses in few batches bound the quantile below, and hardly above.
        let worth = self.order.beyond(1.0 - q).worth();
        let ranks = |worth: f64| quantile::order_statistics_worth(n, q, ALPHA, worth);
        let high = |rank| self.at_rank(rank).1;
        let (lower, upper) = (ranks(worth.exceeded), ranks(worth.kept));
        Some(Estimate {
            point: high(lower.point),
            lo: lower.lower.map_or(0.0, |rank| self.at_rank(rank).0),
            hi: upper.upper.map_or(f64::INFINITY, high),
        })
    }

    fn mean(&self) -> Option<Estimate> {
        let (point, error) = self.log_mean()?;
        let enough = self.latency.len() >= LEAST_FOR_MEAN;
        let bounded = enough && !self.order.is_heavy();
        Some(Estimate {
            point,
            lo: if enough {
                point * (-Z * error).exp()
            } else {
                0.0
            },
            hi: if bounded {
                point * (Z * error).exp()
            } else {
                f64::INFINITY
            },
        })
    }

    /// The mean in seconds, and the standard error of its logarithm (delta method: `s / (mean sqrt n)`, with as many responses
    /// as they are worth).
    pub(super) fn log_mean(&self) -> Option<(f64, f64)> {
        let n = self.latency.len() as f64;
        if n < 1.0 {
            return None;
        }
        let mean = self.latency.mean().max(1.0);
        let deviation = self.latency.stdev() * (n / (n - 1.0).max(1.0)).sqrt();
        let effective = n / self.order.of_mean();
        Some((mean / 1e6, deviation / (mean * effective.sqrt())))
    }

    /// The ends, in seconds, of the cell that holds the answer of this rank (1 is the fastest). Walked by whole counts:
    /// a quantile of `rank / n` lands on the wrong rank in one of twenty cases.
    fn at_rank(&self, rank: u64) -> (f64, f64) {
        let mut below = 0;
        let cell = self.cells().find(|(.., count)| {
            below += count;
            below >= rank
        });
        // Finer than a microsecond is not measured; zero has no logarithm.
        cell.map_or((0.0, f64::INFINITY), |(low, high, _)| {
            (low.max(1) as f64 / 1e6, high.max(1) as f64 / 1e6)
        })
    }

    /// Lowest value, highest value and count of every cell that is not empty.
    fn cells(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.latency.iter_recorded().map(|cell| {
            let value = cell.value_iterated_to();
            (
                self.latency.lowest_equivalent(value),
                self.latency.highest_equivalent(value),
                cell.count_at_value(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(micros: impl IntoIterator<Item = u64>) -> Measured {
        let mut latency = Histogram::new(3).expect("three digits");
        for value in micros {
            latency.record(value).expect("it grows");
        }
        Measured::of(latency)
    }

    #[test]
    fn ranks_are_walked_by_whole_counts() {
        // Up to 2048 every microsecond has a cell of its own.
        let all = measured(1..=1000);
        for rank in 1..=1000 {
            let at = rank as f64 / 1e6;
            assert_eq!(all.at_rank(rank), (at, at));
        }
    }

    #[test]
    fn the_cell_of_the_limit_counts_on_both_sides() {
        let all = measured([100_000, 200_000, 300_000]);
        assert_eq!((all.slower(0.2), all.faster(0.2)), (2, 2));
        assert_eq!((all.slower(0.25), all.faster(0.25)), (1, 2));
    }

    #[test]
    fn a_p99_of_few_answers_has_no_upper_bound() {
        let few = measured(1..=367).quantile(0.99).expect("answers");
        let enough = measured(1..=368).quantile(0.99).expect("answers");
        assert!(few.hi.is_infinite() && enough.hi <= 368e-6);
    }

    #[test]
    fn the_mean_has_the_interval_of_the_normal_law() {
        // 1..=1000 us: mean 500.5, s = 288.819; ln-scale error 0.018248.
        let mean = measured(1..=1000).mean().expect("answers");
        assert!((mean.point - 500.5e-6).abs() < 1e-7);
        assert!(
            (mean.hi / mean.point - (Z * 0.018_248_f64).exp()).abs() < 1e-4,
            "{mean:?}"
        );
    }
}
