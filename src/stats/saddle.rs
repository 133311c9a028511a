//! The saddle-point pieces of Loader (2000), "Fast and accurate computation of binomial probabilities": the binomial
//! and Poisson mass without cancellation.

use statrs::function::gamma::ln_gamma;

/// ln(sqrt(2 pi)).
pub(super) const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;

/// The error for the whole numbers 0 to 15; Loader gives the same table. Infinite at 0, where it is never used.
const SMALL_ERRORS: [f64; 16] = [
    f64::INFINITY,
    0.081_061_466_795_327_26,
    0.041_340_695_955_409_3,
    0.027_677_925_684_998_34,
    0.020_790_672_103_765_093,
    0.016_644_691_189_821_193,
    0.013_876_128_823_070_748,
    0.011_896_709_945_891_77,
    0.010_411_265_261_972_096,
    0.009_255_462_182_712_733,
    0.008_330_563_433_362_87,
    0.007_573_675_487_951_841,
    0.006_942_840_107_209_53,
    0.006_408_994_188_004_207,
    0.005_951_370_112_758_847_5,
    0.005_554_733_551_962_801,
];

/// The error of Stirling's formula: `ln x! - ln(sqrt(2 pi x) (x/e)^x)`, Loader (2000), section 4.
pub(super) fn stirling_error(x: f64) -> f64 {
    if x <= 15.0 {
        if x.fract() <= 0.0 {
            return SMALL_ERRORS[usize::try_from(super::whole(x)).expect("at most 15")];
        }
        return ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - LN_SQRT_2PI;
    }
    // 1/12x - 1/360x^3 + 1/1260x^5 - 1/1680x^7 + 1/1188x^9 - 691/360360x^11
    let r = 1.0 / (x * x);
    let tail = 1.0 / 1188.0 - r * (691.0 / 360_360.0);
    let tail = 1.0 / 1680.0 - r * tail;
    let tail = 1.0 / 1260.0 - r * tail;
    let tail = 1.0 / 360.0 - r * tail;
    (1.0 / 12.0 - r * tail) / x
}

/// Half the deviance of `x` from `mean`: `x ln(x/mean) + mean - x`, Loader (2000), equation 5.
pub(super) fn deviance(x: f64, mean: f64) -> f64 {
    if x <= 0.0 {
        return mean;
    }
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let v = difference / (x + mean);
    let mut sum = difference * v;
    let mut power = 2.0 * x * v;
    let mut odd = 3.0;
    loop {
        power *= v * v;
        let next = sum + power / odd;
        if (next - sum).abs() <= 0.0 {
            return next;
        }
        sum = next;
        odd += 2.0;
    }
}

/// `ln(Γ(n+1)/(Γ(x+1) Γ(n-x+1)) p^x q^(n-x))` for real `0 <= x <= n`; with whole numbers the binomial mass.
pub(super) fn ln_binomial_mass(n: f64, x: f64, p: f64, q: f64) -> f64 {
    if p <= 0.0 {
        return if x <= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    if q <= 0.0 {
        return if x >= n { 0.0 } else { f64::NEG_INFINITY };
    }
    if x <= 0.0 {
        return n * if p < 0.5 { (-p).ln_1p() } else { q.ln() };
    }
    if x >= n {
        return n * if q < 0.5 { (-q).ln_1p() } else { p.ln() };
    }
    let rest = n - x;
    let errors = stirling_error(n) - stirling_error(x) - stirling_error(rest);
    let deviances = deviance(x, n * p) + deviance(rest, n * q);
    errors - deviances - LN_SQRT_2PI - 0.5 * (x.ln() + (rest / n).ln())
}

/// `ln(mean^x e^-mean / Γ(x+1))` for real `x >= 0`; with whole `x` the Poisson mass.
pub(super) fn ln_poisson_mass(x: f64, mean: f64) -> f64 {
    if mean <= 0.0 {
        return if x <= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    if x <= 0.0 {
        return -mean;
    }
    -stirling_error(x) - deviance(x, mean) - LN_SQRT_2PI - 0.5 * x.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_and_the_gamma_function_meet_at_fifteen() {
        let below = stirling_error(15.0);
        let above = stirling_error(15.0 + 1e-9);
        assert!((below - above).abs() < 1e-12, "{below} {above}");
    }

    #[test]
    fn small_masses_are_the_textbook_ones() {
        assert!((ln_binomial_mass(10.0, 3.0, 0.5, 0.5).exp() - 120.0 / 1024.0).abs() < 1e-15);
        assert!((ln_poisson_mass(2.0, 1.0).exp() - 0.5 * (-1.0_f64).exp()).abs() < 1e-15);
    }
}
