//! Two error rates compared: Fisher's exact test, intervals for their difference.

use super::interval::{Interval, wilson};
use super::saddle::ln_binomial_mass;

/// Errors among responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errors {
    /// How many failed.
    pub errors: u64,
    /// Of how many.
    pub n: u64,
}

/// Fisher's exact test (1935) of two rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fisher {
    /// The p-value of "the second rate is not higher".
    pub second_greater: f64,
    /// The same with half the probability of what was seen: closer to its level, and what is used.
    pub mid_p: f64,
    /// The two-sided p-value, ordered by probability.
    pub two_sided: f64,
}

impl Errors {
    fn rate(self) -> f64 {
        if self.n > 0 {
            self.errors as f64 / self.n as f64
        } else {
            0.0
        }
    }
}

/// Fisher's exact test of `first` against `second`.
#[must_use]
pub fn fisher(first: Errors, second: Errors) -> Fisher {
    let (errors, n) = (first.errors + second.errors, first.n + second.n);
    let mass = |x: u64| hypergeometric(x, second.n, errors, n).exp();
    let (least, most) = (errors.saturating_sub(first.n), errors.min(second.n));
    let seen = mass(second.errors);
    let above: f64 = (second.errors + 1..=most).map(mass).sum();
    let rarer = (least..=most)
        .map(mass)
        .filter(|mass| *mass <= seen * (1.0 + 1e-9));
    Fisher {
        second_greater: (above + seen).min(1.0),
        mid_p: above + 0.5 * seen,
        two_sided: rarer.sum::<f64>().min(1.0),
    }
}

/// `ln P(X = x)`: `x` errors among `drawn` of `n` responses with `errors` errors in all, as a ratio of binomial masses
/// (Loader 2000, section 6).
fn hypergeometric(x: u64, drawn: u64, errors: u64, n: u64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let p = drawn as f64 / n as f64;
    let q = (n - drawn) as f64 / n as f64;
    let good = (n - errors) as f64;
    ln_binomial_mass(errors as f64, x as f64, p, q)
        + ln_binomial_mass(good, (drawn - x) as f64, p, q)
        - ln_binomial_mass(n as f64, drawn as f64, p, q)
}

/// The interval of `second - first` by Newcombe (1998, method 10): Wilson's bounds of both, recovered.
#[must_use]
pub fn newcombe(first: Errors, second: Errors, alpha: f64) -> Interval {
    let (one, two) = (first.rate(), second.rate());
    let (a, b) = (
        wilson(first.errors, first.n, alpha),
        wilson(second.errors, second.n, alpha),
    );
    Interval {
        lo: two - one - f64::hypot(two - b.lo, a.hi - one),
        hi: two - one + f64::hypot(b.hi - two, one - a.lo),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(errors: u64, n: u64) -> Errors {
        Errors { errors, n }
    }

    #[test]
    fn the_lady_tasting_tea() {
        // Fisher's own table: 3 of 4 right, p = 17/70.
        let test = fisher(of(1, 4), of(3, 4));
        assert!((test.second_greater - 17.0 / 70.0).abs() < 1e-13);
        assert!((test.mid_p - (1.0 + 8.0) / 70.0).abs() < 1e-13);
    }

    #[test]
    fn the_examples_of_newcombe() {
        // 56/70 against 48/80 (Newcombe 1998, table II): method 10.
        let (first, second) = (of(48, 80), of(56, 70));
        let close = |interval: Interval, lo: f64, hi: f64| {
            assert!(
                (interval.lo - lo).abs() < 5e-5 && (interval.hi - hi).abs() < 5e-5,
                "{interval:?}"
            );
        };
        close(newcombe(first, second, 0.05), 0.0524, 0.3339);
    }

    #[test]
    fn mirrored_rates_have_mirrored_intervals() {
        let interval = newcombe(of(5, 10), of(5, 10), 0.05);
        assert!((interval.lo + interval.hi).abs() < 1e-12, "{interval:?}");
    }

    #[test]
    fn nothing_answered_says_nothing() {
        let test = fisher(of(0, 0), of(0, 0));
        assert!(test.second_greater >= 1.0 && test.two_sided >= 1.0);
        let interval = newcombe(of(0, 0), of(3, 10), 0.05);
        assert!(interval.lo < 0.0 && interval.hi > 0.0);
    }
}
