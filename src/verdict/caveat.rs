//! What weakens a verdict, and what to do about it.

use super::case::Case;
use super::{Caveat, Test};
use crate::split::{Identity, Mechanism};
use crate::stats::dependence::Unit;
use crate::stats::dispersion::rotation;
use crate::units::percent;

/// Fewer connections than this say little about a proxy that balances connections.
const FEW_CONNECTIONS: u64 = 20;

/// Everything that has to be said beside the verdict.
pub(super) fn caveats(case: &Case<'_>) -> Vec<Caveat> {
    let rules = [
        tolerance_covers_target,
        coarse_resolution,
        unattributed,
        too_many_values,
        split_changed,
        few_connections,
        clustered,
        sticky,
        too_regular,
    ];
    rules.iter().filter_map(|rule| rule(case)).collect()
}

fn caveat(id: &str, message: String) -> Caveat {
    Caveat {
        id: id.to_owned(),
        message,
    }
}

fn tolerance_covers_target(case: &Case<'_>) -> Option<Caveat> {
    let declared = case
        .active
        .iter()
        .map(|index| &case.expected.declared()[*index]);
    let mut covered = declared.filter(|declared| case.policy.tolerance >= declared.share.as_f64());
    let target = covered.next().filter(|_| case.active.len() > 1)?;
    Some(caveat(
        "tolerance-covers-target",
        format!(
            "with this --tolerance `{}` could receive nothing and still pass",
            target.name
        ),
    ))
}

fn coarse_resolution(case: &Case<'_>) -> Option<Caveat> {
    let asked = case.policy.resolution?;
    let smallest = case
        .design
        .shares()
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    if asked < smallest || case.active.len() < 2 {
        return None;
    }
    Some(caveat(
        "coarse-resolution",
        format!(
            "the resolution ({}) is coarser than the smallest share ({}): a pass does not show how much it gets",
            percent(asked),
            percent(smallest)
        ),
    ))
}

fn unattributed(case: &Case<'_>) -> Option<Caveat> {
    let (part, total) = (case.sorted.unattributed, case.seen.sent);
    // Where there are too many, or nothing else, the verdict says so itself.
    if part == 0 || case.too_many_unattributed() {
        return None;
    }
    let judged = if case.policy.test == Some(Test::ChiSquare) {
        "the chi-square test leaves them out"
    } else {
        "the verdict allows for the worst"
    };
    Some(caveat(
        "unattributed",
        format!("{part} of {total} requests could not be attributed to a target; {judged}"),
    ))
}

fn too_many_values(case: &Case<'_>) -> Option<Caveat> {
    let mut buckets = case.seen.tallies.keys();
    buckets.find(|bucket| bucket.identity == Identity::Overflow)?;
    Some(caveat(
        "too-many-values",
        "answers carry too many distinct values to keep apart; choose what tells them apart with --bucket".to_owned(),
    ))
}

fn split_changed(case: &Case<'_>) -> Option<Caveat> {
    let change = case.change.as_ref()?;
    let shares = |counts: &[u64]| {
        let n: u64 = counts.iter().sum();
        let parts = counts
            .iter()
            .map(|count| percent(*count as f64 / n.max(1) as f64));
        parts.collect::<Vec<_>>().join("/")
    };
    Some(caveat(
        "split-changed",
        format!(
            "the split changed during the run{}: the first {} answers were {}, the rest {}; was the configuration still \
             propagating? run again, or wait with --settle 30s",
            case.sample.of_a_generator(),
            change.at,
            shares(&change.before),
            shares(&change.after)
        ),
    ))
}

fn few_connections(case: &Case<'_>) -> Option<Caveat> {
    let reused = case.rows.iter().any(|row| row.iter().sum::<u64>() > 1);
    if case.seen.connections >= FEW_CONNECTIONS || !reused || case.active.len() < 2 {
        return None;
    }
    Some(caveat(
        "few-connections",
        format!(
            "all requests went over {} connections; if anything on the way balances connections, this shows little: \
             use more (-c), or --reuse 2",
            case.seen.connections
        ),
    ))
}

fn clustered(case: &Case<'_>) -> Option<Caveat> {
    let Unit::Clustered { p, icc } = case.unit else {
        return None;
    };
    let judged = if case.policy.test == Some(Test::ChiSquare) {
        "which the chi-square test does not allow for"
    } else {
        "and cannot pass"
    };
    Some(caveat(
        "clustered",
        format!(
            "answers of one connection resemble each other (p = {p:.4}, intraclass correlation {icc:.2}): they are worth \
             about {:.0} independent ones, {judged}",
            case.rao_scott().effective_n
        ),
    ))
}

fn sticky(case: &Case<'_>) -> Option<Caveat> {
    if !case.per_connection() || case.balancing == super::Balancing::Request {
        return None;
    }
    Some(caveat(
        "per-connection",
        "every connection sticks to one target: connections are balanced, not requests".to_owned(),
    ))
}

fn too_regular(case: &Case<'_>) -> Option<Caveat> {
    let rotation = rotation(&case.sample.labels(), case.active.len())?;
    let declared = match case.expected.mechanism {
        Mechanism::Wrr => "as declared",
        _ => "so that requests are not drawn independently",
    };
    Some(caveat(
        "too-regular",
        format!(
            "the split is too regular to be drawn (windows of {} answers vary {:.2} times as much): a rotation, {declared}",
            rotation.window, rotation.index
        ),
    ))
}
