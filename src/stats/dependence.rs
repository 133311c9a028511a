//! Whether responses of one connection go together: purity, homogeneity, intraclass correlation, design effect, and
//! the unit that follows.
//!
//! A table has one row per connection, with the count of each target.

use super::chi_square;
use super::permutation;

/// One connection: responses per target.
pub type Row = Vec<u64>;

/// Below this `log10` probability, all connections being pure is no chance.
const PURE_BY_CHANCE: f64 = -6.0;
/// The level of the homogeneity test.
const HETEROGENEOUS: f64 = 0.001;
/// The part of the mean number of responses on a connection that is compared.
const COMPARED: f64 = 0.75;
/// Connections, and expected responses of the smallest target over them, that the Rao-Scott correction needs.
const LEAST_ROWS: u64 = 50;
const LEAST_PER_TARGET: f64 = 10.0;

/// Whether each connection that carried several responses saw one target only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Purity {
    /// No connection saw two targets.
    pub all_pure: bool,
    /// `log10` of the probability of that, were every response drawn by itself: `prod_j sum_i p_i^n_j`.
    pub log10_p: f64,
    /// Targets seen at all.
    pub targets_seen: usize,
}

impl Purity {
    /// Whether targets are chosen per connection: pure beyond chance, with more than one target to choose from.
    #[must_use]
    pub fn per_connection(&self) -> bool {
        self.all_pure && self.targets_seen >= 2 && self.log10_p < PURE_BY_CHANCE
    }

    /// The same where chance must be less likely than `alpha` too.
    #[must_use]
    pub fn per_connection_at(&self, alpha: f64) -> bool {
        self.per_connection() && self.log10_p < alpha.log10()
    }

    /// Whether chance makes connections as pure as these less often than `level`: too rarely to take them for requests that
    /// are split one by one.
    #[must_use]
    pub fn suspicious_at(&self, level: f64) -> bool {
        self.all_pure && self.targets_seen >= 2 && self.log10_p < level.log10()
    }
}

/// A chi-square test corrected for responses that go together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RaoScott {
    /// Pearson's X², uncorrected.
    pub x2: f64,
    /// The design effect under the declared shares.
    pub design_effect: f64,
    /// The design effect around the observed shares.
    pub design_effect_observed: f64,
    /// `X² / max(1, design effect)`.
    pub corrected: f64,
    /// `ln` of its chi-square p-value.
    pub ln_p: f64,
    /// How many independent responses these are worth.
    pub effective_n: f64,
    /// Whether there are connections enough for the approximation.
    pub usable: bool,
}

/// What counts as one independent draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// A response.
    Response,
    /// A connection: only its first response is a draw.
    Connection,
    /// Neither: responses of a connection resemble each other, but not fully.
    Clustered {
        /// The p-value of homogeneity.
        p: f64,
        /// The intraclass correlation.
        icc: f64,
    },
}

/// The table of connections given as the targets of their responses in order.
#[must_use]
pub fn rows(connections: &[Vec<usize>], targets: usize) -> Vec<Row> {
    connections
        .iter()
        .map(|responses| row(responses, targets))
        .collect()
}

/// The part of the table that a permutation test may shuffle: the first `k` responses of each connection that has so many,
/// `k` being three quarters of the mean number, at least 2.
///
/// How many responses a connection has depends on what they were: a slow one keeps it from the next, and what the end of
/// the run cuts off is what was slow. A number that is the same for all connections depends on none of them. Connections
/// that do not reach it leave fewer extremes behind, so they can only hide a resemblance, not feign one.
#[must_use]
pub fn exchangeable_rows(connections: &[Vec<usize>], targets: usize) -> Vec<Row> {
    let responses: usize = connections.iter().map(Vec::len).sum();
    let used = connections.iter().filter(|own| !own.is_empty()).count();
    let mean = responses as f64 / used.max(1) as f64;
    let compared = usize::try_from(super::whole(COMPARED * mean)).unwrap_or(usize::MAX);
    let compared = compared.max(2);
    let reached = connections.iter().filter(|own| own.len() >= compared);
    reached
        .map(|responses| row(&responses[..compared], targets))
        .collect()
}

fn row(responses: &[usize], targets: usize) -> Row {
    let mut row = vec![0; targets];
    for target in responses {
        row[*target] += 1;
    }
    row
}

