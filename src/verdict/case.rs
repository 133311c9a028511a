//! What a judgement looks at: the declaration, the counts, and how responses go together.

use super::attribution::Attribution;
use super::in_step::Balancer;
use super::sample::{DEPENDENCE_WINDOW, DrawOutcome, Sample, active};
use super::watch::Watch;
use super::{Balancing, Evidence, Hypothesis, Policy, balancing};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::change::{Change, Segment};
use crate::stats::clusters::{self, Accepted, ClusterTest};
use crate::stats::dependence::{self, Purity, RaoScott, Row, purity, rao_scott};
use crate::stats::design::Design;
use crate::stats::order::Order;

/// Draws of the permutation test at the end of a run.
const DRAWS: u32 = 9999;

/// Everything a judgement looks at.
pub(super) struct Case<'a> {
    pub(super) expected: &'a Expected,
    pub(super) attribution: &'a Attribution,
    pub(super) seen: &'a Observation,
    pub(super) hypotheses: &'a [Hypothesis],
    pub(super) policy: &'a Policy,
    pub(super) design: Design,
    /// Positions of the targets with a share.
    pub(super) active: Vec<usize>,
    /// Their counts.
    pub(super) counts: Vec<u64>,
    /// The same responses one by one, as far as they are remembered.
    pub(super) sample: Sample,
    /// The same by connection.
    pub(super) rows: Vec<Row>,
    pub(super) purity: Purity,
    pub(super) unit: dependence::Unit,
    /// What the declaration says about connections: a route of connections says it itself.
    pub(super) balancing: Balancing,
    /// Where the split changed, if it did: in the run of one generator, where there are several.
    pub(super) change: Option<Change>,
    /// The part of the run with a split of its own, if there is one.
    pub(super) segment: Option<Segment>,
    /// Who shares out the requests.
    pub(super) balancer: Balancer,
    /// How the targets of the responses follow each other, where these are the draws.
    pub(super) order: Order,
    pub(super) watch: Option<&'a Watch>,
    /// What the connections of the log stand for, where that is a key.
    pub(super) key: Option<&'a str>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        expected: &'a Expected,
        evidence: Evidence<'a>,
        policy: &'a Policy,
        watch: Option<&'a Watch>,
        sample: Sample,
    ) -> Self {
        let active = active(expected);
        let counts = active
            .iter()
            .map(|index| evidence.attribution.counts[*index])
            .collect();
        let decided = watch.and_then(|watch| watch.decided);
        // It was looked at when the result became certain.
        let looked_at = decided.filter(|decided| decided.sticky);
        let looked_at = looked_at.map_or(DEPENDENCE_WINDOW, |decided| {
            decided.at.min(DEPENDENCE_WINDOW)
        });
        let connections = sample.first(looked_at).connections();
        let rows = dependence::rows(&connections, active.len());
        let unit = match decided {
            Some(decided) => decided.unit,
            // With one target there is nothing that connections could differ in.
            None if active.len() == 1 => dependence::Unit::Response,
            None => dependence::unit(&connections, active.len(), DRAWS, policy.seed),
        };
        let draws = match unit {
            dependence::Unit::Connection => sample.first_of_connections().count() as u64,
            dependence::Unit::Response | dependence::Unit::Clustered { .. } => evidence.seen.sent,
        };
        let design = policy.design(expected, draws);
        let balancer = Balancer::of(evidence.seen);
        let change = sample.change(active.len(), unit);
        let segment = sample.segment(active.len(), unit);
        // Workers in step change nothing.
        let in_step = unit == dependence::Unit::Response
            && (change.is_some() || segment.is_some())
            && balancer.begins_late(&sample.labels(), &design);
        let (change, segment) = if in_step {
            (None, None)
        } else {
            (change, segment)
        };
        Self {
            expected,
            balancing: balancing(expected, policy),
            attribution: evidence.attribution,
            seen: evidence.seen,
            hypotheses: evidence.hypotheses,
            key: evidence.key,
            policy,
            design,
            balancer,
            counts,
            purity: purity(&rows),
            unit,
            // Two splits, one after the other, are no bursts.
            order: match unit {
                dependence::Unit::Response if change.is_none() => {
                    order(&sample, decided.map(|decided| decided.at), active.len())
                }
                _ => Order::Draws,
            },
            change,
            segment,
            active,
            sample,
            rows,
            watch,
        }
    }

    /// Responses that should not exist: from zero-weight or undeclared targets.
    pub(super) fn unexpected(&self) -> u64 {
        self.attribution.attributed() - self.counts.iter().sum::<u64>()
            + self.attribution.undeclared
    }

    /// Whether targets are chosen per connection, beyond chance.
    pub(super) fn per_connection(&self) -> bool {
        self.active.len() > 1 && self.purity.per_connection_at(self.policy.alpha)
    }

    /// Whether all connections are pure, which chance makes so rarely that requests are hardly split one by one, as they are
    /// declared to be.
    pub(super) fn connections_seem_to_stick(&self) -> bool {
        self.balancing == Balancing::Request
            && self.unit == dependence::Unit::Connection
            && self.purity.suspicious_at(self.policy.beta)
    }

    /// The first responses of the connections by target, and how many of them are unattributed.
    pub(super) fn first_of_connections(&self) -> (Vec<u64>, u64) {
        let (mut counts, mut unattributed) = (vec![0; self.active.len()], 0);
        for drawn in self.sample.first_of_connections() {
            match drawn {
                DrawOutcome::Target(target) => counts[usize::from(target)] += 1,
                DrawOutcome::Unattributed => unattributed += 1,
                DrawOutcome::Unexpected => {}
            }
        }
        (counts, unattributed)
    }

    pub(super) fn rao_scott(&self) -> RaoScott {
        rao_scott(&self.rows, self.design.shares())
    }

    /// The test of the declared split over connections of which the responses resemble each other.
    pub(super) fn cluster_test(&self) -> ClusterTest {
        let (lo, hi) = self.design.tolerated();
        let accepted = Accepted {
            shares: self.design.shares(),
            lo: &lo,
            hi: &hi,
        };
        clusters::test(&self.counts, &self.rows, accepted, self.anybodys())
    }

    /// The largest distance of a share from its declaration, among all answers with a known origin: targets without a
    /// share and what was not declared count as well.
    pub(super) fn max_deviation(&self) -> Option<f64> {
        let identified = self.attribution.attributed() + self.attribution.undeclared;
        let share = |count: u64| count as f64 / identified as f64;
        let targets = self
            .expected
            .declared()
            .iter()
            .zip(&self.attribution.counts);
        let deviations =
            targets.map(|(declared, count)| (share(*count) - declared.share.as_f64()).abs());
        let largest = deviations.fold(share(self.attribution.undeclared), f64::max);
        (identified > 0).then_some(largest)
    }

    /// Requests that may be anybody's in the worst case: those that nobody can be tied to, and the first sends of those that
    /// were sent again.
    pub(super) fn anybodys(&self) -> u64 {
        self.attribution.unattributed + self.seen.retried
    }

    pub(super) fn too_many_unattributed(&self) -> bool {
        let total = self.seen.sent.max(1);
        self.anybodys() as f64 / total as f64 > self.policy.max_unattributed
    }
}

/// How the targets of responses follow each other. Turns that a result became certain by stay turns: what came while that was
/// found out may end in the middle of one.
fn order(sample: &Sample, decided_at: Option<usize>, targets: usize) -> Order {
    let then = decided_at.map(|at| Order::of(&sample.first(at).labels(), targets));
    match then {
        Some(turns @ Order::Turns(_)) => turns,
        _ => Order::of(&sample.labels(), targets),
    }
}
