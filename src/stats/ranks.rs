//! Whether one sample tends to be larger than another, from histograms: Brunner & Munzel, Mann & Whitney. Not: by how
//! much (`quantile`).
//!
//! A sample is a list of `(value, count)` with rising values.

use super::{beta, chi_square};

/// Two samples compared by ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankTest {
    /// `P(A < B) + P(A = B)/2`: 1/2 when neither tends to be larger.
    pub b_greater: f64,
    /// The statistic, positive when B tends to be larger; infinite when the samples do not overlap, `None` when all
    /// values are equal.
    pub statistic: Option<f64>,
    /// The two-sided p-value; `None` where the variance vanishes.
    pub p: Option<f64>,
}

/// The test of Brunner & Munzel (2000) with Student's t: unlike Mann & Whitney's it holds its level when the samples
/// have equal medians but different spreads.
#[must_use]
pub fn brunner_munzel(a: &[(u64, u64)], b: &[(u64, u64)]) -> RankTest {
    let (of_a, of_b) = (Placements::new(a, b), Placements::new(b, a));
    let b_greater = if of_a.n * of_b.n > 0.0 {
        of_b.mean / of_a.n
    } else {
        0.5
    };
    let (va, vb) = (of_a.n * of_a.variance, of_b.n * of_b.variance);
    let none = RankTest {
        b_greater,
        statistic: None,
        p: None,
    };
    if of_a.n < 2.0 || of_b.n < 2.0 {
        return none;
    }
    // The difference of the mean midranks, which are (n+1)/2 within a sample plus the placement in the other.
    let ranks = 0.5 * (of_b.n - of_a.n) + of_b.mean - of_a.mean;
    if va + vb <= 0.0 {
        let separated = (b_greater - 0.5).abs() > 0.25;
        let infinite = f64::INFINITY.copysign(b_greater - 0.5);
        return RankTest {
            statistic: separated.then_some(infinite),
            ..none
        };
    }
    let statistic = of_a.n * of_b.n * ranks / ((of_a.n + of_b.n) * (va + vb).sqrt());
    let df = (va + vb).powi(2) / (va.powi(2) / (of_a.n - 1.0) + vb.powi(2) / (of_b.n - 1.0));
    RankTest {
        b_greater,
        statistic: Some(statistic),
        p: Some(beta::ln_student_two_sided(statistic, df).exp()),
    }
}

/// The test of Mann & Whitney (1947), normal approximation corrected for ties. For comparison only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// Pairs in which A is larger, ties half.
    pub u_a: f64,
    /// The two-sided p-value with continuity correction.
    pub p: f64,
    /// The one without; `None` where all values are equal.
    pub p_uncorrected: Option<f64>,
}

/// Mann & Whitney's U of two samples.
#[must_use]
pub fn mann_whitney(a: &[(u64, u64)], b: &[(u64, u64)]) -> MannWhitney {
    let (of_a, of_b) = (Placements::new(a, b), Placements::new(b, a));
    let (n, pairs) = (of_a.n + of_b.n, of_a.n * of_b.n);
    let u_a = of_a.n * of_a.mean;
    let ties: f64 = pooled(a, b).iter().map(|count| count.powi(3) - count).sum();
    let variance = pairs / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    let off = (u_a - pairs / 2.0).abs();
    let p = |distance: f64| {
        if distance <= 0.0 {
            return 1.0;
        }
        chi_square::ln_sf(distance * distance / variance, 1.0).exp()
    };
    MannWhitney {
        u_a,
        p: if variance > 0.0 { p(off - 0.5) } else { 1.0 },
        p_uncorrected: (variance > 0.0).then(|| p(off)),
    }
}

/// For each value of a sample, how many of the other lie below, ties half: its mean and variance.
struct Placements {
    n: f64,
    mean: f64,
    variance: f64,
}

impl Placements {
    fn new(sample: &[(u64, u64)], other: &[(u64, u64)]) -> Self {
        let n: f64 = sample.iter().map(|(_, count)| *count as f64).sum();
        let mut rest = other.iter().peekable();
        let mut below = 0.0;
        let mut placed = Vec::with_capacity(sample.len());
        for (value, count) in sample {
            while let Some((_, passed)) = rest.next_if(|(next, _)| next < value) {
                below += *passed as f64;
            }
            let tied = rest
                .peek()
                .filter(|(next, _)| next == value)
                .map_or(0, |(_, tied)| *tied);
            placed.push((below + 0.5 * tied as f64, *count as f64));
        }
        let mean = placed
            .iter()
            .map(|(place, count)| place * count)
            .sum::<f64>()
            / n.max(1.0);
        let squares: f64 = placed
            .iter()
            .map(|(place, count)| count * (place - mean).powi(2))
            .sum();
        Self {
            n,
            mean,
            variance: if n > 1.0 { squares / (n - 1.0) } else { 0.0 },
        }
    }
}

/// How often each value occurs in both samples together.
fn pooled(a: &[(u64, u64)], b: &[(u64, u64)]) -> Vec<f64> {
    let mut all: Vec<(u64, u64)> = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    let same = all.chunk_by(|one, next| one.0 == next.0);
    same.map(|run| run.iter().map(|(_, count)| *count as f64).sum())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_do_not_overlap_are_infinitely_far_apart() {
        let test = brunner_munzel(&[(1, 1), (2, 2)], &[(3, 3)]);
        assert_eq!((test.statistic, test.p), (Some(f64::INFINITY), None));
        assert!((test.b_greater - 1.0).abs() < 1e-15);
        let turned = brunner_munzel(&[(3, 3)], &[(1, 1), (2, 2)]);
        assert_eq!(turned.statistic, Some(f64::NEG_INFINITY));
    }

    #[test]
    fn equal_values_say_nothing() {
        let test = brunner_munzel(&[(1, 5)], &[(1, 7)]);
        assert_eq!((test.statistic, test.p), (None, None));
        assert!((test.b_greater - 0.5).abs() < 1e-15);
        assert_eq!(mann_whitney(&[(1, 5)], &[(1, 7)]).p_uncorrected, None);
        assert_eq!(brunner_munzel(&[], &[(1, 7)]).p, None);
    }

    #[test]
    fn a_shifted_sample_is_larger() {
        let a: Vec<(u64, u64)> = (100..200).map(|value| (value, 10)).collect();
        let b: Vec<(u64, u64)> = (120..220).map(|value| (value, 1)).collect();
        let test = brunner_munzel(&a, &b);
        assert!(
            test.b_greater > 0.6 && test.p.is_some_and(|p| p < 1e-4),
            "{test:?}"
        );
    }
}
