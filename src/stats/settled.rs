//! When a split that was another one is the declared one again: every deviation of the resolution is excluded, by responses since
//! some moment that nobody knows beforehand.
//!
//! For each edge that a share may not lie beyond there is the largest of the likelihood ratios of the declared share against the
//! edge that begin at any request so far, restarted whenever it falls below 1 (Page 1954; as an e-CUSUM procedure: Shin, Ramdas &
//! Rinaldo 2023). While the true share lies at the edge or beyond, that ratio reaches `c` at most once in `c` requests on
//! average, and so does what needs all edges.

use super::design::Design;

/// One edge.
#[derive(Clone, Debug)]
struct Edge {
    target: usize,
    /// `ln` of the likelihood ratio of a response of this target, of any other, and of one that nobody can attribute.
    hit: f64,
    miss: f64,
    unknown: f64,
    ln: f64,
    since: u64,
}

/// The evidence that a split lies within the resolution.
#[derive(Clone, Debug)]
pub struct Settled {
    edges: Vec<Edge>,
}

impl Settled {
    /// Nothing was seen yet. Besides the edges of the design, so large a share of responses from elsewhere is excluded.
    #[must_use]
    pub fn new(design: &Design, elsewhere: f64) -> Self {
        let of_targets = design
            .shares()
            .iter()
            .enumerate()
            .flat_map(|(target, share)| {
                let (lo, hi) = design.edges(target);
                // A response that nobody can attribute counts against the side.
                let edge = |edge: f64, unknown: fn(f64, f64) -> f64| {
                    let (hit, miss) = ((share / edge).ln(), ((1.0 - share) / (1.0 - edge)).ln());
                    Edge::new(target, hit, miss, unknown(hit, miss))
                };
                let lo = lo.map(|lo| edge(lo, |_, miss| miss));
                let hi = hi.map(|hi| edge(hi, |hit, _| hit));
                [lo, hi].into_iter().flatten().collect::<Vec<_>>()
            });
        let of_targets: Vec<Edge> = if design.shares().len() > 1 {
            of_targets.collect()
        } else {
            Vec::new()
        };
        let here = -(-elsewhere).ln_1p();
        let elsewhere = Edge::new(usize::MAX, here, here, 0.0);
        Self {
            edges: of_targets.into_iter().chain([elsewhere]).collect(),
        }
    }

    /// The evidence that a part of the requests is at most half of `most`.
    #[must_use]
    pub fn below(most: f64) -> Self {
        let own: f64 = most / 2.0;
        let (hit, miss) = ((own / most).ln(), ((1.0 - own) / (1.0 - most)).ln());
        Self {
            edges: vec![Edge::new(0, hit, miss, hit)],
        }
    }

    /// A response came from `target`.
    pub fn push(&mut self, target: usize, number: u64) {
        for edge in &mut self.edges {
            let ratio = if edge.target == target {
                edge.hit
            } else {
                edge.miss
            };
            edge.add(ratio, number);
        }
    }

    /// Nobody knows where a response came from.
    pub fn push_unattributed(&mut self, number: u64) {
        for edge in &mut self.edges {
            let ratio = edge.unknown;
            edge.add(ratio, number);
        }
    }

    /// Begins anew: as after a response from where none may come from.
    pub fn restart(&mut self) {
        self.edges.iter_mut().for_each(|edge| edge.ln = 0.0);
    }

    /// `ln` of the evidence against the edge that is farthest from being excluded.
    #[must_use]
    pub fn ln_evidence(&self) -> f64 {
        let ln = self.edges.iter().map(|edge| edge.ln);
        ln.fold(f64::INFINITY, f64::min)
    }

    /// The number of the request since which the evidence against all edges has grown.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.edges.iter().map(|edge| edge.since).max().unwrap_or(0)
    }

    /// About how many responses it takes until all edges are excluded at `threshold`, once the split is the declared one.
    #[must_use]
    pub fn delay(&self, threshold: f64, shares: &[f64]) -> f64 {
        let delays = self.edges.iter().map(|edge| {
            let share = shares.get(edge.target).copied().unwrap_or(0.0);
            threshold.ln() / (share * edge.hit + (1.0 - share) * edge.miss)
        });
        delays.fold(0.0, f64::max)
    }
}

impl Edge {
    fn new(target: usize, hit: f64, miss: f64, unknown: f64) -> Self {
        Self {
            target,
            hit,
            miss,
            unknown,
            ln: 0.0,
            since: 0,
        }
    }

    fn add(&mut self, ratio: f64, number: u64) {
        if self.ln <= 0.0 {
            (self.ln, self.since) = (0.0, number);
        }
        self.ln += ratio;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::design::Resolution;
    use crate::stats::sampler::Sampler;

    fn settled(shares: &[f64]) -> Settled {
        let design = Design::new(shares, 0.001, 0.01, 0.0, Resolution::Auto);
        Settled::new(&design, 0.01)
    }

    /// Responses of 90/10 or another split of two until the declared one is certain, at most so many.
    fn until(sampler: &mut Sampler, canary: f64, most: u64) -> Option<u64> {
        let mut settled = settled(&[0.9, 0.1]);
        (0..most).find(|number| {
            settled.push(usize::from(sampler.uniform() < canary), *number);
            settled.ln_evidence() >= 1e4_f64.ln()
        })
    }

    #[test]
    fn the_declared_split_is_recognised_and_the_edge_is_not() {
        let mut sampler = Sampler::new(3);
        let runs = 50;
        let delays: Vec<u64> = (0..runs)
            .filter_map(|_| until(&mut sampler, 0.1, 100_000))
            .collect();
        let mean = delays.iter().sum::<u64>() as f64 / f64::from(runs);
        let said = settled(&[0.9, 0.1]).delay(1e4, &[0.9, 0.1]);
        assert_eq!(delays.len(), 50);
        assert!((0.6..1.3).contains(&(mean / said)), "{mean}, said {said}");
        // At most once in ten thousand requests on average: 50 times 500 requests would have 2.5 such alarms at most.
        let wrong = (0..runs).filter(|_| until(&mut sampler, 0.13, 500).is_some());
        assert!(wrong.count() <= 12);
    }

    #[test]
    fn what_nobody_can_attribute_counts_against_every_side() {
        let mut settled = settled(&[0.9, 0.1]);
        let mut number = 0;
        for _ in 0..3000 {
            for target in [0, 0, 0, 0, 0, 0, 0, 0, 0, 1] {
                settled.push(target, number);
                number += 1;
            }
            settled.push_unattributed(number);
            number += 1;
        }
        assert!(settled.ln_evidence() < 1e4_f64.ln());
    }

    #[test]
    fn of_one_target_it_is_that_nothing_comes_from_elsewhere() {
        let mut settled = settled(&[1.0]);
        let first = (0..10_000).find(|number| {
            settled.push(0, *number);
            settled.ln_evidence() >= 1e4_f64.ln()
        });
        assert!(first.is_some_and(|n| (800..1000).contains(&n)), "{first:?}");
        settled.restart();
        assert!(settled.ln_evidence() <= 0.0);
    }
}
