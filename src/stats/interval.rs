//! Confidence intervals for one share after a fixed number of responses; `sequential` has those that hold at all times.

use statrs::function::beta::beta_reg;

use super::{binomial, bisect, chi_square};

/// A closed interval of shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
}

impl Interval {
    /// Whether the share lies inside.
    #[must_use]
    pub fn contains(&self, share: f64) -> bool {
        (self.lo..=self.hi).contains(&share)
    }
}

/// The exact interval of Clopper & Pearson (1934) at level `1 - alpha`: the shares whose central binomial test does not
/// reject `x` of `n`.
#[must_use]
pub fn clopper_pearson(x: u64, n: u64, alpha: f64) -> Interval {
    Interval {
        lo: lower(x, n, alpha / 2.0),
        hi: upper(x, n, alpha / 2.0),
    }
}

/// The same for responses that are worth fewer, given in independent ones: the tails of fractions of counts, by the incomplete
/// beta function (Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of positive counts").
#[must_use]
pub fn clopper_pearson_worth(x: f64, n: f64, alpha: f64) -> Interval {
    let (tail, observed) = (alpha / 2.0, if n > 0.0 { x / n } else { 0.0 });
    Interval {
        lo: if x <= 0.0 {
            0.0
        } else {
            bisect(0.0, observed, |p| beta_reg(x, n - x + 1.0, p) > tail)
        },
        hi: if x >= n {
            1.0
        } else {
            bisect(observed, 1.0, |p| beta_reg(n - x, x + 1.0, 1.0 - p) < tail)
        },
    }
}

/// The one-sided exact lower bound at level `1 - alpha`.
#[must_use]
pub fn lower(x: u64, n: u64, alpha: f64) -> f64 {
    if x == 0 || n == 0 {
        return 0.0;
    }
    if x >= n {
        return (alpha.ln() / n as f64).exp();
    }
    let wanted = alpha.ln();
    bisect(0.0, x as f64 / n as f64, |p| {
        binomial::ln_ge(n, x, p) > wanted
    })
}

/// The one-sided exact upper bound at level `1 - alpha`. For `x = 0` it is `1 - alpha^(1/n)`, about `-ln(alpha)/n`: the
/// rule of three at 95 %.
#[must_use]
pub fn upper(x: u64, n: u64, alpha: f64) -> f64 {
    if x >= n {
        return 1.0;
    }
    if x == 0 {
        return -(alpha.ln() / n as f64).exp_m1();
    }
    let wanted = alpha.ln();
    bisect(x as f64 / n as f64, 1.0, |p| {
        binomial::ln_le(n, x, p) < wanted
    })
}

/// The score interval of Wilson (1927) at level `1 - alpha`.
#[must_use]
pub fn wilson(x: u64, n: u64, alpha: f64) -> Interval {
    score(x, n, chi_square::isf(alpha, 1.0))
}

/// The score interval for a given square of the normal quantile.
fn score(x: u64, n: u64, z2: f64) -> Interval {
    if n == 0 {
        return Interval { lo: 0.0, hi: 1.0 };
    }
    let (size, hits) = (n as f64, x as f64);
    let root = (z2 * (z2 + 4.0 * hits * (size - hits) / size)).sqrt();
    let sum = 2.0 * hits + z2 + root;
    // The smaller root as a quotient: it does not cancel near zero.
    Interval {
        lo: 2.0 * hits * hits / size / sum,
        hi: (sum / (2.0 * (size + z2))).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_of_three_hundred_is_below_one_percent() {
        assert!(upper(0, 299, 0.05) < 0.01 && upper(0, 298, 0.05) > 0.01);
        assert_eq!(clopper_pearson(0, 0, 0.05), Interval { lo: 0.0, hi: 1.0 });
    }

    #[test]
    fn worth_themselves_responses_have_the_exact_interval_and_worth_less_a_wider_one() {
        for (x, n) in [(0, 40), (3, 40), (40, 40), (100, 1000)] {
            let exact = clopper_pearson(x, n, 0.01);
            let same = clopper_pearson_worth(x as f64, n as f64, 0.01);
            assert!((exact.lo - same.lo).abs() < 1e-9 && (exact.hi - same.hi).abs() < 1e-9);
            let wider = clopper_pearson_worth(x as f64 / 2.5, n as f64 / 2.5, 0.01);
            assert!(wider.hi - wider.lo > exact.hi - exact.lo, "{x} of {n}");
        }
        let nothing = clopper_pearson_worth(0.0, 0.0, 0.01);
        assert_eq!(nothing, Interval { lo: 0.0, hi: 1.0 });
    }

    #[test]
    fn wilson_is_mirrored_and_touches_the_ends() {
        let (few, many) = (wilson(0, 30, 0.05), wilson(30, 30, 0.05));
        assert!(
            few.lo <= 0.0
                && (many.hi - 1.0).abs() < 1e-15
                && (few.hi - (1.0 - many.lo)).abs() < 1e-15
        );
    }

    proptest! {
        #[test]
        fn the_exact_interval_is_the_exact_test_inverted(n in 1_u64..2000, part in 0.0_f64..=1.0, p in 0.001_f64..0.999) {
            let x = super::super::whole(part * n as f64);
            let alpha = 0.01_f64;
            let ln = binomial::ln_central(n, x, p);
            // On the very edge rounding decides.
            prop_assume!((ln - alpha.ln()).abs() > 1e-9);
            prop_assert_eq!(clopper_pearson(x, n, alpha).contains(p), ln > alpha.ln());
        }

        #[test]
        fn both_intervals_hold_the_observed_share(n in 1_u64..1_000_000, part in 0.0_f64..=1.0) {
            let x = super::super::whole(part * n as f64);
            let share = x as f64 / n as f64;
            for interval in [clopper_pearson(x, n, 0.05), wilson(x, n, 0.05)] {
                prop_assert!(interval.lo <= share + 1e-15 && share <= interval.hi + 1e-15);
            }
        }
    }
}
