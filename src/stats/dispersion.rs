//! Whether a split is too regular to be drawn: windows of consecutive responses vary less than draws would. Total
//! counts cannot show it.

use super::Label;

/// Windows a scale needs.
const LEAST_WINDOWS: usize = 20;
/// A `z` no independent run of 1500 reached on three scales (their lowest was -3.6).
const TOO_REGULAR: f64 = -4.5;
/// Rotation leaves at most this much of the variance of draws.
const LEFT_OVER: f64 = 0.6;

/// The dispersion of one target over windows of consecutive responses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dispersion {
    /// Responses per window.
    pub window: usize,
    /// Whole windows.
    pub windows: usize,
    /// The share of the target.
    pub share: f64,
    /// `sum_b (x_b - r p)^2 / (r p (1-p))`.
    pub x2: f64,
    /// `X² / (B - 1)`: 1 for draws, 0 for strict rotation.
    pub index: f64,
    /// `X²` standardised with the exact variance of a binomial count (its kurtosis included).
    pub z: f64,
}

impl Dispersion {
    /// The dispersion of `hits` (whether each response, in dispatch order, was the target's) over windows of this
    /// length. `None` with fewer than two windows, or when the target got nothing or everything.
    #[must_use]
    pub fn new(hits: &[bool], window: usize) -> Option<Self> {
        let count = |part: &[bool]| part.iter().filter(|hit| **hit).count() as u64;
        let share = count(hits) as f64 / hits.len() as f64;
        let parts = hits.chunks_exact(window.max(1));
        let groups: Vec<(u64, u64)> = parts.map(|part| (count(part), part.len() as u64)).collect();
        Self::of_groups(&groups, share, window)
    }

    fn of_groups(groups: &[(u64, u64)], share: f64, window: usize) -> Option<Self> {
        if groups.len() < 2 || share <= 0.0 || share >= 1.0 {
            return None;
        }
        let spread = share * (1.0 - share);
        let (mut x2, mut variance) = (0.0, 0.0);
        for (hits, n) in groups {
            let one = *n as f64 * spread;
            x2 += (*hits as f64 - *n as f64 * share).powi(2) / one;
            // A squared standardised binomial has variance 2 + its excess kurtosis.
            variance += 2.0 + (1.0 - 6.0 * spread) / one;
        }
        let df = (groups.len() - 1) as f64;
        Some(Self {
            window,
            windows: groups.len(),
            share,
            x2,
            index: x2 / df,
            z: (x2 - df) / (variance * df / groups.len() as f64).sqrt(),
        })
    }

    /// Whether this looks like rotation rather than draws.
    #[must_use]
    pub fn rotates(&self) -> bool {
        self.z < TOO_REGULAR && self.index < LEFT_OVER
    }
}

/// The scale on which a run looks most like rotation, if it does on any of `r, 4r, 16r` with `r = ceil(1/share)` of the
/// rarest target. Larger windows see rotation shared by several workers. `labels` are targets in dispatch order; the
/// most frequent one is held against the rest.
#[must_use]
pub fn rotation(labels: &[Label], targets: usize) -> Option<Dispersion> {
    let mut counts = vec![0_usize; targets];
    for label in labels {
        counts[usize::from(*label)] += 1;
    }
    let common = (0..targets).max_by_key(|i| counts[*i])?;
    let rarest = counts.iter().copied().filter(|count| *count > 0).min()?;
    let hits: Vec<bool> = labels
        .iter()
        .map(|label| usize::from(*label) == common)
        .collect();
    let scale = labels.len().div_ceil(rarest);
    let scales = [scale, 4 * scale, 16 * scale];
    let wide = scales
        .into_iter()
        .filter(|window| labels.len() / window >= LEAST_WINDOWS);
    let rotating = wide
        .filter_map(|window| Dispersion::new(&hits, window))
        .filter(Dispersion::rotates);
    rotating.min_by(|a, b| a.z.total_cmp(&b.z))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;

    #[test]
    fn nine_to_one_in_turn_is_rotation() {
        let labels: Vec<Label> = (0..3000).map(|i| Label::from(i % 10 == 9)).collect();
        let found = rotation(&labels, 2).expect("rotation");
        assert!(found.index < 1e-9 && found.z < -10.0, "{found:?}");
    }

    #[test]
    fn two_workers_in_turn_are_still_seen() {
        // Each worker rotates by itself; which of them answers is drawn.
        let mut sampler = Sampler::new(4);
        let mut turns = [0_usize, 5];
        let labels: Vec<Label> = (0..3000)
            .map(|_| {
                let worker = sampler.below(2);
                turns[worker] += 1;
                Label::from(turns[worker].is_multiple_of(10))
            })
            .collect();
        assert!(rotation(&labels, 2).is_some());
    }

    #[test]
    fn draws_are_not_rotation() {
        for seed in 0..50 {
            let mut sampler = Sampler::new(seed);
            let labels: Vec<Label> = (0..3000)
                .map(|_| Label::from(sampler.uniform() < 0.1))
                .collect();
            assert_eq!(rotation(&labels, 2), None, "seed {seed}");
        }
    }

    #[test]
    fn short_runs_say_nothing() {
        assert_eq!(rotation(&[], 2), None);
        assert_eq!(rotation(&[0; 500], 2), None);
        assert_eq!(Dispersion::new(&[true, false, true], 2), None);
    }
}
