//! How long a watch takes to see a change.

use super::Monitor;
use crate::stats::sampler::Sampler;
use crate::stats::whole;

/// Simulations of a delay.
const SIMULATED: u32 = 40;

impl Monitor {
    /// How many responses it takes on average to see that the share of a target, by its position among those with a share, has
    /// become another one: the mean of a few seeded simulations. `None` where that is never seen.
    #[must_use]
    pub fn delay(&self, target: usize, share: f64) -> Option<f64> {
        let after = self.after(target, share);
        let about = self.split.delay(self.threshold, &after)?;
        let most = 10 * whole(about);
        let mut sampler = Sampler::new(after.len() as u64);
        let run = |_| {
            let mut detector = self.split.clone();
            detector.restart();
            let seen = (1..most).find(|number| {
                detector.push(sampler.one_of(&after), *number);
                detector.value() >= self.threshold
            });
            seen.unwrap_or(most) as f64
        };
        Some((0..SIMULATED).map(run).sum::<f64>() / f64::from(SIMULATED))
    }

    /// The shares once that of a target is another one: the others share what is left as before.
    fn after(&self, target: usize, share: f64) -> Vec<f64> {
        let shares = self.design.shares();
        let rest = (1.0 - share) / (1.0 - shares[target]);
        let shares = shares.iter().enumerate();
        let own = |(own, before): (usize, &f64)| if own == target { share } else { before * rest };
        shares.map(own).collect()
    }

    /// How many responses it takes on average to see a deviation of the resolution, at that target and on that side where it takes
    /// the longest; and about how many, after a divergence, to see that the split is the declared one again.
    #[must_use]
    pub fn delays(&self) -> (Option<f64>, f64) {
        let shares = self.design.shares();
        let of = |target: usize| {
            let (lo, hi) = self.design.edges(target);
            let edges = [lo, hi].into_iter().flatten();
            edges.filter_map(move |share| {
                let about = self
                    .split
                    .delay(self.threshold, &self.after(target, share))?;
                Some((about, target, share))
            })
        };
        let slowest = (0..shares.len()).flat_map(of);
        let slowest = slowest.max_by(|a, b| a.0.total_cmp(&b.0));
        let divergence = slowest.and_then(|(_, target, share)| self.delay(target, share));
        (divergence, self.settled.delay(self.threshold, shares))
    }
}
