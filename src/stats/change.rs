//! Whether the split changed during the run, and where.

use super::{Label, chi_square};

/// The part of a run in which a change is looked for.
const INNER: (f64, f64) = (0.1, 0.9);
/// The level of the supremum, spread over about forty independent places (Andrews 1993 by simulation: the .999 quantiles
/// are 17 to 18.5 for two targets, 21.4 for three, 25.9 for five).
const LEVEL: f64 = 0.001 / 40.0;

/// The level of a scan for a segment, over all its places.
const SEGMENT_LEVEL: f64 = 1e-4;
/// The shortest segment that is looked for.
const LEAST_SEGMENT: usize = 16;
/// Parts of a run that are so long are counted once; of shorter ones there are too many to be kept.
const LEAST_KEPT: usize = 64;
/// More than sums of a million terms are rounded by.
const ROUNDING: f64 = 1e-6;

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
pub fn change_of_labels(labels: &[Label], targets: usize) -> Option<Change> {
    let mut all = vec![0; targets];
    count(labels, &mut all);
    let mut scan = Scan::new(all)?;
    for (done, label) in (1..).zip(labels) {
        scan.before[usize::from(*label)] += 1;
        scan.look(done);
    }
    scan.finish()
}

/// The most likely change between blocks of counts, in dispatch order; `None` where none is certain.
#[must_use]
pub fn change_of_blocks(blocks: &[Vec<u64>]) -> Option<Change> {
    let mut all = vec![0; blocks.first()?.len()];
    for block in blocks {
        add(&mut all, block);
    }
    let mut scan = Scan::new(all)?;
    for block in blocks {
        add(&mut scan.before, block);
        scan.look(sum(&scan.before));
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
pub fn segment_of_labels(labels: &[Label], targets: usize) -> Option<Segment> {
    let n = labels.len();
    let mut all = vec![0; targets];
    count(labels, &mut all);
    let all = Whole::new(all)?;
    let mut best = (all.quantile(SEGMENT_LEVEL / n as f64), None);
    // Counts of quarters of windows, of both kinds of lengths: those of long ones are sums of those of short ones.
    let mut kept = [Vec::new(), Vec::new()];
    let doubled = std::iter::successors(Some(LEAST_SEGMENT / 4), |quarter| Some(quarter * 2));
    let lengths = doubled.flat_map(|quarter| [(0, quarter), (1, quarter + quarter / 2)]);
    for (kind, quarter) in lengths.take_while(|(_, quarter)| 4 * quarter <= n / 2) {
        let mut window = Window::new(targets);
        let mut look = |counts: &[u64]| {
            window.push(counts);
            if window.taken < 4 {
                return;
            }
            let own = 4 * quarter as u64;
            if let Some(statistic) = all.contrast(&window.inside, own, best.0) {
                let from = (window.taken - 4) * quarter;
                best = (statistic, Some((from, window.inside.clone())));
            }
        };
        let kept = &mut kept[kind];
        if quarter < LEAST_KEPT {
            each_block(labels, quarter, targets, look);
            continue;
        }
        if kept.is_empty() {
            each_block(labels, quarter, targets, |counts| {
                kept.extend_from_slice(counts);
            });
        } else {
            *kept = sums_of_two(kept, targets);
        }
        kept.chunks_exact(targets).for_each(&mut look);
    }
    let (from, inside) = best.1?;
    let outside = all.counts.iter().zip(&inside).map(|(all, own)| all - own);
    Some(Segment {
        from: from as u64,
        outside: outside.collect(),
        inside,
    })
}

/// Hands over the counts of one part of so many responses after the other; what is left at the end is in none.
fn each_block(labels: &[Label], size: usize, targets: usize, mut take: impl FnMut(&[u64])) {
    let mut counts = vec![0; targets];
    for part in labels.chunks_exact(size) {
        counts.fill(0);
        count(part, &mut counts);
        take(&counts);
    }
}

/// The counts of two parts that follow each other, added.
fn sums_of_two(counts: &[u64], targets: usize) -> Vec<u64> {
    let pairs = counts.chunks_exact(2 * targets);
    pairs
        .flat_map(|pair| (0..targets).map(|at| pair[at] + pair[targets + at]))
        .collect()
}

/// Four parts of a run that follow each other.
struct Window {
    quarters: [Vec<u64>; 4],
    /// What is in it; all of it once four were pushed.
    inside: Vec<u64>,
    /// Parts that were pushed.
    taken: usize,
}

impl Window {
    fn new(targets: usize) -> Self {
        Self {
            quarters: std::array::from_fn(|_| vec![0; targets]),
            inside: vec![0; targets],
            taken: 0,
        }
    }

    /// Moves on by a part.
    fn push(&mut self, counts: &[u64]) {
        let oldest = &mut self.quarters[self.taken % 4];
        for ((inside, oldest), new) in self.inside.iter_mut().zip(oldest).zip(counts) {
            *inside = *inside + new - std::mem::replace(oldest, *new);
        }
        self.taken += 1;
    }
}

/// The counts of a whole run with two targets or more.
struct Whole {
    counts: Vec<u64>,
    /// Their shares, and what is inverse to these; 0 for both where there is none.
    shares: Vec<(f64, f64)>,
    n: u64,
    seen: usize,
}

impl Whole {
    fn new(counts: Vec<u64>) -> Option<Self> {
        let seen = counts.iter().filter(|count| **count > 0).count();
        let n = sum(&counts);
        let shares = counts.iter().map(|count| match count {
            0 => (0.0, 0.0),
            _ => (*count as f64 / n as f64, n as f64 / *count as f64),
        });
        let shares = shares.collect();
        (seen >= 2).then_some(Self {
            counts,
            shares,
            n,
            seen,
        })
    }

    /// What the statistic of a place exceeds this rarely.
    fn quantile(&self, level: f64) -> f64 {
        chi_square::isf(level, (self.seen - 1) as f64)
    }

    /// `2 (ln L(part) + ln L(rest) - ln L(all))` of a part with so many responses, where that is more than `least`.
    fn contrast(&self, part: &[u64], own: u64, least: f64) -> Option<f64> {
        let (inside, rest) = (own as f64, (self.n - own) as f64);
        // No divergence exceeds chi-square's (ln x <= x - 1), which takes no logarithm.
        let mut distance = 0.0;
        for (part, (share, inverse)) in part.iter().zip(&self.shares) {
            distance += (*part as f64 - inside * share).powi(2) * inverse;
        }
        if 2.0 * distance * (1.0 / inside + 1.0 / rest) + ROUNDING <= least {
            return None;
        }
        let ratio = |count: u64, of: u64, all: u64| {
            if count == 0 {
                return 0.0;
            }
            let (inside, overall) = (count as f64 / of as f64, all as f64 / self.n as f64);
            count as f64 * (inside / overall).ln()
        };
        let cells = part.iter().zip(&self.counts);
        let sides = cells
            .map(|(part, all)| ratio(*part, own, *all) + ratio(all - part, self.n - own, *all));
        Some(2.0 * sides.sum::<f64>()).filter(|statistic| *statistic > least)
    }
}

/// A walk through a run that remembers the best place so far.
struct Scan {
    all: Whole,
    before: Vec<u64>,
    threshold: f64,
    best: Option<(f64, Vec<u64>)>,
}

impl Scan {
    fn new(all: Vec<u64>) -> Option<Self> {
        let all = Whole::new(all)?;
        Some(Self {
            before: vec![0; all.counts.len()],
            threshold: all.quantile(LEVEL),
            all,
            best: None,
        })
    }

    fn look(&mut self, done: u64) {
        let part = done as f64 / self.all.n as f64;
        if part < INNER.0 || part > INNER.1 {
            return;
        }
        let least = self.best.as_ref().map_or(self.threshold, |best| best.0);
        if let Some(statistic) = self.all.contrast(&self.before, done, least) {
            self.best = Some((statistic, self.before.clone()));
        }
    }

    fn finish(self) -> Option<Change> {
        let (statistic, before) = self.best?;
        let after = self.all.counts.iter().zip(&before);
        Some(Change {
            at: sum(&before),
            statistic,
            threshold: self.threshold,
            after: after.map(|(all, before)| all - before).collect(),
            before,
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

fn count(labels: &[Label], counts: &mut [u64]) {
    for label in labels {
        counts[usize::from(*label)] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::sampler::Sampler;

    fn run(n: usize, turn: usize, before: f64, after: f64, seed: u64) -> Vec<Label> {
        let mut sampler = Sampler::new(seed);
        let share = |i| if i < turn { before } else { after };
        (0..n)
            .map(|i| Label::from(sampler.uniform() < share(i)))
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
        let block = |part: &[Label]| {
            let hits = u64::from(part.iter().sum::<Label>());
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
