//! The omnibus p-value of several targets without an approximation: by visiting every outcome, or by drawing some.

use super::fit::pearson_cell;
use super::saddle::{deviance, stirling_error};
use super::sampler::Sampler;

/// What makes one outcome more extreme than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A larger X²: what resplit reports.
    Pearson,
    /// A larger G.
    LikelihoodRatio,
    /// A smaller probability.
    Probability,
}

/// Outcomes closer to the observed one than this, relatively, are ties.
const SLACK: f64 = 1e-9;

/// How many outcomes `n` responses over `targets` targets have: `C(n + k - 1, k - 1)`, infinite when that is too large
/// for a double.
#[must_use]
pub fn outcomes(n: u64, targets: usize) -> f64 {
    let extra = targets.saturating_sub(1);
    (1..=extra).fold(1.0, |product, i| product * (n as f64 + i as f64) / i as f64)
}

/// `ln P(an outcome at least as extreme)`, ties included, by visiting all [`outcomes`].
#[must_use]
pub fn ln_exact(counts: &[u64], shares: &[f64], order: Order) -> f64 {
    let n: u64 = counts.iter().sum();
    if n == 0 || shares.len() < 2 {
        return 0.0;
    }
    let cells: Vec<Vec<Cell>> = shares.iter().map(|share| cells(n, *share, order)).collect();
    let observed: f64 = counts
        .iter()
        .zip(&cells)
        .map(|(count, cells)| {
            cells[usize::try_from(*count).expect("a visited outcome fits memory")].extremeness
        })
        .sum();
    let threshold = match order {
        // A log-probability has no natural zero: its ties are absolute.
        Order::Probability => observed - SLACK,
        Order::Pearson | Order::LikelihoodRatio => observed * (1.0 - SLACK),
    };
    let mut sum = LnSum::default();
    let rest = usize::try_from(n).expect("a visited outcome fits memory");
    visit(&cells, rest, 0.0, 0.0, threshold, &mut sum);
    // The mass of an outcome is a ratio of Poisson masses: Poisson(n; n) is the normaliser.
    let normaliser = ln_poisson_at_mean(n as f64);
    (sum.ln() - normaliser).min(0.0)
}

/// The p-value `(b+1)/(R+1)` of X² over `draws` seeded draws, never zero (Phipson & Smyth 2010).
#[must_use]
pub fn simulated(counts: &[u64], shares: &[f64], draws: u32, seed: u64) -> f64 {
    let n: u64 = counts.iter().sum();
    let expected: Vec<f64> = shares.iter().map(|share| n as f64 * share).collect();
    let x2 = |counts: &[u64]| -> f64 {
        let cells = counts.iter().zip(&expected);
        cells
            .map(|(count, mean)| pearson_cell(*count as f64, *mean))
            .sum()
    };
    let threshold = x2(counts) * (1.0 - SLACK);
    let mut sampler = Sampler::new(seed);
    let mut outcome = vec![0; counts.len()];
    let mut extreme = 0_u32;
    for _ in 0..draws {
        sampler.multinomial(n, shares, &mut outcome);
        if x2(&outcome) >= threshold {
            extreme += 1;
        }
    }
    (f64::from(extreme) + 1.0) / (f64::from(draws) + 1.0)
}

/// What one count of one target adds to the extremeness and to the log-mass of an outcome.
#[derive(Clone, Copy)]
struct Cell {
    extremeness: f64,
    ln_mass: f64,
}

/// The cells of one target for every count. Masses are Poisson: given the total, they are multinomial.
fn cells(n: u64, share: f64, order: Order) -> Vec<Cell> {
    let mean = n as f64 * share;
    let cell = |count: u64| {
        let count = count as f64;
        let ln_mass = super::saddle::ln_poisson_mass(count, mean);
        let extremeness = match order {
            Order::Pearson => pearson_cell(count, mean),
            Order::LikelihoodRatio => 2.0 * deviance(count, mean),
            Order::Probability => -ln_mass,
        };
        Cell {
            extremeness,
            ln_mass,
        }
    };
    (0..=n).map(cell).collect()
}

