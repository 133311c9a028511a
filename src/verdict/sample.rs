//! Responses in the order in which their requests were dispatched, as targets.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::attribution::{Classification, classify};
use super::mapping::Mapping;
use crate::observe::RequestLog;
use crate::split::Expected;
use crate::stats::change::{Change, Segment, change_of_labels, segment_of_labels};
use crate::stats::dependence::Unit;
use crate::stats::design::Design;
use crate::stats::order::Order;
use crate::stats::sequential::Decision;
use crate::stats::turns::Turns;

/// Responses whose dependence on connections is looked at: plenty for any test of it, and few enough to permute.
pub(super) const DEPENDENCE_WINDOW: usize = 50_000;

/// Where one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrawOutcome {
    /// At the target at this position among those with a share. There may be a million of these.
    Target(u16),
    /// Where nothing may end.
    Unexpected,
    /// Nobody knows where.
    Unattributed,
}

impl DrawOutcome {
    pub(super) fn target(self) -> Option<usize> {
        match self {
            Self::Target(target) => Some(target.into()),
            Self::Unexpected | Self::Unattributed => None,
        }
    }
}

/// One request in order of dispatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub(super) drawn: DrawOutcome,
    pub(super) connection: u32,
}

/// The requests dispatched first, up to the first that has not ended yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    draws: Vec<Draw>,
    /// Ended, but requests dispatched before them have not.
    ahead: BTreeMap<u32, Draw>,
    /// Entries of the log that were read.
    read: usize,
    /// Positions at which the run of another generator begins.
    starts: Vec<usize>,
}

impl Sample {
    /// Reads what the log has gained.
    pub(super) fn extend(&mut self, log: &RequestLog, expected: &Expected, mapping: &Mapping) {
        let active = active(expected);
        let starts = log
            .starts()
            .iter()
            .filter_map(|start| usize::try_from(*start).ok());
        self.starts = starts.collect();
        for ended in log.since(self.read) {
            self.read += 1;
            let drawn = match ended
                .bucket
                .map(|bucket| classify(bucket, Some((expected, mapping))))
            {
                Some(Classification::Target(index)) => {
                    match (0..).zip(&active).find(|(_, active)| **active == index) {
                        Some((position, _)) => DrawOutcome::Target(position),
                        None => DrawOutcome::Unexpected,
                    }
                }
                Some(Classification::Undeclared) => DrawOutcome::Unexpected,
                Some(Classification::Unattributed | Classification::Counted) | None => {
                    DrawOutcome::Unattributed
                }
            };
            let draw = Draw {
                drawn,
                connection: ended.connection,
            };
            if !self.is_next(ended.sequence) {
                self.ahead.insert(ended.sequence, draw);
                continue;
            }
            self.draws.push(draw);
            while let Some(sequence) = self.ahead.keys().next().copied()
                && self.is_next(sequence)
            {
                self.draws.extend(self.ahead.remove(&sequence));
            }
        }
    }

    /// Whether the request at this place of the order is the next.
    fn is_next(&self, sequence: u32) -> bool {
        usize::try_from(sequence) == Ok(self.draws.len())
    }

    pub(super) fn draws(&self) -> &[Draw] {
        &self.draws
    }

    /// The first so many draws.
    pub(super) fn first(&self, n: usize) -> Self {
        Self {
            draws: self.draws[..n.min(self.draws.len())].to_vec(),
            ..Self::default()
        }
    }

    /// The draws beyond the first request that has not ended, each with its place in the order.
    pub(super) fn ahead(&self) -> impl Iterator<Item = (usize, Draw)> {
        let position = |sequence: &u32| usize::try_from(*sequence).unwrap_or(usize::MAX);
        self.ahead
            .iter()
            .map(move |(sequence, draw)| (position(sequence), *draw))
    }

    /// The draws before this place of the order, those that are missing left out.
    pub(super) fn with_ahead(&self, end: usize) -> Self {
        let mut all = self.first(end);
        let ahead = self.ahead().take_while(|(sequence, _)| *sequence < end);
        all.draws.extend(ahead.map(|(_, draw)| draw));
        all
    }

    /// The targets of the attributed responses of each connection, in their order.
    pub(super) fn connections(&self) -> Vec<Vec<usize>> {
        let mut connections: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<u32, usize> = HashMap::new();
        for (connection, target) in self.attributed() {
            let at = *known.entry(connection).or_insert_with(|| {
                connections.push(Vec::new());
                connections.len() - 1
            });
            connections[at].push(target);
        }
        connections
    }

    /// The targets of the attributed responses.
    pub(super) fn labels(&self) -> Vec<usize> {
        self.attributed().map(|(_, target)| target).collect()
    }

