//! Which order statistics bound a quantile, and the ratio of two quantiles.

use super::{binomial, power};

/// Ranks (1 is the smallest value) around a quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranks {
    /// The lower bound; `None` where no value is low enough.
    pub lower: Option<u64>,
    /// The quantile itself.
    pub point: u64,
    /// The upper bound; `None` where no value is high enough.
    pub upper: Option<u64>,
    /// The exact probability that the bounds hold the quantile.
    pub coverage: f64,
}

/// An estimate between its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub point: f64,
    /// The lower bound; 0 where there is none.
    pub lo: f64,
    /// The upper bound; infinite where there is none.
    pub hi: f64,
}

/// The distribution-free interval of the `q`-quantile of `n` values at level `1 - alpha` (Hahn & Meeker 1991, section
/// 5.2): `B ~ Bin(n, q)` values lie below it; `l = max{l: P(B <= l-1) <= alpha/2}`, `u = min{u: P(B >= u) <= alpha/2}`.
#[must_use]
pub fn order_statistics(n: u64, q: f64, alpha: f64) -> Ranks {
    let half = (alpha / 2.0).ln();
    // The first rank at which the lower tail is too large is one past the bound.
    let too_high = first(1, n + 1, |rank| binomial::ln_le(n, rank - 1, q) > half);
    let lower = Some(too_high - 1).filter(|rank| *rank > 0);
    let upper =
        Some(first(1, n + 1, |rank| binomial::ln_ge(n, rank, q) <= half)).filter(|rank| *rank <= n);
    let above = upper.map_or(0.0, |rank| binomial::ln_ge(n, rank, q).exp());
    let below = lower.map_or(0.0, |rank| binomial::ln_le(n, rank - 1, q).exp());
    // 0.999 of 1e6 is 999000, whatever rounding says.
    let exact = n as f64 * q;
    Ranks {
        lower,
        point: super::whole((exact - 1e-9 * exact.max(1.0)).ceil()).clamp(1, n.max(1)),
        upper,
        coverage: 1.0 - above - below,
    }
}

/// The same where so many values are worth one: the ranks of as many values as they are worth, at the same parts of all.
#[must_use]
pub fn order_statistics_worth(n: u64, q: f64, alpha: f64, design_effect: f64) -> Ranks {
    let own = order_statistics(n, q, alpha);
    if design_effect <= 1.0 {
        return own;
    }
    let effective = super::whole(n as f64 / design_effect).max(1);
    let ranks = order_statistics(effective, q, alpha);
    let scale = n as f64 / effective as f64;
    // Rank r of m values is the part (r - 1)/m of them from below, and r/m from above.
    let lower = ranks
        .lower
        .map(|rank| super::whole((rank - 1) as f64 * scale) + 1);
    let upper = ranks
        .upper
        .map(|rank| super::whole((rank as f64 * scale).ceil()).min(n));
    Ranks {
        lower: lower.map(|rank| rank.min(own.point)),
        point: own.point,
        upper: upper.map(|rank| rank.max(own.point)),
        coverage: ranks.coverage,
    }
}

/// The first number in `low..high` where `holds` turns true, else `high`.
fn first(low: u64, high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (low, high);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// How many values an upper bound of the `q`-quantile needs at level `1 - alpha`, two-sided: `q^n <= alpha/2`.
#[must_use]
pub fn values_for_upper(q: f64, alpha: f64) -> u64 {
    power::round_up((alpha / 2.0).ln() / q.ln())
}

/// The ratio `canary / base` of two positive estimates with the bounds their own bounds imply, recovered on the log
/// scale (MOVER: Zou & Donner 2008, equation 2). No bootstrap, so it repeats.
#[must_use]
pub fn ratio(base: &Estimate, canary: &Estimate) -> Estimate {
    let distance = |a: f64, b: f64| (a.ln() - b.ln()).powi(2);
    let d = (canary.point / base.point).ln();
    let down = (distance(canary.point, canary.lo) + distance(base.hi, base.point)).sqrt();
    let up = (distance(canary.hi, canary.point) + distance(base.point, base.lo)).sqrt();
    Estimate {
        point: canary.point / base.point,
        lo: (d - down).exp(),
        hi: (d + up).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_p99_needs_three_hundred_and_sixty_eight_values_for_an_upper_bound() {
        assert_eq!(values_for_upper(0.99, 0.05), 368);
        assert_eq!(values_for_upper(0.999, 0.05), 3688);
        assert_eq!(
            (
                order_statistics(367, 0.99, 0.05).upper,
                order_statistics(368, 0.99, 0.05).upper
            ),
            (None, Some(368))
        );
    }

    #[test]
    fn nothing_measured_bounds_nothing() {
        let none = order_statistics(0, 0.5, 0.05);
        assert_eq!((none.lower, none.upper), (None, None));
    }

    #[test]
    fn a_ratio_without_an_upper_bound_has_none() {
        let base = Estimate {
            point: 100.0,
            lo: 90.0,
            hi: 110.0,
        };
        let canary = Estimate {
            point: 120.0,
            lo: 100.0,
            hi: f64::INFINITY,
        };
        let ratio = ratio(&base, &canary);
        assert!(ratio.hi.is_infinite() && ratio.lo > 0.9 && ratio.lo < 1.2);
    }

    proptest! {
        #[test]
        fn ranks_surround_the_quantile_and_keep_their_promise(n in 1_u64..100_000, q in 0.01_f64..0.9999) {
            let ranks = order_statistics(n, q, 0.05);
            prop_assert!(ranks.lower.is_none_or(|rank| rank <= ranks.point));
            prop_assert!(ranks.upper.is_none_or(|rank| ranks.point <= rank));
            prop_assert!(ranks.coverage >= 0.95 - 1e-12);
        }
    }
}