/// The purity of a table.
#[must_use]
pub fn purity(rows: &[Row]) -> Purity {
    let totals = totals(rows);
    let n = totals.iter().sum::<u64>() as f64;
    let several = || rows.iter().filter(|row| size(row) >= 2);
    let ln_pure = |row: &Row| {
        let exponent = size(row) as f64;
        let terms = totals
            .iter()
            .map(|total| (*total as f64 / n).powf(exponent));
        terms.sum::<f64>().log10()
    };
    Purity {
        all_pure: several().all(is_pure),
        log10_p: several().map(ln_pure).sum(),
        targets_seen: totals.iter().filter(|total| **total > 0).count(),
    }
}

/// The intraclass correlation by analysis of variance (Fisher 1925; for proportions Ridout et al. 1999, equation 4);
/// 0 where there is nothing to correlate.
#[must_use]
pub fn icc(rows: &[Row]) -> f64 {
    let rows: Vec<&Row> = rows.iter().filter(|row| size(row) > 0).collect();
    let totals = totals(&rows);
    let n = totals.iter().sum::<u64>() as f64;
    let connections = rows.len() as f64;
    if rows.len() < 2 || n <= connections {
        return 0.0;
    }
    let (mut between, mut within, mut squares) = (0.0, 0.0, 0.0);
    for row in &rows {
        let in_row = size(row) as f64;
        squares += in_row * in_row;
        for (count, total) in row.iter().zip(&totals) {
            let share = *count as f64 / in_row;
            between += in_row * (share - *total as f64 / n).powi(2);
            within += *count as f64 * (1.0 - share);
        }
    }
    let (between, within) = (between / (connections - 1.0), within / (n - connections));
    let mean_size = (n - squares / n) / (connections - 1.0);
    let whole = between + (mean_size - 1.0) * within;
    if whole > 0.0 {
        (between - within) / whole
    } else {
        0.0
    }
}

/// The first-order correction of Rao & Scott (1981), with the variance centred on the declared shares. A design effect
/// below 1 never raises X²: rotation would otherwise look like divergence.
#[must_use]
pub fn rao_scott(rows: &[Row], shares: &[f64]) -> RaoScott {
    let totals = totals(rows);
    let n = totals.iter().sum::<u64>() as f64;
    let observed: Vec<f64> = totals.iter().map(|total| *total as f64).collect();
    let centre: Vec<f64> = observed
        .iter()
        .map(|total| if n > 0.0 { total / n } else { 0.0 })
        .collect();
    let x2 = super::fit::pearson(&observed, shares);
    let design_effect = design_effect(rows, shares, shares, n);
    let divisor = design_effect.max(1.0);
    let connections = rows.iter().filter(|row| size(row) > 0).count() as u64;
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let df = shares.len().saturating_sub(1) as f64;
    RaoScott {
        x2,
        design_effect,
        design_effect_observed: self::design_effect(rows, shares, &centre, n),
        corrected: x2 / divisor,
        ln_p: chi_square::ln_sf(x2 / divisor, df),
        effective_n: n / divisor,
        usable: connections >= LEAST_ROWS && connections as f64 * least >= LEAST_PER_TARGET,
    }
}

/// The unit of observation, to be asked before any verdict. `draws` is the number of permutations.
#[must_use]
pub fn unit(connections: &[Vec<usize>], targets: usize, draws: u32, seed: u64) -> Unit {
    let several = || connections.iter().filter(|responses| responses.len() >= 2);
    if several().next().is_none() {
        return Unit::Response;
    }
    if several().all(|responses| responses.iter().all(|target| *target == responses[0])) {
        return Unit::Connection;
    }
    let rows = exchangeable_rows(connections, targets);
    let weights = vec![1.0; targets];
    match permutation::p_value_below(&rows, &weights, draws, seed, HETEROGENEOUS) {
        None => Unit::Response,
        Some(p) => Unit::Clustered { p, icc: icc(&rows) },
    }
}

/// `sum_i v_i N / pi_i / (k-1)` with `v_i = m/(m-1) sum_j (n_ji - n_j c_i)^2 / N^2`.
fn design_effect(rows: &[Row], shares: &[f64], centre: &[f64], n: f64) -> f64 {
    let connections = rows.iter().filter(|row| size(row) > 0).count() as f64;
    if connections < 2.0 || shares.len() < 2 {
        return 1.0;
    }
    let cells = shares.iter().zip(centre).enumerate();
    let terms = cells.map(|(i, (share, centre))| {
        let squares = rows
            .iter()
            .map(|row| (row[i] as f64 - size(row) as f64 * centre).powi(2));
        squares.sum::<f64>() / (n * share)
    });
    terms.sum::<f64>() * connections / (connections - 1.0) / (shares.len() - 1) as f64
}