    /// What targets that take turns show: their shares are known but for a few responses.
    pub(super) fn by_turns(&self, turns: &Turns, design: &Design) -> Option<Decision> {
        let (lo, hi) = design.tolerated();
        if turns.exclude(&lo, &hi) {
            return Some(Decision::Diverged);
        }
        let unknown = self
            .draws
            .iter()
            .filter(|draw| draw.drawn.target().is_none());
        let doubt = unknown.count() as f64 / self.draws.len().max(1) as f64;
        let within = |target: usize| {
            let (least, most) = turns.share(target);
            let (lo, hi) = design.edges(target);
            lo.is_none_or(|lo| least - doubt > lo) && hi.is_none_or(|hi| most + doubt < hi)
        };
        let passes = design.can_pass() && (0..design.shares().len()).all(within);
        passes.then_some(Decision::Pass)
    }

    /// Whether the split changed, or was another one for a while.
    pub(super) fn is_uneven(&self, targets: usize, unit: Unit) -> bool {
        self.change(targets, unit).is_some() || self.segment(targets, unit).is_some()
    }

    /// The part of the run with a split of its own, if there is one: in the run of one generator, where there are several. Where
    /// the responses of one connection are no draws by themselves, none is looked for.
    pub(super) fn segment(&self, targets: usize, unit: Unit) -> Option<Segment> {
        if unit != Unit::Response {
            return None;
        }
        self.parts().find_map(|part| {
            let labels: Vec<usize> = part.iter().filter_map(|draw| draw.drawn.target()).collect();
            let turns = || matches!(Order::of(&labels, targets), Order::Turns(_));
            let found = segment_of_labels(&labels, targets)?;
            (!turns() && !is_step(&labels, targets)).then_some(found)
        })
    }

    /// Where the split changed, if it did: in the run of one generator, where there are several.
    pub(super) fn change(&self, targets: usize, unit: Unit) -> Option<Change> {
        self.parts().find_map(|part| change(part, targets, unit))
    }

    /// The draws of each generator.
    fn parts(&self) -> impl Iterator<Item = &[Draw]> {
        let all = self.draws.len();
        let begins = std::iter::once(0).chain(self.starts.iter().copied());
        let ends = self.starts.iter().copied().chain([all]);
        begins
            .zip(ends)
            .map(move |(begin, end)| &self.draws[begin.min(all)..end.min(all)])
    }

    /// What has to be said about a change during the run, where there were several runs.
    pub(super) fn of_a_generator(&self) -> &'static str {
        if self.starts.is_empty() {
            ""
        } else {
            " of one generator"
        }
    }

    /// The first draw of each connection.
    pub(super) fn first_of_connections(&self) -> impl Iterator<Item = DrawOutcome> {
        let mut known = HashSet::new();
        let first = move |draw: &&Draw| known.insert(draw.connection);
        self.draws.iter().filter(first).map(|draw| draw.drawn)
    }

    fn attributed(&self) -> impl Iterator<Item = (u32, usize)> {
        let of = |draw: &Draw| draw.drawn.target().map(|target| (draw.connection, target));
        self.draws.iter().filter_map(of)
    }
}

/// Whether a split that changed is even before and after: what comes and goes is a segment.
fn is_step(labels: &[usize], targets: usize) -> bool {
    let Some(step) = change_of_labels(labels, targets) else {
        return false;
    };
    let at = usize::try_from(step.at)
        .unwrap_or(usize::MAX)
        .min(labels.len());
    let (before, after) = labels.split_at(at);
    [before, after]
        .into_iter()
        .all(|side| segment_of_labels(side, targets).is_none())
}

/// Where the split changed, in responses. Where the responses of one connection are no draws by themselves, a change is looked
/// for among the first of each: twice the same answer would look like twice the evidence.
fn change(draws: &[Draw], targets: usize, unit: Unit) -> Option<Change> {
    let attributed = draws
        .iter()
        .filter_map(|draw| Some((draw.connection, draw.drawn.target()?)));
    let (connections, labels): (Vec<u32>, Vec<usize>) = attributed.unzip();
    if unit == Unit::Response {
        let found = change_of_labels(&labels, targets)?;
        let turns = || matches!(Order::of(&labels, targets), Order::Turns(_));
        return (is_step(&labels, targets) && !turns()).then_some(found);
    }
    let mut known = HashSet::new();
    let first: Vec<usize> = (0..labels.len())
        .filter(|at| known.insert(connections[*at]))
        .collect();
    let independent: Vec<usize> = first.iter().map(|at| labels[*at]).collect();
    let found = change_of_labels(&independent, targets)?;
    let at = first[usize::try_from(found.at).ok()?];
    let count = |labels: &[usize]| {
        let mut counts = vec![0; targets];
        for label in labels {
            counts[*label] += 1;
        }
        counts
    };
    Some(Change {
        at: at as u64,
        before: count(&labels[..at]),
        after: count(&labels[at..]),
        ..found
    })
}

/// Positions of the targets with a share.
pub(super) fn active(expected: &Expected) -> Vec<usize> {
    let declared = expected.declared();
    (0..declared.len())
        .filter(|index| !declared[*index].share.is_zero())
        .collect()
}
