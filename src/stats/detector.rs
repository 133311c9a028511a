//! Watching a split for ever: the e-SR detector of a change, which restarts by itself.
//!
//! Source: Shin, Ramdas & Rinaldo (2023), "E-detectors: a nonparametric framework for sequential change detection", New England
//! Journal of Statistics in Data Science, the sections on e-SR procedures and on their mixtures. With `L_k(x)` the likelihood
//! ratio of alternative `k` against the tolerated split nearest to it, and weights `w_k` that sum to 1,
//!
//! ```text
//! M_k(n) = L_k(X_n) (M_k(n-1) + 1)        M_k(0) = 0        the sum of the e-processes that begin at 1, 2, …, n
//! M(n)   = sum_k w_k M_k(n)
//! ```
//!
//! As long as every response is a draw of a tolerated split, `E[L_k] <= 1`, so `M(n) - n` is a supermartingale. An alarm at
//! `M >= c`, after which everything begins at 0 again, comes therefore at most once in `c` requests on average, and the expected
//! number of alarms among any `n` requests is at most `n / c`, whenever one looks: `c` times the alarms so far `+ M(n) - n` is a supermartingale
//! over restarts as well. The unit of `c` and of `M` is requests.
//!
//! An alternative gives one target another share and leaves the proportions of the others: whatever else is true, the share of
//! some target is another one. An update takes two multiplications and an addition for each alternative.

/// From one alternative to the next: each deviation is at most a factor `sqrt 1.5` from one of them, which costs 4 % of the speed.
const STEP: f64 = 1.5;
/// The most extreme alternative leaves this part of what is left.
const LAST: f64 = 0.05;
/// The sums are kept finite: an alarm that somebody does not take up goes on growing.
const MOST: f64 = 1e290;

/// One target with one other share.
#[derive(Clone, Debug)]
struct Alternative {
    target: usize,
    /// The likelihood ratio of a response of this target, and of any other.
    hit: f64,
    miss: f64,
    weight: f64,
    /// `M_k`.
    sum: f64,
    /// The largest of the e-processes that are summed, and the number of the request that it began with (e-CUSUM).
    largest: f64,
    since: u64,
}

/// What the evidence points at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The target whose share is another one.
    pub target: usize,
    /// The number of the first request after the change, as it was pushed.
    pub since: u64,
    /// The share of the alternative, over that of the tolerated split nearest to it.
    hit: f64,
    miss: f64,
}

impl Estimate {
    /// `ln` of the likelihood ratio of the alternative, for `x` of `n` responses.
    #[must_use]
    pub fn ln_ratio(&self, x: u64, n: u64) -> f64 {
        x as f64 * self.hit.ln() + (n - x) as f64 * self.miss.ln()
    }
}

/// A detector of a change of a split.
#[derive(Clone, Debug)]
pub struct Detector {
    alternatives: Vec<Alternative>,
    value: f64,
}

impl Alternative {
    /// That a target gets `q` of the requests, where it got `base` before.
    fn new(target: usize, base: f64, q: f64, weight: f64) -> Self {
        Self {
            target,
            hit: q / base,
            miss: (1.0 - q) / (1.0 - base),
            weight,
            sum: 0.0,
            largest: 0.0,
            since: 0,
        }
    }
}

impl Detector {
    /// Watches over targets whose shares may lie between `lo` and `hi`; a deviation of `step` beyond that is the smallest that
    /// is looked for, half of it the smallest that is seen in the end.
    #[must_use]
    pub fn new(lo: &[f64], hi: &[f64], step: &[f64]) -> Self {
        // Of two targets one mirrors the other: the smaller one is watched.
        let watched: Vec<usize> = match hi.len() {
            0 | 1 => Vec::new(),
            2 => vec![usize::from(hi[1] < hi[0])],
            all => (0..all).collect(),
        };
        let sides = watched.iter().flat_map(|target| {
            let target = *target;
            let more = larger(hi[target], step[target]);
            // The other side is the same of what is left.
            let less = larger(1.0 - lo[target], step[target]).into_iter();
            let more = more.into_iter().map(move |q| (target, hi[target], q));
            [
                more.collect::<Vec<_>>(),
                less.map(|q| (target, lo[target], 1.0 - q)).collect(),
            ]
        });
        let sides: Vec<Vec<(usize, f64, f64)>> = sides.filter(|side| !side.is_empty()).collect();
        let of_side = 1.0 / sides.len() as f64;
        let alternatives = sides.iter().flat_map(|side| {
            let weight = of_side / side.len() as f64;
            side.iter()
                .map(move |(target, base, q)| Alternative::new(*target, *base, *q, weight))
        });
        Self {
            alternatives: alternatives.collect(),
            value: 0.0,
        }
    }

