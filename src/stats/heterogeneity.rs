//! Whether several generators saw the same split, before their counts are added.

use super::{chi_square, permutation};

/// Below this expected count the chi-square is replaced by permutation.
const LEAST_EXPECTED: f64 = 5.0;
/// Below this p-value generators disagree and no pass is given.
const DISAGREE: f64 = 0.001;

/// The agreement of several sets of counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Heterogeneity {
    /// All counts together.
    pub merged: Vec<u64>,
    /// The chi-square of homogeneity (Pearson 1911).
    pub x2: f64,
    /// `(generators - 1)(targets - 1)`, counting those that saw or were seen.
    pub df: usize,
    /// `ln` of its asymptotic p-value.
    pub ln_p: f64,
    /// The p-value by permutation, where some expected count is below five.
    pub permuted: Option<f64>,
}

impl Heterogeneity {
    /// The agreement of `tables`, one row of counts per generator.
    #[must_use]
    pub fn new(tables: &[Vec<u64>], draws: u32, seed: u64) -> Self {
        let targets = tables.first().map_or(0, Vec::len);
        let merged: Vec<u64> = (0..targets)
            .map(|i| tables.iter().map(|table| table[i]).sum())
            .collect();
        let used: Vec<Vec<u64>> = tables
            .iter()
            .filter(|table| table.iter().any(|n| *n > 0))
            .cloned()
            .collect();
        let n = merged.iter().sum::<u64>() as f64;
        let (mut x2, mut least) = (0.0, f64::INFINITY);
        for table in &used {
            let size = table.iter().sum::<u64>() as f64;
            for (count, total) in table.iter().zip(&merged).filter(|(_, total)| **total > 0) {
                let expected = size * *total as f64 / n;
                x2 += (*count as f64 - expected).powi(2) / expected;
                least = least.min(expected);
            }
        }
        let occupied = merged.iter().filter(|total| **total > 0).count();
        let df = used.len().saturating_sub(1) * occupied.saturating_sub(1);
        let weights: Vec<f64> = merged
            .iter()
            .map(|total| 1.0 / (*total).max(1) as f64)
            .collect();
        let permute = df > 0 && least < LEAST_EXPECTED;
        Self {
            x2,
            df,
            ln_p: chi_square::ln_sf(x2, df as f64),
            permuted: permute.then(|| permutation::p_value(&used, &weights, draws, seed)),
            merged,
        }
    }

    /// The p-value of "all saw the same split".
    #[must_use]
    pub fn p(&self) -> f64 {
        self.permuted.unwrap_or(self.ln_p.exp())
    }

    /// Whether the generators disagree.
    #[must_use]
    pub fn disagree(&self) -> bool {
        self.p() < DISAGREE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_sees_half_and_half_disagrees() {
        let found = Heterogeneity::new(&[vec![450, 50], vec![250, 250]], 999, 1);
        assert!(found.disagree() && found.permuted.is_none());
        assert_eq!(found.merged, [700, 300]);
    }

    #[test]
    fn few_responses_are_permuted() {
        let found = Heterogeneity::new(&[vec![9, 1], vec![10, 0], vec![8, 2]], 999, 1);
        assert!(found.permuted.is_some_and(|p| p > 0.1), "{found:?}");
    }

    #[test]
    fn one_generator_agrees_with_itself() {
        for tables in [
            vec![vec![90, 10]],
            vec![vec![90, 10], vec![0, 0]],
            vec![vec![5, 0], vec![7, 0]],
            vec![],
        ] {
            let found = Heterogeneity::new(&tables, 99, 1);
            assert_eq!((found.df, found.disagree()), (0, false));
        }
    }
}
