//! Confidence intervals for all shares of a split at once. Not: the exact interval printed beside a verdict, which is
//! Clopper-Pearson at `alpha/k` (`interval`).

use super::chi_square;
use super::interval::{Interval, score, wilson};
use super::saddle::ln_poisson_mass;

/// What a report carries: Goodman for three or more targets, plain Wilson for two, whose shares are complements.
#[must_use]
pub fn recommended(counts: &[u64], alpha: f64) -> Vec<Interval> {
    let n: u64 = counts.iter().sum();
    if counts.len() <= 2 {
        return counts.iter().map(|x| wilson(*x, n, alpha)).collect();
    }
    goodman(counts, alpha)
}

/// Goodman (1965): Wilson's interval for each share at level `1 - alpha/k`.
#[must_use]
pub fn goodman(counts: &[u64], alpha: f64) -> Vec<Interval> {
    with_quantile(counts, chi_square::isf(alpha / counts.len() as f64, 1.0))
}

/// Quesenberry & Hurst (1964): as Goodman's, with the quantile of `k - 1` degrees of freedom.
#[must_use]
pub fn quesenberry_hurst(counts: &[u64], alpha: f64) -> Vec<Interval> {
    let df = counts.len().saturating_sub(1);
    with_quantile(counts, chi_square::isf(alpha, df as f64))
}

fn with_quantile(counts: &[u64], z2: f64) -> Vec<Interval> {
    let n: u64 = counts.iter().sum();
    counts.iter().map(|x| score(*x, n, z2)).collect()
}

/// Sison & Glaz (1995): one width for all. For comparison only: it covers too little when shares are unequal.
#[must_use]
pub fn sison_glaz(counts: &[u64], alpha: f64) -> Vec<Interval> {
    let n: u64 = counts.iter().sum();
    if n == 0 {
        return vec![Interval { lo: 0.0, hi: 1.0 }; counts.len()];
    }
    let wanted = 1.0 - alpha;
    let mut c = 0;
    let mut next = coverage(counts, n, 1);
    let (inside, beyond) = loop {
        c += 1;
        let inside = next;
        next = coverage(counts, n, c + 1);
        if (inside <= wanted && wanted < next) || c >= n {
            break (inside, next);
        }
    };
    let part = if beyond > inside {
        (wanted - inside) / (beyond - inside)
    } else {
        0.0
    };
    let size = n as f64;
    let interval = |x: &u64| Interval {
        lo: ((*x as f64 - c as f64) / size).max(0.0),
        hi: ((*x as f64 + c as f64 + 2.0 * part) / size).min(1.0),
    };
    counts.iter().map(interval).collect()
}

/// The probability that every count stays within `c` of what was seen: truncated Poisson variables, their sum by an
/// Edgeworth expansion (Sison & Glaz 1995, equation 2.1; Levin 1981).
fn coverage(counts: &[u64], n: u64, c: u64) -> f64 {
    let size = n as f64;
    let cells: Vec<Truncated> = counts.iter().map(|x| Truncated::new(*x, c, n)).collect();
    let inside: f64 = cells.iter().map(|cell| cell.mass.ln()).sum();
    let sum = |moment: fn(&Truncated) -> f64| cells.iter().map(moment).sum::<f64>();
    let variance = sum(|cell| cell.variance);
    if variance <= 0.0 {
        return 1.0;
    }
    let skew = sum(|cell| cell.third) / variance.powf(1.5);
    let kurtosis = sum(|cell| cell.fourth - 3.0 * cell.variance.powi(2)) / variance.powi(2);
    let z = (size - sum(|cell| cell.mean)) / variance.sqrt();
    let (h3, h4) = (z.powi(3) - 3.0 * z, z.powi(4) - 6.0 * z * z + 3.0);
    let h6 = z.powi(6) - 15.0 * z.powi(4) + 45.0 * z * z - 15.0;
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let corrected = 1.0 + skew * h3 / 6.0 + kurtosis * h4 / 24.0 + skew * skew * h6 / 72.0;
    let ln = inside + (density * corrected / variance.sqrt()).ln() - ln_poisson_mass(size, size);
    ln.exp()
}

/// A Poisson variable cut off at `x ± c`: its mass inside and its central moments.
struct Truncated {
    mass: f64,
    mean: f64,
    variance: f64,
    third: f64,
    fourth: f64,
}

impl Truncated {
    fn new(x: u64, c: u64, n: u64) -> Self {
        let (low, high) = (x.saturating_sub(c), (x + c).min(n));
        let at = x as f64;
        let masses: Vec<(f64, f64)> = (low..=high)
            .map(|i| (i as f64, ln_poisson_mass(i as f64, at).exp()))
            .collect();
        let mass: f64 = masses.iter().map(|(_, mass)| mass).sum();
        let mean = masses.iter().map(|(i, mass)| i * mass).sum::<f64>() / mass;
        let central = |power: i32| {
            let terms = masses.iter().map(|(i, mass)| (i - mean).powi(power) * mass);
            terms.sum::<f64>() / mass
        };
        Self {
            mass,
            mean,
            variance: central(2),
            third: central(3),
            fourth: central(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_targets_need_no_correction() {
        let both = recommended(&[900, 100], 0.05);
        assert_eq!(both[1], wilson(100, 1000, 0.05));
        assert!((both[0].lo - (1.0 - both[1].hi)).abs() < 1e-14);
        assert!(goodman(&[900, 100], 0.05)[1].hi > both[1].hi);
    }

    #[test]
    fn all_methods_hold_the_observed_shares() {
        let counts = [812, 97, 91];
        for method in [goodman, quesenberry_hurst, sison_glaz, recommended] {
            for (interval, count) in method(&counts, 0.05).iter().zip(counts) {
                assert!(interval.contains(count as f64 / 1000.0));
            }
        }
    }

    #[test]
    fn an_empty_split_says_nothing() {
        assert_eq!(
            sison_glaz(&[0, 0], 0.05),
            [Interval { lo: 0.0, hi: 1.0 }; 2]
        );
    }
}
