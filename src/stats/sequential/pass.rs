//! How much evidence an early pass takes: less than Ville's inequality asks for, where the exact chance of a false pass is
//! known.

use crate::stats::binomial;
use crate::stats::design::Design;

/// Multiples of `1/beta` for the lower and the upper edge of the smaller target, the cheapest first; twice is what Ville's
/// inequality gives with half of `beta` kept for the end. A step over the upper edge is short and one over the lower edge
/// long, so the lower one takes less.
const CANDIDATES: [(f64, f64); 2] = [(0.65, 1.5), (1.2, 1.2)];
/// The part of `beta` that the exact chance may take.
const SAFE: f64 = 0.98;
/// Targets with a rule of their own that are worth their time.
const MOST_TARGETS: usize = 10;
/// Cells of the calculation of one target that are worth their time.
const MOST_CELLS: f64 = 4e6;
/// States less likely than this are left out, and counted as passes.
const NEGLIGIBLE: f64 = 1e-13;

/// `ln` of the likelihood ratios that let a split pass, against the edges of targets. With two targets those of the smaller one
/// are those of both; with more each has its own, and all have to be exceeded after the same response: a split that passes has
/// passed the rule of the target that is off, whose count is binomial whatever the others do, so that no chance is shared out.
#[derive(Clone, Debug, PartialEq)]
pub struct PassThresholds(Vec<TargetThresholds>);

/// Those of one target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetThresholds {
    /// The target.
    pub target: usize,
    /// Against its lower edge.
    pub lower: f64,
    /// Against its upper edge.
    pub upper: f64,
}

/// A rule for passing, looked at after every response, with the exact test at the last one.
struct Rule<'d> {
    design: &'d Design,
    thresholds: TargetThresholds,
    edges: (f64, f64),
    most: u64,
}

impl PassThresholds {
    /// The lowest thresholds of which the exact chance of a false pass at either edge of any target, after each of at most `most`
    /// responses and at the last one together, is at most `beta`; `None` where none are known to keep it.
    #[must_use]
    pub fn confirmed(design: &Design, most: u64) -> Option<Self> {
        let shares = design.shares();
        let targets: Vec<usize> = match shares {
            [] | [_] => return None,
            [first, second] => vec![usize::from(second <= first)],
            several => (0..several.len()).collect(),
        };
        let mut confirmed: Vec<TargetThresholds> = Vec::new();
        for target in targets {
            // Targets with the same share have the same rule.
            let alike =
                |own: &&TargetThresholds| shares[own.target].to_bits() == shares[target].to_bits();
            let own = match confirmed.iter().find(alike) {
                Some(known) => TargetThresholds { target, ..*known },
                None if confirmed.len() >= MOST_TARGETS => return None,
                None => TargetThresholds::confirmed(design, target, most)?,
            };
            confirmed.push(own);
        }
        Some(Self(confirmed))
    }

    /// Those of each target.
    pub fn targets(&self) -> impl Iterator<Item = &TargetThresholds> {
        self.0.iter()
    }
}

impl TargetThresholds {
    fn confirmed(design: &Design, target: usize, most: u64) -> Option<Self> {
        let (Some(lo), Some(hi)) = design.edges(target) else {
            return None;
        };
        let spread = (most as f64 * hi * (1.0 - hi)).sqrt();
        if !design.can_pass() || most as f64 * 16.0 * spread.max(4.0) > MOST_CELLS {
            return None;
        }
        let rules = CANDIDATES.into_iter().map(|(lower, upper)| Rule {
            design,
            thresholds: Self {
                target,
                lower: (lower / design.beta()).ln(),
                upper: (upper / design.beta()).ln(),
            },
            edges: (lo, hi),
            most,
        });
        let safe = |rule: &Rule<'_>| {
            [lo, hi]
                .into_iter()
                .all(|share| rule.passes(share) <= SAFE * design.beta())
        };
        rules.into_iter().find(safe).map(|rule| rule.thresholds)
    }
}

