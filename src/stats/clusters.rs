//! The test of a declared split where responses of one connection resemble each other.

use statrs::function::beta::beta_reg;

use super::dependence::{Row, icc, rao_scott};
use super::serial::students_excess;
use super::{fit, tolerance};

/// A test over clusters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClusterTest {
    /// Pearson's X² against the nearest accepted split, after the kindest completion.
    pub x2: f64,
    /// By how much the clusters inflate it; at least 1.
    pub design_effect: f64,
    /// `ln` of the p-value.
    pub ln_p: f64,
}

/// What is accepted: the declared shares, and the lowest and highest share of each target.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    /// The declared shares.
    pub shares: &'a [f64],
    /// The lowest accepted ones.
    pub lo: &'a [f64],
    /// The highest accepted ones.
    pub hi: &'a [f64],
}

/// Tests `accepted` by counts over clusters, of which `rows` are a part, with `unattributed` responses added in the way that
/// is kindest to the declaration.
///
/// X² is divided by a design effect (Rao & Scott 1981) and referred to `F(k-1, m-1)` with `m` clusters (Thomas & Rao 1987,
/// "Small-sample comparisons of level and power for simple goodness-of-fit statistics under cluster sampling"). The design
/// effect is the larger of the variance between clusters around the declared shares and `1 + (n0 - 1) ICC`: the first of
/// them shrinks where a rare target happens to get little, which called ten times as many correct splits wrong as promised;
/// the correlation does not.
#[must_use]
pub fn test(
    counts: &[u64],
    rows: &[Row],
    accepted: Accepted<'_>,
    unattributed: u64,
) -> ClusterTest {
    let Accepted { shares, lo, hi } = accepted;
    let completed = tolerance::completed_within(counts, shares, lo, hi, unattributed);
    let completed: Vec<f64> = completed.iter().map(|count| *count as f64).collect();
    let nearest = tolerance::nearest(&completed, lo, hi);
    let x2 = fit::pearson(&completed, &nearest);
    let between = rao_scott(rows, shares).design_effect;
    let design_effect = between.max(by_correlation(rows)).max(1.0);
    let clusters = rows.iter().filter(|row| row.iter().any(|n| *n > 0));
    let free = (shares.len().saturating_sub(1)) as f64;
    ClusterTest {
        x2,
        design_effect,
        ln_p: ln_f_tail(
            x2 / design_effect / free,
            free,
            clusters.count() as f64 - 1.0,
        ),
    }
}

/// By how much clusters widen the interval of a share: the largest over the targets, each against the rest, of the variance
/// between clusters around the observed share and of `1 + (n0 - 1) ICC`, made up for the few degrees of freedom of a variance
/// between `m` clusters by the quantile of Student's t at this level.
#[must_use]
pub fn design_effect_of_shares(rows: &[Row], alpha: f64) -> f64 {
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.iter().any(|n| *n > 0))
        .collect();
    let Some(targets) = rows.first().map(|row| row.len()).filter(|_| rows.len() > 1) else {
        return 1.0;
    };
    let all: u64 = rows.iter().flat_map(|row| row.iter()).sum();
    let effects = (0..targets).map(|target| {
        let sides = |row: &&Row| {
            let own = row[target];
            vec![own, row.iter().sum::<u64>() - own]
        };
        let pairs: Vec<Row> = rows.iter().map(sides).collect();
        let own: u64 = pairs.iter().map(|pair| pair[0]).sum();
        if own == 0 || own == all {
            return 1.0;
        }
        let share = own as f64 / all as f64;
        let between = rao_scott(&pairs, &[share, 1.0 - share]).design_effect_observed;
        between.max(by_correlation(&pairs))
    });
    let largest = effects.fold(1.0, f64::max);
    if largest <= 1.0 {
        return 1.0;
    }
    // All of them are worth one at least.
    (largest * students_excess(rows.len() as f64 - 1.0, alpha / 2.0)).min(all as f64)
}

/// `1 + (n0 - 1) ICC` with the size-weighted mean of the cluster sizes (Kish 1965, section 5.4).
fn by_correlation(rows: &[Row]) -> f64 {
    let sizes = || rows.iter().map(|row| row.iter().sum::<u64>() as f64);
    let n: f64 = sizes().sum();
    let squares: f64 = sizes().map(|size| size * size).sum();
    if n <= 0.0 {
        return 1.0;
    }
    1.0 + (squares / n - 1.0) * icc(rows).max(0.0)
}

