//! A permutation test of whether rows of counts share one distribution, margins fixed.

use super::sampler::Sampler;

/// Tables closer to the observed one than this, relatively, are ties.
const SLACK: f64 = 1e-9;

/// The p-value `(b+1)/(R+1)` (Phipson & Smyth 2010) of `S = sum_j sum_i w_i n_ji^2 / n_j` over `draws` shuffles of the
/// labels. `w = 1` measures agreement within rows; `w_i = 1/n_i` orders tables as the chi-square of homogeneity does.
#[must_use]
pub fn p_value(rows: &[Vec<u64>], weights: &[f64], draws: u32, seed: u64) -> f64 {
    let mut table = Table::new(rows, weights);
    let threshold = table.statistic() * (1.0 - SLACK);
    let mut sampler = Sampler::new(seed);
    let mut extreme = 0_u32;
    for _ in 0..draws {
        table.shuffle(&mut sampler);
        if table.statistic() >= threshold {
            extreme += 1;
        }
    }
    (f64::from(extreme) + 1.0) / (f64::from(draws) + 1.0)
}

/// [`p_value`] if it lies below `level`, else `None`: the same answer from the same draws, but known as soon as enough of
/// them are extreme, which takes a handful where nothing is wrong.
#[must_use]
pub fn p_value_below(
    rows: &[Vec<u64>],
    weights: &[f64],
    draws: u32,
    seed: u64,
    level: f64,
) -> Option<f64> {
    let mut table = Table::new(rows, weights);
    let threshold = table.statistic() * (1.0 - SLACK);
    let mut sampler = Sampler::new(seed);
    let p = |extreme: u32| (f64::from(extreme) + 1.0) / (f64::from(draws) + 1.0);
    let mut extreme = 0_u32;
    for _ in 0..draws {
        if p(extreme) >= level {
            return None;
        }
        table.shuffle(&mut sampler);
        if table.statistic() >= threshold {
            extreme += 1;
        }
    }
    Some(p(extreme)).filter(|p| *p < level)
}

struct Table<'a> {
    weights: &'a [f64],
    targets: usize,
    // Row by row, a count per target.
    cells: Vec<u32>,
    sizes: Vec<u32>,
    // The row of every place a label can take.
    places: Vec<u32>,
    // The most frequent target; its labels need no placing, they fill what the others leave.
    common: usize,
    // The other labels, each as often as it occurs.
    labels: Vec<usize>,
}

impl<'a> Table<'a> {
    fn new(rows: &[Vec<u64>], weights: &'a [f64]) -> Self {
        let narrow =
            |count: u64| u32::try_from(count).expect("a table in memory is smaller than 2^32");
        let sizes: Vec<u32> = rows.iter().map(|row| narrow(row.iter().sum())).collect();
        let totals: Vec<u64> = (0..weights.len())
            .map(|i| rows.iter().map(|row| row[i]).sum())
            .collect();
        let common = (0..totals.len()).max_by_key(|i| totals[*i]).unwrap_or(0);
        let numbered = sizes.iter().zip(0_u32..);
        let places = numbered.flat_map(|(size, row)| (0..*size).map(move |_| row));
        let others = totals.iter().enumerate().filter(|(i, _)| *i != common);
        let labels = others.flat_map(|(i, total)| (0..*total).map(move |_| i));
        Self {
            weights,
            targets: weights.len(),
            cells: rows.iter().flatten().map(|count| narrow(*count)).collect(),
            places: places.collect(),
            labels: labels.collect(),
            sizes,
            common,
        }
    }

    fn statistic(&self) -> f64 {
        let rows = self
            .cells
            .chunks_exact(self.targets.max(1))
            .zip(&self.sizes);
        let row = |(cells, size): (&[u32], &u32)| {
            if *size == 0 {
                return 0.0;
            }
            let squares = cells
                .iter()
                .zip(self.weights)
                .map(|(n, w)| w * f64::from(*n) * f64::from(*n));
            squares.sum::<f64>() / f64::from(*size)
        };
        rows.map(row).sum()
    }

    /// Draws places for the rarer labels without replacement (Fisher-Yates, as far as needed).
    fn shuffle(&mut self, sampler: &mut Sampler) {
        for (row, size) in self
            .cells
            .chunks_exact_mut(self.targets.max(1))
            .zip(&self.sizes)
        {
            row.fill(0);
            row[self.common] = *size;
        }
        for (i, label) in self.labels.iter().enumerate() {
            let other = i + sampler.below(self.places.len() - i);
            self.places.swap(i, other);
            let start = self.places[i] as usize * self.targets;
            self.cells[start + label] += 1;
            self.cells[start + self.common] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::binomial;

    #[test]
    fn two_rows_agree_with_the_hypergeometric_tail() {
        // Labels 4 + 4 in rows of 4: S is most extreme at 4:0 and 0:4, 2 of C(8,4) = 70 tables.
        let rows = vec![vec![4, 0], vec![0, 4]];
        let p = p_value(&rows, &[1.0, 1.0], 70_000, 3);
        assert!((p - 2.0 / 70.0).abs() < 0.003, "{p}");
        assert!((p - p_value(&rows, &[1.0, 1.0], 70_000, 3)).abs() <= 0.0);
    }

    #[test]
    fn equal_rows_are_the_least_extreme() {
        assert!(p_value(&vec![vec![9, 1]; 5], &[1.0, 1.0], 99, 1) >= 1.0);
    }

    #[test]
    fn a_p_value_below_a_level_is_the_same_p_value() {
        let mut sampler = Sampler::new(5);
        for seed in 0..60 {
            let sticky = seed % 2 == 0;
            let rows: Vec<Vec<u64>> = (0..30)
                .map(|_| {
                    let (x, y) = (sampler.below(2), sampler.below(2));
                    let y = if sticky && sampler.below(2) == 0 {
                        x
                    } else {
                        y
                    };
                    let hits = (x + y) as u64;
                    vec![2 - hits, hits]
                })
                .collect();
            let whole = p_value(&rows, &[1.0, 1.0], 499, seed);
            for level in [0.001, 0.01, 0.1, 1.0] {
                let below = p_value_below(&rows, &[1.0, 1.0], 499, seed, level);
                assert_eq!(below, Some(whole).filter(|p| *p < level), "{whole} {level}");
            }
        }
    }

    #[test]
    fn p_values_under_homogeneity_are_not_too_small() {
        let mut sampler = Sampler::new(2);
        let rejected = (0..200_u64).filter(|i| {
            let row = |sampler: &mut Sampler| {
                let x = sampler.binomial(10, 0.3);
                vec![10 - x, x]
            };
            let rows: Vec<Vec<u64>> = (0..20).map(|_| row(&mut sampler)).collect();
            p_value(&rows, &[1.0, 1.0], 99, *i) <= 0.05
        });
        let rejected = rejected.count() as u64;
        assert!(
            binomial::ln_ge(200, rejected, 0.05) > 1e-4_f64.ln(),
            "{rejected}"
        );
    }
}
