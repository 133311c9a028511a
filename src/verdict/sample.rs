//! Responses in the order in which their requests were dispatched, as targets.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::attribution::{Classification, classify};
use super::mapping::Mapping;
use crate::observe::{NumberSet, RequestLog};
use crate::split::{Bucket, Expected};
use crate::stats::Label;
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
    /// At the target at this position among those with a share.
    Target(Label),
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

/// What stands for a draw that is no target.
const UNEXPECTED: Label = Label::MAX;
const UNATTRIBUTED: Label = Label::MAX - 1;

/// The requests dispatched first, up to the first that has not ended yet. There may be a million of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// Where they ended: a target, or one of the two above.
    ends: Vec<Label>,
    /// Their connections.
    connections: Vec<u32>,
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
        let more = log.len().saturating_sub(self.read);
        self.ends.reserve(more);
        self.connections.reserve(more);
        let starts = log
            .starts()
            .iter()
            .filter_map(|start| usize::try_from(*start).ok());
        self.starts = starts.collect();
        let end = |bucket: &Bucket| match classify(bucket, Some((expected, mapping))) {
            Classification::Target(index) => {
                let position = (0..).zip(&active).find(|(_, active)| **active == index);
                let target = position.map(|(position, _)| DrawOutcome::Target(position));
                Some(target.unwrap_or(DrawOutcome::Unexpected))
            }
            Classification::Undeclared => Some(DrawOutcome::Unexpected),
            Classification::Unattributed | Classification::Counted => None,
        };
        for ended in log.since_of(self.read, end) {
            self.read += 1;
            let draw = Draw {
                drawn: ended.of.unwrap_or(DrawOutcome::Unattributed),
                connection: ended.connection,
            };
            if !self.is_next(ended.sequence) {
                self.ahead.insert(ended.sequence, draw);
                continue;
            }
            self.push(draw);
            while let Some(first) = self.ahead.first_entry()
                && usize::try_from(*first.key()) == Ok(self.ends.len())
            {
                let draw = first.remove();
                self.push(draw);
            }
        }
    }

    /// Whether the request at this place of the order is the next.
    fn is_next(&self, sequence: u32) -> bool {
        usize::try_from(sequence) == Ok(self.ends.len())
    }

    fn push(&mut self, draw: Draw) {
        self.ends.push(match draw.drawn {
            DrawOutcome::Target(target) => target,
            DrawOutcome::Unexpected => UNEXPECTED,
            DrawOutcome::Unattributed => UNATTRIBUTED,
        });
        self.connections.push(draw.connection);
    }

    /// The draw at this place of the order.
    pub(super) fn get(&self, at: usize) -> Option<Draw> {
        Some(Draw {
            drawn: drawn(*self.ends.get(at)?),
            connection: self.connections[at],
        })
    }

    /// The first so many draws.
    pub(super) fn first(&self, n: usize) -> Self {
        let n = n.min(self.ends.len());
        Self {
            ends: self.ends[..n].to_vec(),
            connections: self.connections[..n].to_vec(),
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
        ahead.for_each(|(_, draw)| all.push(draw));
        all
    }

    /// The targets of the attributed responses of each connection, in their order.
    pub(super) fn connections(&self) -> Vec<Vec<usize>> {
        let mut connections: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<u32, usize> = HashMap::new();
        for (connection, target) in attributed(&self.connections, &self.ends) {
            let at = *known.entry(connection).or_insert_with(|| {
                connections.push(Vec::new());
                connections.len() - 1
            });
            connections[at].push(target.into());
        }
        connections
    }

    /// The targets of the attributed responses.
    pub(super) fn labels(&self) -> Vec<Label> {
        labels(&self.ends)
    }

    /// What targets that take turns show: their shares are known but for a few responses.
    pub(super) fn by_turns(&self, turns: &Turns, design: &Design) -> Option<Decision> {
        let (lo, hi) = design.tolerated();
        if turns.exclude(&lo, &hi) {
            return Some(Decision::Diverged);
        }
        let unknown = self.ends.iter().filter(|end| !is_target(**end));
        let doubt = unknown.count() as f64 / self.ends.len().max(1) as f64;
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
            let labels = labels(&self.ends[part]);
            let turns = || matches!(Order::of(&labels, targets), Order::Turns(_));
            let found = segment_of_labels(&labels, targets)?;
            (!turns() && !is_step(&labels, targets)).then_some(found)
        })
    }

    /// Where the split changed, if it did: in the run of one generator, where there are several.
    pub(super) fn change(&self, targets: usize, unit: Unit) -> Option<Change> {
        self.parts().find_map(|part| {
            let (connections, ends) = (&self.connections[part.clone()], &self.ends[part]);
            change(connections, ends, targets, unit)
        })
    }

    /// The draws of each generator.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let all = self.ends.len();
        let begins = std::iter::once(0).chain(self.starts.iter().copied());
        let ends = self.starts.iter().copied().chain([all]);
        begins
            .zip(ends)
            .map(move |(begin, end)| begin.min(all)..end.min(all))
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
        let mut known = NumberSet::default();
        let draws = self.connections.iter().zip(&self.ends);
        let first = draws.filter(move |(connection, _)| known.insert(**connection));
        first.map(|(_, end)| drawn(*end))
    }
}

fn drawn(end: Label) -> DrawOutcome {
    match end {
        UNEXPECTED => DrawOutcome::Unexpected,
        UNATTRIBUTED => DrawOutcome::Unattributed,
        target => DrawOutcome::Target(target),
    }
}

fn is_target(end: Label) -> bool {
    end < UNATTRIBUTED
}

/// The targets among where requests ended.
fn labels(ends: &[Label]) -> Vec<Label> {
    let mut labels = Vec::with_capacity(ends.len());
    labels.extend(ends.iter().copied().filter(|end| is_target(*end)));
    labels
}

/// The same with their connections.
fn attributed<'a>(
    connections: &'a [u32],
    ends: &'a [Label],
) -> impl Iterator<Item = (u32, Label)> + 'a {
    let all = connections.iter().copied().zip(ends.iter().copied());
    all.filter(|(_, end)| is_target(*end))
}

/// Whether a split that changed is even before and after: what comes and goes is a segment.
fn is_step(labels: &[Label], targets: usize) -> bool {
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
fn change(connections: &[u32], ends: &[Label], targets: usize, unit: Unit) -> Option<Change> {
    let labels = labels(ends);
    if unit == Unit::Response {
        let found = change_of_labels(&labels, targets)?;
        let turns = || matches!(Order::of(&labels, targets), Order::Turns(_));
        return (is_step(&labels, targets) && !turns()).then_some(found);
    }
    let mut known = NumberSet::default();
    let all = attributed(connections, ends).enumerate();
    let independent = all.filter(|(_, (connection, _))| known.insert(*connection));
    let (first, independent): (Vec<usize>, Vec<Label>) =
        independent.map(|(at, (_, target))| (at, target)).unzip();
    let found = change_of_labels(&independent, targets)?;
    let at = first[usize::try_from(found.at).ok()?];
    let count = |labels: &[Label]| {
        let mut counts = vec![0; targets];
        for label in labels {
            counts[usize::from(*label)] += 1;
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