    /// The detector of a part of the requests that may be as large as `most`.
    #[must_use]
    pub fn above(most: f64) -> Self {
        let side = larger(most, most);
        let weight = 1.0 / side.len() as f64;
        let alternatives = side
            .into_iter()
            .map(|q| Alternative::new(0, most, q, weight));
        Self {
            alternatives: alternatives.collect(),
            value: 0.0,
        }
    }

    /// A response came from `target`; `number` is that of its request, and grows.
    pub fn push(&mut self, target: usize, number: u64) {
        let mut value = 0.0;
        for own in &mut self.alternatives {
            let ratio = if own.target == target {
                own.hit
            } else {
                own.miss
            };
            own.sum = (ratio * (own.sum + 1.0)).min(MOST);
            if own.largest <= 1.0 {
                (own.largest, own.since) = (1.0, number);
            }
            own.largest = (ratio * own.largest).min(MOST);
            value += own.weight * own.sum;
        }
        self.value = value;
    }

    /// `M`, in requests.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The part of `M` that speaks for another share of this target.
    #[must_use]
    pub fn value_of(&self, target: usize) -> f64 {
        let own = self.alternatives.iter().filter(|own| own.target == target);
        own.fold(0.0, |sum, own| sum + own.weight * own.sum)
    }

    /// What the evidence points at most.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let weight = |own: &&Alternative| own.weight * own.largest;
        let most = self
            .alternatives
            .iter()
            .max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
        Some(Estimate {
            target: most.target,
            since: most.since,
            hit: most.hit,
            miss: most.miss,
        })
    }

    /// Begins anew.
    pub fn restart(&mut self) {
        self.value = 0.0;
        for own in &mut self.alternatives {
            (own.sum, own.largest) = (0.0, 0.0);
        }
    }

    /// How many responses it takes at most, on average, until an alarm at `threshold`, once the shares are `after`:
    /// about `ln(c / w)` over the drift of the alternative that is fastest (the sum over its beginnings and the other
    /// alternatives make it less). `None` where no alternative grows.
    #[must_use]
    pub fn delay(&self, threshold: f64, after: &[f64]) -> Option<f64> {
        let delays = self.alternatives.iter().filter_map(|own| {
            let share = after[own.target];
            let part = |p: f64, ratio: f64| if p > 0.0 { p * ratio.ln() } else { 0.0 };
            let drift = part(share, own.hit) + part(1.0 - share, own.miss);
            (drift > 0.0).then(|| (threshold / own.weight).ln() / drift)
        });
        delays.min_by(f64::total_cmp)
    }
}

