//! Exact tails of the binomial distribution, as logarithms, for counts up to 1e9.

use super::ln_complement;
use super::saddle::ln_binomial_mass;

/// `ln P(X = x)` for `X ~ Bin(n, p)`, by Loader's saddle point (2000, equation 10).
#[must_use]
pub fn ln_mass(n: u64, x: u64, p: f64) -> f64 {
    if x > n {
        return f64::NEG_INFINITY;
    }
    ln_binomial_mass(n as f64, x as f64, p, 1.0 - p)
}

/// `ln P(X >= x)`.
#[must_use]
pub fn ln_ge(n: u64, x: u64, p: f64) -> f64 {
    if x == 0 {
        return 0.0;
    }
    if x as f64 > n as f64 * p {
        upper_sum(n, x, p)
    } else {
        ln_complement(lower_sum(n, x - 1, p))
    }
}

/// `ln P(X <= x)`.
#[must_use]
pub fn ln_le(n: u64, x: u64, p: f64) -> f64 {
    if x >= n {
        return 0.0;
    }
    if (x as f64) < n as f64 * p {
        lower_sum(n, x, p)
    } else {
        ln_complement(upper_sum(n, x + 1, p))
    }
}

/// `ln` of the central two-sided p-value `min(1, 2 min(P(X <= x), P(X >= x)))`: the one whose inversion is the
/// interval of Clopper & Pearson (1934). Orderings by probability or by `|x - np|` are blind to a starved target.
#[must_use]
pub fn ln_central(n: u64, x: u64, p: f64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    // On its own side of the mean a tail is at most about one half, and the other one is the larger.
    let tail = if x as f64 > n as f64 * p {
        ln_ge(n, x, p)
    } else {
        ln_le(n, x, p)
    };
    let other = ln_complement(tail.min(0.0));
    // P(other side, x included) = 1 - tail + mass; it matters only near the mean.
    let smaller = if other < -0.5 {
        tail.min((other.exp() + ln_mass(n, x, p).exp()).ln())
    } else {
        tail
    };
    (smaller + std::f64::consts::LN_2).min(0.0)
}

/// `ln P(X >= x)` for `x` above the mean: the mass at `x` times the sum of ratios of neighbours.
fn upper_sum(n: u64, x: u64, p: f64) -> f64 {
    let first = ln_mass(n, x, p);
    if first <= f64::NEG_INFINITY {
        return first;
    }
    let odds = p / (1.0 - p);
    let (n, mut at) = (n as f64, x as f64);
    let (mut sum, mut term) = (1.0, 1.0);
    while at < n {
        term *= (n - at) * odds / (at + 1.0);
        sum += term;
        at += 1.0;
        if term < sum * 1e-18 {
            break;
        }
    }
    (first + f64::ln(sum)).min(0.0)
}

/// `ln P(X <= x)` for `x` below the mean.
fn lower_sum(n: u64, x: u64, p: f64) -> f64 {
    let first = ln_mass(n, x, p);
    if first <= f64::NEG_INFINITY {
        return first;
    }
    let odds = (1.0 - p) / p;
    let (n, mut at) = (n as f64, x as f64);
    let (mut sum, mut term) = (1.0, 1.0);
    while at > 0.0 {
        term *= at * odds / (n - at + 1.0);
        sum += term;
        at -= 1.0;
        if term < sum * 1e-18 {
            break;
        }
    }
    (first + f64::ln(sum)).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tail_is_the_sum_of_its_masses() {
        for (n, p) in [(1, 0.3), (12, 0.1), (40, 0.5), (40, 0.97)] {
            for x in 0..=n {
                let ge: f64 = (x..=n).map(|i| ln_mass(n, i, p).exp()).sum();
                let le: f64 = (0..=x).map(|i| ln_mass(n, i, p).exp()).sum();
                assert!((ln_ge(n, x, p).exp() - ge).abs() < 1e-13, "{n} {x} {p}");
                assert!((ln_le(n, x, p).exp() - le).abs() < 1e-13, "{n} {x} {p}");
                let central = (2.0 * ge.min(le)).min(1.0);
                assert!(
                    (ln_central(n, x, p).exp() - central).abs() < 1e-12,
                    "{n} {x} {p}"
                );
            }
        }
    }

    #[test]
    fn a_billion_requests_are_no_problem() {
        let ln = ln_central(1_000_000_000, 100_100_000, 0.1);
        assert!(ln.is_finite() && ln < -50.0, "{ln}");
        assert!(ln_central(1_000_000_000, 100_000_000, 0.1) >= -1e-9);
    }

    #[test]
    fn a_certain_outcome_has_no_tail() {
        assert!(ln_ge(10, 1, 0.0) <= f64::NEG_INFINITY);
        assert!(ln_le(10, 9, 1.0) <= f64::NEG_INFINITY);
        assert!(ln_central(10, 10, 1.0) >= 0.0);
        assert!(ln_central(0, 0, 0.5) >= 0.0);
    }

    proptest! {
        #[test]
        fn the_p_value_falls_with_the_distance_from_the_mean(n in 1_u64..3000, p in 0.001_f64..0.999) {
            let mean = n as f64 * p;
            let mut last = f64::INFINITY;
            for x in super::super::whole(mean.ceil())..=n {
                let ln = ln_central(n, x, p);
                prop_assert!(ln <= last + 1e-9, "{x}: {ln} after {last}");
                last = ln;
            }
        }

        #[test]
        fn counting_the_other_outcome_changes_nothing(n in 1_u64..100_000, part in 0.0_f64..=1.0, p in 0.001_f64..0.999) {
            let x = super::super::whole(part * n as f64);
            let (one, other) = (ln_central(n, x, p), ln_central(n, n - x, 1.0 - p));
            prop_assert!((one - other).abs() <= 1e-8 * one.abs().max(1.0), "{one} {other}");
        }
    }
}
