//! The regularised incomplete beta function and through it Student's t. Not: binomial tails, which are summed
//! (`binomial`).

use super::ln_complement;
use super::saddle::ln_binomial_mass;

/// `ln I_x(a, b)` for positive `a`, `b`.
#[must_use]
pub fn ln_beta_reg(a: f64, b: f64, x: f64) -> f64 {
    ln_with_complement(a, b, x, 1.0 - x)
}

/// `ln P(|T| > t)` for Student's t with `df` degrees of freedom: `I_{df/(df+t²)}(df/2, 1/2)`.
#[must_use]
pub fn ln_student_two_sided(t: f64, df: f64) -> f64 {
    let square = t * t;
    ln_with_complement(df / 2.0, 0.5, df / (df + square), square / (df + square))
}

/// As [`ln_beta_reg`], with `y = 1 - x` given, since one of them may be tiny.
fn ln_with_complement(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if y <= 0.0 {
        return 0.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return ln_complement(ln_fraction(b, a, y, x));
    }
    ln_fraction(a, b, x, y)
}

/// The continued fraction of DLMF 8.17.22 by Lentz's method. Its factor `x^a y^b / (a B(a, b))` is the saddle-point mass
/// at `a` of `a + b`, times `b/(a+b)`. statrs stops after 140 terms, which is too few from 1e5 on.
#[expect(clippy::many_single_char_names, reason = "the letters of the formula")]
fn ln_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut numerator = 1.0;
    let mut denominator = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = denominator;
    let mut m = 1.0;
    loop {
        let at = a + 2.0 * m;
        let even = m * (b - m) * x / ((at - 1.0) * at);
        denominator = 1.0 / away(1.0 + even * denominator);
        numerator = away(1.0 + even / numerator);
        fraction *= denominator * numerator;
        let odd = -(a + m) * (a + b + m) * x / (at * (at + 1.0));
        denominator = 1.0 / away(1.0 + odd * denominator);
        numerator = away(1.0 + odd / numerator);
        let step = denominator * numerator;
        fraction *= step;
        if (step - 1.0).abs() < 4e-16 || m > 1e6 {
            break;
        }
        m += 1.0;
    }
    (ln_binomial_mass(a + b, a, x, y) + (b / (a + b)).ln() + fraction.ln()).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::binomial;

    #[test]
    fn it_is_the_tail_of_the_binomial() {
        for (n, x, p) in [
            (10, 3, 0.2),
            (1000, 500, 0.5),
            (1_000_000, 100_001, 0.1),
            (100, 100, 0.9),
        ] {
            let beta = ln_beta_reg(x as f64, (n - x + 1) as f64, p);
            let tail = binomial::ln_ge(n, x, p);
            assert!(
                (beta - tail).abs() < 1e-9 * tail.abs().max(1.0),
                "{n} {x}: {beta} {tail}"
            );
        }
    }

    #[test]
    fn two_degrees_of_freedom_have_a_closed_form() {
        for t in [0.0, 0.1, 1.0, 4.0, 1e3, 1e60] {
            // 1 - t/sqrt(2+t²) = 2/(2+t²)/(1 + t/sqrt(2+t²))
            let root = t / f64::hypot(2.0_f64.sqrt(), t);
            let wanted = if t > 1e50 {
                -2.0 * t.ln()
            } else {
                (2.0 / (2.0 + t * t) / (1.0 + root)).ln()
            };
            assert!(
                (ln_student_two_sided(t, 2.0) - wanted).abs() < 1e-12 * wanted.abs().max(1.0),
                "{t}"
            );
        }
    }
}