/// Shares above `base`, beginning `step` above it.
fn larger(base: f64, step: f64) -> Vec<f64> {
    let room = 1.0 - base;
    if room <= 0.0 {
        return Vec::new();
    }
    let mut shares = Vec::new();
    let mut deviation = step.min(room / 2.0);
    while deviation < room * (1.0 - LAST) {
        shares.push(base + deviation);
        deviation *= STEP;
    }
    shares.push(base + room * (1.0 - LAST));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;

    fn ninety_ten() -> Detector {
        Detector::new(&[0.9, 0.1], &[0.9, 0.1], &[0.03, 0.03])
    }

    #[test]
    fn under_every_tolerated_split_no_factor_grows_on_average() {
        let detectors = [
            ninety_ten(),
            Detector::new(&[0.5, 0.5], &[0.5, 0.5], &[0.05, 0.05]),
            Detector::new(&[0.88, 0.08], &[0.92, 0.12], &[0.03, 0.03]),
            Detector::new(&[0.8, 0.1, 0.1], &[0.8, 0.1, 0.1], &[0.04, 0.03, 0.03]),
            Detector::above(0.01),
        ];
        let tolerated = [
            vec![vec![0.9, 0.1]],
            vec![vec![0.5, 0.5]],
            vec![vec![0.88, 0.12], vec![0.9, 0.1], vec![0.92, 0.08]],
            vec![vec![0.8, 0.1, 0.1]],
            vec![vec![0.01], vec![0.001], vec![0.0]],
        ];
        for (detector, splits) in detectors.iter().zip(tolerated) {
            let weights: f64 = detector.alternatives.iter().map(|own| own.weight).sum();
            assert!((weights - 1.0).abs() < 1e-9, "{weights}");
            for (own, split) in detector
                .alternatives
                .iter()
                .flat_map(|own| splits.iter().map(move |split| (own, split)))
            {
                let share = split[own.target];
                let mean = share * own.hit + (1.0 - share) * own.miss;
                assert!(mean <= 1.0 + 1e-9, "{own:?} {split:?}: {mean}");
            }
        }
    }

    /// `E[M(n)] = n` without a change: exact, over all outcomes of twelve responses.
    #[test]
    fn the_mean_grows_by_one_a_request() {
        let n = 12;
        let mut mean = 0.0;
        for outcomes in 0_u32..1 << n {
            let mut detector = ninety_ten();
            let mut mass = 1.0;
            for at in 0..n {
                let target = usize::from(outcomes >> at & 1 == 1);
                detector.push(target, at);
                mass *= [0.9, 0.1][target];
            }
            mean += mass * detector.value();
        }
        assert!((mean - n as f64).abs() < 1e-9, "{mean}");
    }

    /// A detector, the declared shares, those after a change, and the targets that the change may be laid to.
    type Change<'a> = (Detector, &'a [f64], &'a [f64], &'a [usize]);

    #[test]
    fn a_change_is_found_when_it_is_said_to_be_and_dated() {
        let threshold = 1e6;
        let mut sampler = Sampler::new(11);
        let of_three = || Detector::new(&[0.8, 0.1, 0.1], &[0.8, 0.1, 0.1], &[0.03, 0.03, 0.03]);
        let changes: [Change<'_>; 5] = [
            (ninety_ten(), &[0.9, 0.1], &[0.85, 0.15], &[1]),
            (ninety_ten(), &[0.9, 0.1], &[0.95, 0.05], &[1]),
            (ninety_ten(), &[0.9, 0.1], &[0.5, 0.5], &[1]),
            (ninety_ten(), &[0.9, 0.1], &[1.0, 0.0], &[1]),
            (of_three(), &[0.8, 0.1, 0.1], &[0.72, 0.19, 0.09], &[0, 1]),
        ];
        for (fresh, declared, after, targets) in changes {
            let (mut delays, mut dated, runs, before) = (0, 0.0, 200, 500);
            for _ in 0..runs {
                let mut detector = fresh.clone();
                (0..before).for_each(|number| detector.push(sampler.one_of(declared), number));
                let mut number = before;
                while detector.value() < threshold {
                    detector.push(sampler.one_of(after), number);
                    number += 1;
                }
                let estimate = detector.estimate().expect("alternatives");
                assert!(
                    targets.contains(&estimate.target),
                    "{after:?}: {estimate:?}"
                );
                dated += (estimate.since as f64 - before as f64) / f64::from(runs);
                delays += number - before;
            }
            let mean = delays as f64 / f64::from(runs);
            let said = fresh.delay(threshold, after).expect("it is seen");
            assert!(
                (0.4..1.05).contains(&(mean / said)),
                "{after:?}: {mean}, said {said}"
            );
            assert!(dated.abs() < 0.25 * mean, "{after:?}: {dated} of {mean}");
        }
    }

    #[test]
    fn one_target_alone_has_no_other_split() {
        let mut detector = Detector::new(&[1.0], &[1.0], &[0.01]);
        (0..1000).for_each(|number| detector.push(0, number));
        assert_eq!((detector.value(), detector.estimate()), (0.0, None));
        assert_eq!(detector.delay(1e6, &[1.0]), None);
    }
}
