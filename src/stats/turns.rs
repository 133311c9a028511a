//! Targets that take turns: a split that is no draw at all, and whose share shows after a few hundred responses.

use std::f64::consts::PI;

use super::Label;

/// Draws are as even as this so rarely that the responses are turns.
const DRAWN: f64 = 1e-6;
/// The most that one response moves the difference to its share.
const STEP: f64 = 1.0;

/// A split by turns.
#[derive(Clone, Debug, PartialEq)]
pub struct Turns {
    /// `ln` of the chance that draws are as even.
    pub ln_p: f64,
    /// By how much each target's count strays from its share of the responses so far, at most.
    strays: Vec<f64>,
    counts: Vec<u64>,
}

impl Turns {
    /// The turns of responses given one by one as targets, in the order of dispatch; `None` where they may be drawn.
    ///
    /// Under turns `|x(t) - share t|` stays below a bound, whatever `t`: below one for one worker, and for several the sum of
    /// theirs. The range of `x(t) - t x(n)/n` over a run of `n` draws grows with the root of `n`: its distribution is
    /// Kuiper's (1960), here by the series that converges where the range is small. Where responses that follow each other
    /// resemble each other, so many of them (`design_effect`) move as far as one.
    #[must_use]
    pub fn of(labels: &[Label], targets: usize, design_effect: f64) -> Option<Self> {
        let n = labels.len() as f64;
        let mut counts = vec![0_u64; targets];
        for label in labels {
            counts[usize::from(*label)] += 1;
        }
        let strays: Vec<f64> = (0..targets)
            .map(|target| range(labels, target, counts[target] as f64 / n.max(1.0)))
            .collect();
        // The most frequent target against the rest: all of them have to be even for it to be.
        let common = (0..targets).max_by_key(|target| counts[*target])?;
        let share = counts[common] as f64 / n.max(1.0);
        let spread = (n * share * (1.0 - share) * design_effect).sqrt();
        if spread <= 0.0 {
            return None;
        }
        let ln_p = ln_kuiper_below((strays[common] + STEP) / spread);
        (ln_p < DRAWN.ln()).then_some(Self {
            ln_p,
            strays,
            counts,
        })
    }

    /// The lowest and the highest share that a target can have.
    #[must_use]
    pub fn share(&self, target: usize) -> (f64, f64) {
        let n = self.counts.iter().sum::<u64>() as f64;
        let (count, stray) = (self.counts[target] as f64, self.strays[target] + STEP);
        (
            ((count - stray) / n).max(0.0),
            ((count + stray) / n).min(1.0),
        )
    }

    /// Whether turns with shares between these cannot have led to the counts: not even with twice the stray.
    #[must_use]
    pub fn exclude(&self, lo: &[f64], hi: &[f64]) -> bool {
        let n = self.counts.iter().sum::<u64>() as f64;
        let targets = self.counts.iter().zip(&self.strays).zip(lo.iter().zip(hi));
        let mut off = targets.map(|((count, stray), (lo, hi))| {
            let (count, stray) = (*count as f64, 2.0 * (stray + STEP));
            count + stray < n * lo || count - stray > n * hi
        });
        off.any(|off| off)
    }
}

/// The range of `x(t) - share t`.
fn range(labels: &[Label], target: usize, share: f64) -> f64 {
    let (mut at, mut low, mut high) = (0.0_f64, 0.0_f64, 0.0_f64);
    for label in labels {
        at += f64::from(u8::from(usize::from(*label) == target)) - share;
        low = low.min(at);
        high = high.max(at);
    }
    high - low
}

/// `ln P(V <= v)` of the range of a Brownian bridge, by Poisson summation of Kuiper's series:
/// `sqrt(2 pi) pi^2 / v^3 sum k^2 exp(-(k pi)^2 / (2 v^2))`.
fn ln_kuiper_below(v: f64) -> f64 {
    if v <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let rate = PI * PI / (2.0 * v * v);
    // Relative to the first term, which alone may underflow.
    let terms = (1..200).map(|k| f64::from(k * k) * (-rate * f64::from(k * k - 1)).exp());
    let ln = (2.0 * PI).sqrt().ln() + 2.0 * PI.ln() - 3.0 * v.ln() - rate;
    (ln + terms.sum::<f64>().ln()).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;

    /// Workers that take turns by themselves; which of them has the next request is drawn.
    fn turns(n: usize, every: usize, workers: usize, seed: u64) -> Vec<Label> {
        let mut sampler = Sampler::new(seed);
        let mut at: Vec<usize> = (0..workers).map(|_| sampler.below(every)).collect();
        (0..n)
            .map(|_| {
                let worker = sampler.below(workers);
                at[worker] += 1;
                Label::from(at[worker].is_multiple_of(every))
            })
            .collect()
    }

    #[test]
    fn the_distribution_of_the_range_is_kuipers() {
        // Kuiper's upper quantiles: 1.747 at 5 %, 2.001 at 1 % (Stephens 1970).
        for (v, p) in [(1.747, 0.95), (2.001, 0.99), (1.620, 0.90)] {
            assert!((ln_kuiper_below(v).exp() - p).abs() < 6e-4, "{v}");
        }
    }

    #[test]
    fn nine_to_one_in_turn_is_seen_in_three_hundred_responses() {
        let labels = turns(280, 10, 1, 1);
        let found = Turns::of(&labels, 2, 1.0).expect("turns");
        let (low, high) = found.share(1);
        assert!(low > 0.08 && high < 0.12, "{low} {high}");
        assert!(!found.exclude(&[0.9, 0.1], &[0.9, 0.1]));
    }

    #[test]
    fn a_turn_of_another_length_is_excluded() {
        for n in [600, 1000] {
            let found = Turns::of(&turns(n, 8, 1, 2), 2, 1.0).expect("turns");
            assert!(found.exclude(&[0.9, 0.1], &[0.9, 0.1]));
        }
        // 88/12 is three turns in twenty-five.
        let labels: Vec<Label> = (0..900)
            .map(|at| Label::from(at * 3 / 25 < (at + 1) * 3 / 25))
            .collect();
        assert!(
            Turns::of(&labels, 2, 1.0)
                .expect("turns")
                .exclude(&[0.9, 0.1], &[0.9, 0.1])
        );
    }

    #[test]
    fn draws_are_no_turns() {
        for share in [0.5, 0.1, 0.02] {
            for seed in 0..300 {
                let mut sampler = Sampler::new(seed);
                let labels: Vec<Label> = (0..1500)
                    .map(|_| Label::from(sampler.uniform() < share))
                    .collect();
                for n in [50, 200, 700, 1500] {
                    assert_eq!(Turns::of(&labels[..n], 2, 1.0), None, "{share} {seed} {n}");
                }
            }
        }
        assert_eq!(Turns::of(&[], 2, 1.0), None);
    }

    #[test]
    fn several_workers_are_turns_later() {
        let labels = turns(4000, 10, 4, 5);
        let found = Turns::of(&labels, 2, 1.0).expect("turns");
        assert!(!found.exclude(&[0.9, 0.1], &[0.9, 0.1]));
    }
}
