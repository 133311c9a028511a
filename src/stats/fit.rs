//! How far counts lie from declared shares: Pearson's X², the likelihood ratio G, effect sizes, residuals.

use super::chi_square;
use super::saddle::deviance;

/// The distance of one set of counts from one set of shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// All counts together.
    pub n: u64,
    /// Degrees of freedom: targets less one.
    pub df: usize,
    /// Pearson's X² (1900): `sum (n_i - N pi_i)^2 / (N pi_i)`.
    pub x2: f64,
    /// `ln` of the asymptotic p-value of X².
    pub ln_p: f64,
    /// The likelihood ratio `G = 2 sum n_i ln(n_i / (N pi_i))`.
    pub g: f64,
    /// `ln` of the asymptotic p-value of G.
    pub ln_p_g: f64,
    /// Cohen's effect size (1988) `w = sqrt(X²/N)`.
    pub w: f64,
    /// Total variation distance: `1/2 sum |n_i/N - pi_i|`.
    pub tvd: f64,
    /// The largest `|n_i/N - pi_i|`.
    pub max_deviation: f64,
    /// The smallest `N pi_i`.
    pub min_expected: f64,
    /// `(n_i - N pi_i) / sqrt(N pi_i (1 - pi_i))`, each about standard normal (Haberman 1973).
    pub adjusted_residuals: Vec<f64>,
}

impl Fit {
    /// The distance of `counts` from `shares`; both have one entry per target, shares are positive and sum to 1.
    #[must_use]
    pub fn new(counts: &[u64], shares: &[f64]) -> Self {
        let n: u64 = counts.iter().sum();
        let total = n as f64;
        let df = shares.len().saturating_sub(1);
        let observed: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        let x2 = pearson(&observed, shares);
        let g = likelihood_ratio(counts, shares);
        let cells = || observed.iter().zip(shares);
        let deviations = || cells().map(|(count, share)| ratio(*count, total) - share);
        let residual = |(count, share): (&f64, &f64)| {
            let variance = total * share * (1.0 - share);
            ratio(count - total * share, variance.sqrt())
        };
        let known = if n == 0 { 0.0 } else { 1.0 };
        Self {
            n,
            df,
            x2,
            ln_p: chi_square::ln_sf(x2, df as f64),
            g,
            ln_p_g: chi_square::ln_sf(g, df as f64),
            w: ratio(x2, total).sqrt(),
            tvd: known * 0.5 * deviations().map(f64::abs).sum::<f64>(),
            max_deviation: known * deviations().map(f64::abs).fold(0.0, f64::max),
            min_expected: shares.iter().fold(f64::INFINITY, |m, s| m.min(total * s)),
            adjusted_residuals: cells().map(residual).collect(),
        }
    }
}

/// Pearson's X² of real-valued counts. A share of 0 adds nothing when its count is 0, and infinity otherwise.
#[must_use]
pub fn pearson(counts: &[f64], shares: &[f64]) -> f64 {
    let total: f64 = counts.iter().sum();
    let cell = |(count, share): (&f64, &f64)| pearson_cell(*count, total * share);
    counts.iter().zip(shares).map(cell).sum()
}

/// One term of Pearson's X².
pub(super) fn pearson_cell(count: f64, expected: f64) -> f64 {
    if expected <= 0.0 {
        return if count <= 0.0 { 0.0 } else { f64::INFINITY };
    }
    (count - expected).powi(2) / expected
}

/// `G`, summed as deviances, which do not cancel: `sum n_i ln(n_i/E_i) = sum (n_i ln(n_i/E_i) + E_i - n_i)`.
fn likelihood_ratio(counts: &[u64], shares: &[f64]) -> f64 {
    let total = counts.iter().sum::<u64>() as f64;
    let cell = |(count, share): (&u64, &f64)| deviance(*count as f64, total * share);
    2.0 * counts.iter().zip(shares).map(cell).sum::<f64>()
}

/// `a / b`, and 0 where there is nothing to divide by.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_points_too_many_of_a_thousand() {
        let fit = Fit::new(&[870, 130], &[0.9, 0.1]);
        assert!((fit.x2 - 10.0).abs() < 1e-12);
        assert!((fit.w - 0.1).abs() < 1e-13);
        assert!((fit.max_deviation - 0.03).abs() < 1e-15);
        assert!((fit.adjusted_residuals[1] - 10.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn nothing_seen_is_no_distance() {
        let fit = Fit::new(&[0, 0], &[0.9, 0.1]);
        assert_eq!((fit.n, fit.df), (0, 1));
        assert!(fit.x2 <= 0.0 && fit.g <= 0.0 && fit.tvd <= 0.0 && fit.ln_p >= 0.0);
        assert!(fit.adjusted_residuals.iter().all(|z| z.abs() <= 0.0));
    }

    #[test]
    fn one_target_cannot_be_missed() {
        let fit = Fit::new(&[10], &[1.0]);
        assert_eq!(fit.df, 0);
        assert!(fit.ln_p >= 0.0 && fit.adjusted_residuals[0].abs() <= 0.0);
    }
}
