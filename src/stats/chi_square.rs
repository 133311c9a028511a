//! The chi-square distribution, central and noncentral, and through it the normal one: tails as logarithms, quantiles
//! by bisection.

use super::saddle::ln_poisson_mass;
use super::{bisect, ln_complement};

/// `ln P(X > x)` for `X ~ chi-square(df)`; 0 for `df = 0`, where there is nothing to test.
#[must_use]
pub fn ln_sf(x: f64, df: f64) -> f64 {
    if x <= 0.0 || df <= 0.0 {
        return 0.0;
    }
    ln_gamma_q(df / 2.0, x / 2.0)
}

/// The `x` with `P(X > x) = p`.
#[must_use]
pub fn isf(p: f64, df: f64) -> f64 {
    if p >= 1.0 || df <= 0.0 {
        return 0.0;
    }
    let wanted = p.ln();
    let mut high = df.max(1.0);
    while ln_sf(high, df) > wanted && high < f64::MAX / 4.0 {
        high *= 2.0;
    }
    bisect(0.0, high, |x| ln_sf(x, df) < wanted)
}

/// The `z` with `P(Z > z) = p` for a standard normal `Z`; negative for `p > 1/2`.
#[must_use]
pub fn normal_isf(p: f64) -> f64 {
    if p > 0.5 {
        -isf(2.0 * (1.0 - p), 1.0).sqrt()
    } else {
        isf(2.0 * p, 1.0).sqrt()
    }
}

/// `P(Z > z)` for a standard normal `Z`.
#[must_use]
pub fn normal_sf(z: f64) -> f64 {
    let half = 0.5 * ln_sf(z * z, 1.0).exp();
    if z < 0.0 { 1.0 - half } else { half }
}

/// `P(X > x)` for the noncentral chi-square: a Poisson mixture of central tails, summed from its centre both ways
/// (Benton & Krishnamoorthy 2003).
#[must_use]
pub fn noncentral_sf(x: f64, df: f64, lambda: f64) -> f64 {
    mixture(lambda, |j| ln_sf(x, df + 2.0 * j))
}

/// The noncentrality at which a chi-square test of level `alpha` has this power.
#[must_use]
pub fn noncentrality(df: f64, alpha: f64, power: f64) -> f64 {
    let critical = isf(alpha, df);
    let mut high = 1.0;
    while noncentral_sf(critical, df, high) < power {
        high *= 2.0;
    }
    bisect(0.0, high, |lambda| {
        noncentral_sf(critical, df, lambda) > power
    })
}

/// `sum_j Poisson(j; lambda/2) exp(ln_tail(j))`. Terms are log-concave in `j`, so each direction may stop when they fall.
fn mixture(lambda: f64, ln_tail: impl Fn(f64) -> f64) -> f64 {
    let mean = lambda / 2.0;
    let term = |j: f64| (ln_poisson_mass(j, mean) + ln_tail(j)).exp();
    let centre = mean.floor();
    let mut sum = term(centre);
    for step in [1.0, -1.0] {
        let mut j = centre;
        let mut last = 0.0;
        loop {
            j += step;
            if j < 0.0 {
                break;
            }
            let next = term(j);
            sum += next;
            let falling = next < last || (next <= 0.0 && step > 0.0);
            if falling && next <= sum * 1e-18 {
                break;
            }
            last = next;
        }
    }
    sum.min(1.0)
}

/// `ln Q(a, x)`, the regularised upper incomplete gamma function.
fn ln_gamma_q(a: f64, x: f64) -> f64 {
    if x < a + 1.0 {
        return ln_complement(ln_lower_series(a, x));
    }
    ln_upper_fraction(a, x)
}

/// `P(a, x) = x^a e^-x / Γ(a+1) (1 + x/(a+1) + x^2/((a+1)(a+2)) + ..)` (Abramowitz & Stegun 6.5.29).
fn ln_lower_series(a: f64, x: f64) -> f64 {
    let (mut sum, mut term, mut at) = (1.0, 1.0, a);
    while term > sum * 1e-17 {
        at += 1.0;
        term *= x / at;
        sum += term;
    }
    (ln_poisson_mass(a, x) + f64::ln(sum)).min(0.0)
}

/// `Q(a, x)` by the continued fraction of Legendre, evaluated as Lentz (1976) does (A&S 6.5.31, even form).
#[expect(clippy::many_single_char_names, reason = "the letters of the paper")]
fn ln_upper_fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut fraction = d;
    let mut i = 1.0;
    loop {
        let an = -i * (i - a);
        b += 2.0;
        d = an.mul_add(d, b);
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() < 4e-16 || i > 1e7 {
            break;
        }
        i += 1.0;
    }
    // x^a e^-x / Γ(a) = a times the mass at a
    (ln_poisson_mass(a, x) + a.ln() + fraction.ln()).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_degrees_of_freedom_are_an_exponential() {
        for x in [1e-9, 0.3, 1.0, 2.9, 3.1, 40.0, 3000.0] {
            assert!((ln_sf(x, 2.0) + x / 2.0).abs() <= 1e-13 * x.max(1.0), "{x}");
        }
    }

    #[test]
    fn quantiles_invert_tails() {
        for df in [1.0, 2.0, 7.0, 99.0] {
            for p in [0.9, 0.05, 1e-3, 1e-12, 1e-200] {
                let back = ln_sf(isf(p, df), df).exp();
                assert!((back / p - 1.0).abs() < 1e-10, "{df} {p} {back}");
            }
        }
    }

    #[test]
    fn the_normal_quantiles_are_the_known_ones() {
        assert!((normal_isf(0.025) - 1.959_963_984_540_054).abs() < 1e-12);
        assert!((normal_isf(0.975) + 1.959_963_984_540_054).abs() < 1e-12);
        assert!((normal_sf(1.959_963_984_540_054) - 0.025).abs() < 1e-14);
    }

    #[test]
    fn without_noncentrality_it_is_the_central_one() {
        assert!((noncentral_sf(3.0, 2.0, 0.0) - (-1.5_f64).exp()).abs() < 1e-14);
    }
}
