//! What a watch has seen since a change.

use super::{ALPHA, Counts, Monitor, Period, SeenShare};
use crate::stats::interval::Interval;
use crate::stats::sequential::confidence;

impl Monitor {
    /// Begins a state with what was seen since then.
    pub(super) fn begin(&mut self, since: u64) -> Period {
        let (counts, at) = self.history.since(since);
        self.period = counts;
        self.since = at.unwrap_or(self.since);
        self.period()
    }

    /// What was seen since then, within the present state.
    pub(super) fn seen(&self, since: u64) -> Period {
        let (counts, at) = self.history.since(since);
        Period {
            since: at.unwrap_or(self.since),
            shares: self.shares(&counts),
            counts,
        }
    }

    /// Shares with confidence sequences, which hold if the split has been one since the first of the requests.
    pub(super) fn shares(&self, counts: &Counts) -> Vec<SeenShare> {
        let n = counts.attributed();
        let tests = match self.active.len() {
            1 | 2 => 1,
            targets => u32::try_from(targets).unwrap_or(u32::MAX),
        };
        let alpha = ALPHA / f64::from(tests);
        let (lo, hi) = self.design.tolerated();
        let seen = |(target, count): (usize, &u64)| {
            let declared = self.design.shares()[target];
            let interval = match self.active.len() {
                // What has one target has no share to be uncertain about.
                1 => Interval { lo: 1.0, hi: 1.0 },
                _ => confidence(*count, n, declared, alpha),
            };
            SeenShare {
                target: self.names[target].clone(),
                declared,
                count: *count,
                share: (n > 0).then(|| *count as f64 / n as f64),
                interval,
                is_off: interval.lo > hi[target] || interval.hi < lo[target],
            }
        };
        counts.targets.iter().enumerate().map(seen).collect()
    }
}
