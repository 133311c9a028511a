//! An early divergence is confirmed on fresh responses: what proxies do in their first moments (workers that begin their turns
//! in step, a target that joins late) is over by then.

use crate::stats::design::Design;
use crate::stats::tolerance;

/// A divergence that is certain before so many requests is confirmed.
pub(super) const EARLY: usize = 500;
/// `ln 20`: how much likelier the fresh responses are under the shares of the first ones than under any accepted split. The
/// ratio is an e-value, since the shares were fixed before (universal inference: Wasserman, Ramdas & Balakrishnan 2020).
const CONFIRMS: f64 = 2.995_732_273_553_991;
/// Responses as declared that the first ones are mixed with, so that no share is zero.
const MIXED: f64 = 1.0;

/// The shares of the first responses, and the counts of the fresh ones.
#[derive(Clone, Debug)]
pub(super) struct Confirmation {
    first: Vec<f64>,
    fresh: Vec<u64>,
    unattributed: u64,
}

impl Confirmation {
    /// The shares of these counts are to be confirmed.
    pub(super) fn new(counts: &[u64], design: &Design) -> Self {
        let n = counts.iter().sum::<u64>() as f64 + MIXED;
        let cells = counts.iter().zip(design.shares());
        let first = cells.map(|(count, share)| (*count as f64 + MIXED * share) / n);
        Self {
            first: first.collect(),
            fresh: vec![0; counts.len()],
            unattributed: 0,
        }
    }

    /// A fresh response of a target, or of nobody knows whom.
    pub(super) fn push(&mut self, target: Option<usize>) {
        match target {
            Some(target) => self.fresh[target] += 1,
            None => self.unattributed += 1,
        }
    }

    /// Whether the fresh responses confirm them.
    pub(super) fn holds(&self, design: &Design) -> bool {
        let (lo, hi) = design.tolerated();
        let (shares, unattributed) = (design.shares(), self.unattributed);
        let kindest = tolerance::completed_within(&self.fresh, shares, &lo, &hi, unattributed);
        let fresh: Vec<f64> = kindest.iter().map(|count| *count as f64).collect();
        let accepted = tolerance::nearest(&fresh, &lo, &hi);
        let cells = fresh.iter().zip(self.first.iter().zip(&accepted));
        let seen = cells.filter(|(count, _)| **count > 0.0);
        let ratio = seen.map(|(count, (first, accepted))| count * (first / accepted).ln());
        ratio.sum::<f64>() >= CONFIRMS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::design::Resolution;

    fn design() -> Design {
        Design::new(&[0.9, 0.1], 0.001, 0.01, 0.0, Resolution::Auto)
    }

    fn confirmed(first: [u64; 2], fresh: [u64; 2]) -> bool {
        let mut confirmation = Confirmation::new(&first, &design());
        for (target, count) in fresh.into_iter().enumerate() {
            (0..count).for_each(|_| confirmation.push(Some(target)));
        }
        confirmation.holds(&design())
    }

    #[test]
    fn halves_are_confirmed_by_a_handful_and_a_warm_up_is_not() {
        assert!(confirmed([13, 12], [4, 4]));
        assert!(!confirmed([13, 12], [0, 0]));
        // Nothing for the first hundred, and as declared from then on.
        assert!(!confirmed([103, 0], [90, 10]));
        assert!(confirmed([103, 0], [30, 0]));
    }
}