fn totals<R: AsRef<[u64]>>(rows: &[R]) -> Vec<u64> {
    let targets = rows.first().map_or(0, |row| row.as_ref().len());
    (0..targets)
        .map(|i| rows.iter().map(|row| row.as_ref()[i]).sum())
        .collect()
}

fn size(row: &Row) -> u64 {
    row.iter().sum()
}

fn is_pure(row: &Row) -> bool {
    row.iter().filter(|count| **count > 0).count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;

    fn pairs(connections: usize, sticky: bool, seed: u64) -> Vec<Vec<usize>> {
        let mut sampler = Sampler::new(seed);
        let pair = |_| {
            let first = usize::from(sampler.uniform() < 0.1);
            let second = if sticky {
                first
            } else {
                usize::from(sampler.uniform() < 0.1)
            };
            vec![first, second]
        };
        (0..connections).map(pair).collect()
    }

    /// Independent draws of 10 % over connections that ask until the time is up, where the rare target takes `slow` times
    /// as long.
    fn until_the_time_is_up(connections: usize, slow: f64, seed: u64) -> Vec<Vec<usize>> {
        let mut sampler = Sampler::new(seed);
        let time = 40.0 * (0.9 + 0.1 * slow);
        let connection = |_| {
            let (mut responses, mut elapsed) = (Vec::new(), 0.0);
            while elapsed < time {
                let rare = sampler.uniform() < 0.1;
                responses.push(usize::from(rare));
                elapsed += (1.0 + 0.1 * sampler.uniform()) * if rare { slow } else { 1.0 };
            }
            responses
        };
        (0..connections).map(connection).collect()
    }

    #[test]
    fn seventy_pure_pairs_of_ninety_ten_are_no_chance() {
        let mut connections = vec![vec![0, 0]; 63];
        connections.extend(vec![vec![1, 1]; 7]);
        let purity = purity(&rows(&connections, 2));
        assert!(purity.per_connection(), "{purity:?}");
        assert_eq!(unit(&connections, 2, 99, 1), Unit::Connection);
    }

    #[test]
    fn one_target_only_is_not_yet_per_connection() {
        let purity = purity(&vec![vec![2, 0]; 500]);
        assert!(purity.all_pure && !purity.per_connection());
    }

    #[test]
    fn one_response_a_connection_leaves_responses_as_units() {
        assert_eq!(unit(&[vec![0], vec![1]], 2, 99, 1), Unit::Response);
        assert_eq!(unit(&[], 2, 99, 1), Unit::Response);
    }

    #[test]
    fn independent_pairs_are_independent_and_sticky_ones_are_not() {
        assert_eq!(unit(&pairs(1000, false, 5), 2, 1999, 1), Unit::Response);
        assert_eq!(unit(&pairs(1000, true, 5), 2, 1999, 1), Unit::Connection);
        let mut mixed = pairs(700, true, 6);
        mixed.extend(pairs(300, false, 7));
        assert!(matches!(unit(&mixed, 2, 1999, 1), Unit::Clustered { icc, .. } if icc > 0.4));
        let effect = rao_scott(&rows(&mixed, 2), &[0.9, 0.1]);
        assert!(
            effect.usable && (1.4..2.0).contains(&effect.design_effect),
            "{effect:?}"
        );
    }

    #[test]
    fn a_slow_target_is_no_resemblance_however_many_responses_its_connections_have() {
        for (slow, seed) in [(5.0, 1), (50.0, 2), (200.0, 3)] {
            for run in 0..20 {
                let connections = until_the_time_is_up(100, slow, 100 * seed + run);
                assert_eq!(unit(&connections, 2, 1999, 1), Unit::Response, "{slow}");
            }
        }
    }

    #[test]
    fn connections_that_were_cut_off_are_compared_by_what_all_have() {
        let connections = [vec![0, 1, 0, 0], vec![1], vec![0, 0, 0, 1], vec![0, 1, 1]];
        assert_eq!(exchangeable_rows(&connections, 2), [[1, 1], [2, 0], [1, 1]]);
        assert_eq!(exchangeable_rows(&[vec![0], vec![1]], 2), [[0_u64; 2]; 0]);
    }

    #[test]
    fn rotation_never_makes_a_divergence_stronger() {
        let rows = vec![vec![18, 2]; 60];
        let effect = rao_scott(&rows, &[0.88, 0.12]);
        assert!(effect.design_effect < 1.0);
        assert!((effect.corrected - effect.x2).abs() < 1e-12);
    }
}