impl Rule<'_> {
    /// The counts of the target that pass after `n` responses: both likelihood ratios are linear in the count.
    fn passing(&self, n: u64) -> (f64, f64) {
        let share = self.design.shares()[self.thresholds.target];
        let n = n as f64;
        let count = |edge: f64, threshold: f64| {
            let (hit, miss) = ((share / edge).ln(), ((1.0 - share) / (1.0 - edge)).ln());
            (threshold - n * miss) / (hit - miss)
        };
        let (lo, hi) = self.edges;
        (
            count(lo, self.thresholds.lower),
            count(hi, self.thresholds.upper),
        )
    }

    /// Whether the exact test at the last response passes.
    fn passes_at_the_end(&self, count: u64) -> bool {
        let (n, level) = (self.most, (self.design.beta() / 2.0).ln());
        let (lo, hi) = self.edges;
        binomial::ln_ge(n, count, lo) <= level && binomial::ln_le(n, count, hi) <= level
    }

    /// The exact chance to pass where the target has this share, by the distribution of its count over the responses.
    fn passes(&self, share: f64) -> f64 {
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let mut mass = vec![0.0_f64; most + 2];
        mass[0] = 1.0;
        let (mut low, mut high, mut passed) = (0_usize, 0_usize, 0.0);
        for n in 1..=most {
            high += 1;
            for count in (low + 1..=high).rev() {
                mass[count] = mass[count] * (1.0 - share) + mass[count - 1] * share;
            }
            mass[low] *= 1.0 - share;
            let (least, highest) = self.passing(n as u64);
            let from = crate::stats::whole(least.ceil().max(low as f64));
            let to = crate::stats::whole(highest.floor().max(-1.0) + 1.0);
            let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(high + 1);
            for cell in &mut mass[within(from).max(low)..within(to).max(within(from)).max(low)] {
                passed += std::mem::take(cell);
            }
            while low < high && mass[low] < NEGLIGIBLE {
                passed += std::mem::take(&mut mass[low]);
                low += 1;
            }
            while high > low && mass[high] < NEGLIGIBLE {
                passed += std::mem::take(&mut mass[high]);
                high -= 1;
            }
        }
        let end = (low..=high).filter(|count| self.passes_at_the_end(*count as u64));
        passed + end.map(|count| mass[count]).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::design::Resolution;

    fn design(shares: &[f64]) -> Design {
        Design::new(shares, 0.001, 0.01, 0.0, Resolution::Auto)
    }

    #[test]
    fn a_false_pass_is_as_rare_as_promised_and_the_chance_is_exact() {
        for shares in [
            &[0.9, 0.1][..],
            &[0.5, 0.5],
            &[0.2, 0.8],
            &[0.99, 0.01],
            &[0.8, 0.1, 0.1],
        ] {
            let design = design(shares);
            let most = design.requests_sequential();
            let confirmed = PassThresholds::confirmed(&design, most).expect("confirmed");
            for thresholds in confirmed.targets().copied() {
                let edges = design.edges(thresholds.target);
                let edges = (edges.0.expect("inside"), edges.1.expect("inside"));
                let rule = Rule {
                    design: &design,
                    thresholds,
                    edges,
                    most,
                };
                for share in [edges.0, edges.1] {
                    assert!(rule.passes(share) <= 0.01, "{shares:?} at {share}");
                }
                assert!(rule.passes(shares[thresholds.target]) > 0.998, "{shares:?}");
            }
        }
    }

    #[test]
    fn of_two_targets_one_has_thresholds_and_of_three_each() {
        let targets = |shares: &[f64]| {
            let confirmed = PassThresholds::confirmed(&design(shares), 4000).expect("confirmed");
            confirmed
                .targets()
                .map(|own| own.target)
                .collect::<Vec<_>>()
        };
        assert_eq!(targets(&[0.9, 0.1]), [1]);
        assert_eq!(targets(&[0.1, 0.9]), [0]);
        assert_eq!(targets(&[0.8, 0.1, 0.1]), [0, 1, 2]);
    }

    #[test]
    fn what_is_too_long_to_calculate_is_left_to_the_inequality() {
        let fine = Design::new(&[0.5, 0.5], 0.001, 0.01, 0.0, Resolution::Absolute(0.001));
        let most = fine.requests_sequential();
        assert_eq!(PassThresholds::confirmed(&fine, most), None);
        assert_eq!(PassThresholds::confirmed(&design(&[1.0]), 4000), None);
    }
}