/// `ln P(F > x)` of the F distribution, by the incomplete beta function.
fn ln_f_tail(x: f64, numerator: f64, denominator: f64) -> f64 {
    if x <= 0.0 || numerator <= 0.0 || denominator <= 0.0 {
        return 0.0;
    }
    let at = denominator / (denominator + numerator * x);
    let tail = beta_reg(denominator / 2.0, numerator / 2.0, at);
    tail.clamp(f64::MIN_POSITIVE, 1.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;

    const TENTH: Accepted<'_> = Accepted {
        shares: &[0.9, 0.1],
        lo: &[0.9, 0.1],
        hi: &[0.9, 0.1],
    };

    fn sums(rows: &[Row]) -> Vec<u64> {
        (0..2)
            .map(|i| rows.iter().map(|row| row[i]).sum())
            .collect()
    }

    /// Connections whose responses repeat the one before, but for every fiftieth.
    fn sticky(connections: usize, canary: f64, seed: u64) -> Vec<Row> {
        let mut sampler = Sampler::new(seed);
        let connection = |_| {
            let mut row = vec![0_u64; 2];
            let mut last = usize::from(sampler.uniform() < canary);
            for _ in 0..34 {
                row[last] += 1;
                if sampler.uniform() < 0.02 {
                    last = usize::from(sampler.uniform() < canary);
                }
            }
            row
        };
        (0..connections).map(connection).collect()
    }

    #[test]
    fn the_tail_of_f_is_that_of_tables() {
        // F(1, 10) = 4.965 and F(2, 99) = 3.088 at 5 % (Fisher & Yates).
        for (x, numerator, denominator) in [(4.9646, 1.0, 10.0), (3.0882, 2.0, 99.0)] {
            let p = ln_f_tail(x, numerator, denominator).exp();
            assert!((p - 0.05).abs() < 1e-5, "{p}");
        }
        assert!(ln_f_tail(1e9, 1.0, 9999.0).is_finite());
    }

    #[test]
    fn connections_that_stick_are_worth_one_response_each_and_draws_all_of_theirs() {
        let mut rows = vec![vec![35, 0]; 90];
        rows.extend(vec![vec![0, 35]; 10]);
        let sticky = design_effect_of_shares(&rows, 0.001);
        assert!((35.0..45.0).contains(&sticky), "{sticky}");
        assert!(design_effect_of_shares(&vec![vec![9, 1]; 100], 0.001) <= 1.0);
        assert!(design_effect_of_shares(&[], 0.001) <= 1.0);
        // However sure it has to be, a number.
        let two = [vec![20, 1], vec![1, 20]];
        assert!(design_effect_of_shares(&two, 1e-300) <= 42.0);
    }

    #[test]
    fn what_is_lost_can_be_the_canarys() {
        let rows = vec![vec![32, 2]; 100];
        let lost = test(&sums(&rows), &rows, TENTH, 0);
        let completed = test(&sums(&rows), &rows, TENTH, 156);
        assert!(lost.ln_p < 0.001_f64.ln(), "{lost:?}");
        assert!(completed.ln_p > 0.5_f64.ln(), "{completed:?}");
    }

    #[test]
    fn what_is_tolerated_is_no_divergence() {
        let rows = vec![vec![30, 4]; 100];
        let accepted = Accepted {
            lo: &[0.87, 0.07],
            hi: &[0.93, 0.13],
            ..TENTH
        };
        assert!(test(&sums(&rows), &rows, accepted, 0).ln_p > -1e-9);
        assert!(test(&sums(&rows), &rows, TENTH, 0).ln_p < -5.0);
    }

    #[test]
    fn connections_that_stick_for_a_while_do_not_diverge_and_another_split_does() {
        let p = |canary, seed| {
            let rows = sticky(100, canary, seed);
            test(&sums(&rows), &rows, TENTH, 0).ln_p
        };
        let below = (0..400).filter(|seed| p(0.1, *seed) < 0.001_f64.ln());
        assert!(below.count() <= 4);
        let found = (0..50).filter(|seed| p(0.4, *seed) < 0.001_f64.ln());
        assert!(found.count() >= 45);
    }
}
