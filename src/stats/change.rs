//! Whether the split changed during the run, and where.

use super::chi_square;

/// The part of a run in which a change is looked for.
const INNER: (f64, f64) = (0.1, 0.9);
/// The level of the supremum, spread over about forty independent places (Andrews 1993 by simulation: the .999 quantiles
/// are 17 to 18.5 for two targets, 21.4 for three, 25.9 for five).
const LEVEL: f64 = 0.001 / 40.0;

/// A place where one split ends and another begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Responses before it.
    pub at: u64,
    /// `2 (ln L(before) + ln L(after) - ln L(all))`.
    pub statistic: f64,
    /// What the statistic had to exceed.
    pub threshold: f64,
    /// Counts before it.
    pub before: Vec<u64>,
    /// Counts after it.
    pub after: Vec<u64>,
}

/// The most likely change in responses given one by one, in dispatch order, as targets; `None` where none is certain.
#[must_use]
pub fn change_of_labels(labels: &[usize], targets: usize) -> Option<Change> {
    let mut scan = Scan::new(targets);
    for label in labels {
        scan.all[*label] += 1;
    }
    for label in labels {
        scan.before[*label] += 1;
        scan.look();
    }
    scan.finish()
}

/// The most likely change between blocks of counts, in dispatch order; `None` where none is certain.
#[must_use]
pub fn change_of_blocks(blocks: &[Vec<u64>]) -> Option<Change> {
    let mut scan = Scan::new(blocks.first()?.len());
    for block in blocks {
        add(&mut scan.all, block);
    }
    for block in blocks {
        add(&mut scan.before, block);
        scan.look();
    }
    scan.finish()
}

/// A walk through a run that remembers the best place so far.
struct Scan {
    all: Vec<u64>,
    before: Vec<u64>,
    best: f64,
    best_before: Vec<u64>,
}

impl Scan {
    fn new(targets: usize) -> Self {
        Self {
            all: vec![0; targets],
            before: vec![0; targets],
            best: 0.0,
            best_before: vec![0; targets],
        }
    }

    fn look(&mut self) {
        let (n, done) = (sum(&self.all), sum(&self.before));
        let part = done as f64 / n as f64;
        if part < INNER.0 || part > INNER.1 {
            return;
        }
        // sum n ln(share after / share of all), both sides; deviances would not cancel less here.
        let ratio = |count: u64, of: u64, all: u64| {
            if count == 0 {
                return 0.0;
            }
            let (inside, overall) = (count as f64 / of as f64, all as f64 / n as f64);
            count as f64 * (inside / overall).ln()
        };
        let cells = self.before.iter().zip(&self.all);
        let sides = cells
            .map(|(before, all)| ratio(*before, done, *all) + ratio(all - before, n - done, *all));
        let statistic = 2.0 * sides.sum::<f64>();
        if statistic > self.best {
            self.best = statistic;
            self.best_before.clone_from(&self.before);
        }
    }

    fn finish(self) -> Option<Change> {
        let seen = self.all.iter().filter(|count| **count > 0).count();
        let threshold = chi_square::isf(LEVEL, seen.saturating_sub(1) as f64);
        if seen < 2 || self.best <= threshold {
            return None;
        }
        let after = self
            .all
            .iter()
            .zip(&self.best_before)
            .map(|(all, before)| all - before);
        Some(Change {
            at: sum(&self.best_before),
            statistic: self.best,
            threshold,
            after: after.collect(),
            before: self.best_before,
        })
    }
}

fn sum(counts: &[u64]) -> u64 {
    counts.iter().sum()
}

fn add(to: &mut [u64], counts: &[u64]) {
    for (to, count) in to.iter_mut().zip(counts) {
        *to += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;

    fn run(n: usize, turn: usize, before: f64, after: f64, seed: u64) -> Vec<usize> {
        let mut sampler = Sampler::new(seed);
        let share = |i| if i < turn { before } else { after };
        (0..n)
            .map(|i| usize::from(sampler.uniform() < share(i)))
            .collect()
    }

    #[test]
    fn half_and_half_before_ninety_ten_is_found_where_it_was() {
        let labels = run(4000, 800, 0.5, 0.1, 3);
        let change = change_of_labels(&labels, 2).expect("a change");
        assert!((780..=820).contains(&change.at), "{change:?}");
        assert_eq!(sum(&change.before) + sum(&change.after), 4000);
    }

    #[test]
    fn blocks_find_it_too() {
        let labels = run(4000, 800, 0.5, 0.1, 3);
        let block = |part: &[usize]| {
            let hits = part.iter().sum::<usize>() as u64;
            vec![part.len() as u64 - hits, hits]
        };
        let blocks: Vec<Vec<u64>> = labels.chunks(200).map(block).collect();
        assert_eq!(change_of_blocks(&blocks).map(|change| change.at), Some(800));
        assert_eq!(change_of_blocks(&[]), None);
    }

    #[test]
    fn a_steady_split_does_not_change() {
        let found =
            (0..200).filter(|seed| change_of_labels(&run(2000, 0, 0.1, 0.1, *seed), 2).is_some());
        assert!(found.count() <= 2);
        assert_eq!(change_of_labels(&[0; 100], 2), None);
    }
}