fn ln_poisson_at_mean(n: f64) -> f64 {
    -stirling_error(n) - super::saddle::LN_SQRT_2PI - 0.5 * n.ln()
}

/// Adds up the masses of all outcomes that put `rest` into the targets of `cells` and reach the threshold.
fn visit(
    cells: &[Vec<Cell>],
    rest: usize,
    extremeness: f64,
    ln_mass: f64,
    threshold: f64,
    sum: &mut LnSum,
) {
    let Some((first, others)) = cells.split_first() else {
        return;
    };
    if let [last] = others {
        let pairs = first[..=rest].iter().zip(last[..=rest].iter().rev());
        for (one, other) in pairs {
            if extremeness + one.extremeness + other.extremeness >= threshold {
                sum.add(ln_mass + one.ln_mass + other.ln_mass);
            }
        }
        return;
    }
    for (count, cell) in first[..=rest].iter().enumerate() {
        let (extremeness, ln_mass) = (extremeness + cell.extremeness, ln_mass + cell.ln_mass);
        visit(others, rest - count, extremeness, ln_mass, threshold, sum);
    }
}

/// A sum of exponentials that cannot underflow: kept relative to its largest term.
struct LnSum {
    largest: f64,
    relative: f64,
}

impl Default for LnSum {
    fn default() -> Self {
        Self {
            largest: f64::NEG_INFINITY,
            relative: 0.0,
        }
    }
}

impl LnSum {
    fn add(&mut self, ln: f64) {
        let below = ln - self.largest;
        // Even 5e6 terms below that are under the last bit; NaN is an impossible outcome beside nothing.
        if below.is_nan() || below <= -55.0 {
            return;
        }
        if below > 0.0 {
            self.relative = self.relative * (-below).exp() + 1.0;
            self.largest = ln;
        } else {
            self.relative += below.exp();
        }
    }

    fn ln(&self) -> f64 {
        self.largest + self.relative.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fair_coin_twice() {
        // Outcomes 2:0, 1:1, 0:2 with 1/4, 1/2, 1/4.
        for order in [Order::Pearson, Order::LikelihoodRatio, Order::Probability] {
            assert!((ln_exact(&[2, 0], &[0.5, 0.5], order).exp() - 0.5).abs() < 1e-14);
            assert!(ln_exact(&[1, 1], &[0.5, 0.5], order).abs() < 1e-14);
        }
        assert!((outcomes(2, 2) - 3.0).abs() < 1e-12 && (outcomes(10, 3) - 66.0).abs() < 1e-12);
    }

    #[test]
    fn an_impossible_looking_outcome_keeps_its_logarithm() {
        let ln = ln_exact(&[0, 0, 900], &[0.9, 0.09, 0.01], Order::Pearson);
        assert!((ln - 900.0 * 0.01_f64.ln()).abs() < 1e-6, "{ln}");
    }

    #[test]
    fn simulation_agrees_with_the_full_sum() {
        let (counts, shares) = ([90, 5, 5], [0.94, 0.03, 0.03]);
        let exact = ln_exact(&counts, &shares, Order::Pearson).exp();
        let drawn = simulated(&counts, &shares, 20_000, 3);
        let deviation = (exact * (1.0 - exact) / 20_000.0).sqrt();
        assert!((exact - drawn).abs() < 4.0 * deviation, "{exact} {drawn}");
        assert!((drawn - simulated(&counts, &shares, 20_000, 3)).abs() <= 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_order_of_targets_does_not_matter(counts in prop::array::uniform3(0_u64..30), weights in prop::array::uniform3(1_u64..20)) {
            let total: u64 = weights.iter().sum();
            let shares = weights.map(|w| w as f64 / total as f64);
            let turn = |v: [f64; 3]| [v[2], v[0], v[1]];
            let one = ln_exact(&counts, &shares, Order::Pearson);
            let other = ln_exact(&[counts[2], counts[0], counts[1]], &turn(shares), Order::Pearson);
            prop_assert!((one - other).abs() < 1e-9 * one.abs().max(1.0));
        }
    }
}
