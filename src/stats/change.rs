//! Whether the split changed during the run, and where.

use super::chi_square;

/// The part of a run in which a change is looked for.
const INNER: (f64, f64) = (0.1, 0.9);
/// The level of the supremum, spread over about forty independent places (Andrews 1993 by simulation: the .999 quantiles
/// are 17 to 18.5 for two targets, 21.4 for three, 25.9 for five).
const LEVEL: f64 = 0.001 / 40.0;

/// The level of a scan for a segment, over all its places.
const SEGMENT_LEVEL: f64 = 1e-4;
/// The shortest segment that is looked for.
const LEAST_SEGMENT: usize = 16;

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

/// A part of a run with a split of its own, between parts that have another.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Responses before it.
    pub from: u64,
    /// Its counts.
    pub inside: Vec<u64>,
    /// The counts of all other responses.
    pub outside: Vec<u64>,
}

/// The part of a run that differs most from the rest, in responses given one by one as targets; `None` where that may be
/// chance. A scan over windows (Kulldorff 1997, equation 1) of lengths between which lie factors of 4/3 and 3/2, by quarters of
/// them, at a level that is shared out over all places. At a share of 10 % a gap of some 220 responses is found.
#[must_use]
pub fn segment_of_labels(labels: &[usize], targets: usize) -> Option<Segment> {
    let n = labels.len();
    // The counts of the first so many responses, one row after the other.
    let mut sums = vec![0_u64; targets * (n + 1)];
    for (at, label) in labels.iter().enumerate() {
        let (done, rest) = sums.split_at_mut(targets * (at + 1));
        rest[..targets].copy_from_slice(&done[targets * at..]);
        rest[*label] += 1;
    }
    let first = |responses: usize| &sums[targets * responses..targets * (responses + 1)];
    let all = first(n).to_vec();
    let seen = all.iter().filter(|count| **count > 0).count();
    if seen < 2 {
        return None;
    }
    let threshold = chi_square::isf(SEGMENT_LEVEL / n as f64, (seen - 1) as f64);
    let doubled = std::iter::successors(Some(LEAST_SEGMENT), |length| Some(length * 2));
    let lengths = doubled.flat_map(|length| [length, length + length / 2]);
    let mut best = (threshold, None);
    for length in lengths.take_while(|length| *length <= n / 2) {
        for from in (0..=n - length).step_by(length / 4) {
            let cells = first(from + length).iter().zip(first(from));
            let inside: Vec<u64> = cells.map(|(to, from)| to - from).collect();
            let statistic = contrast(&inside, &all);
            if statistic > best.0 {
                best = (statistic, Some((from, inside)));
            }
        }
    }
    let (from, inside) = best.1?;
    let outside = all.iter().zip(&inside).map(|(all, own)| all - own);
    Some(Segment {
        from: from as u64,
        outside: outside.collect(),
        inside,
    })
}

/// `2 (ln L(part) + ln L(rest) - ln L(all))`.
fn contrast(part: &[u64], all: &[u64]) -> f64 {
    let (own, n) = (sum(part), sum(all));
    let ratio = |count: u64, of: u64, all: u64| {
        if count == 0 {
            return 0.0;
        }
        let (inside, overall) = (count as f64 / of as f64, all as f64 / n as f64);
        count as f64 * (inside / overall).ln()
    };
    let cells = part.iter().zip(all);
    let sides = cells.map(|(part, all)| ratio(*part, own, *all) + ratio(all - part, n - own, *all));
    2.0 * sides.sum::<f64>()
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
        let statistic = contrast(&self.before, &self.all);
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
    fn a_gap_of_three_hundred_is_found_where_it_was() {
        let mut labels = run(4000, 0, 0.1, 0.1, 8);
        labels[1200..1500].fill(0);
        let gap = segment_of_labels(&labels, 2).expect("a gap");
        assert!((1150..=1300).contains(&gap.from), "{gap:?}");
        assert_eq!(gap.inside[1], 0);
        assert_eq!(sum(&gap.inside) + sum(&gap.outside), 4000);
    }

    #[test]
    fn draws_have_no_segments() {
        for share in [0.01, 0.1, 0.5] {
            let of = |seed| segment_of_labels(&run(2000, 0, share, share, seed), 2);
            assert_eq!((0..200).filter(|seed| of(*seed).is_some()).count(), 0);
        }
        assert_eq!(segment_of_labels(&[], 2), None);
    }

    #[test]
    fn a_steady_split_does_not_change() {
        let found =
            (0..200).filter(|seed| change_of_labels(&run(2000, 0, 0.1, 0.1, *seed), 2).is_some());
        assert!(found.count() <= 2);
        assert_eq!(change_of_labels(&[0; 100], 2), None);
    }
}
