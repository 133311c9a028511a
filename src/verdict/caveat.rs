//! What weakens a verdict, and what to do about it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Test;
use super::attribution::Classification;
use super::case::Case;
use super::reason;
use super::response_flags::{advice, meaning};
use crate::diag::{Code, Note};
use crate::split::{Identity, Mechanism, ResponseFlag};
use crate::stats::dependence::Unit;
use crate::stats::dispersion::rotation;
use crate::stats::order::Order;
use crate::units::percent;

/// Fewer connections than this say little about a proxy that balances connections.
const FEW_CONNECTIONS: u64 = 20;

/// Everything that has to be said beside the verdict.
pub(super) fn caveats(case: &Case<'_>) -> Vec<Note> {
    let rules = [
        tolerance_covers_target,
        coarse_resolution,
        unattributed,
        too_many_values,
        split_changed,
        split_uneven,
        serial_dependence,
        few_connections,
        clustered,
        sticky,
        too_regular,
    ];
    rules.iter().filter_map(|rule| rule(case)).collect()
}

fn tolerance_covers_target(case: &Case<'_>) -> Option<Note> {
    let declared = case
        .active
        .iter()
        .map(|index| &case.expected.declared()[*index]);
    let mut covered = declared.filter(|declared| case.policy.tolerance >= declared.share.as_f64());
    let target = covered.next().filter(|_| case.active.len() > 1)?;
    Some(Note::new(
        Code::ToleranceCoversTarget,
        format!(
            "with this --tolerance `{}` could receive nothing and still pass",
            target.name
        ),
    ))
}

fn coarse_resolution(case: &Case<'_>) -> Option<Note> {
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
    Some(Note::new(
        Code::CoarseResolution,
        format!(
            "the resolution ({}) is coarser than the smallest share ({}): a pass does not show how much it gets",
            percent(asked),
            percent(smallest)
        ),
    ))
}

fn unattributed(case: &Case<'_>) -> Option<Note> {
    let (part, total) = (case.attribution.unattributed, case.seen.sent);
    // Where there are too many, or nothing else, the verdict says so itself.
    if part == 0 || case.too_many_unattributed() {
        return None;
    }
    let judged = if case.policy.test == Some(Test::ChiSquare) {
        "the chi-square test leaves them out"
    } else {
        "the verdict allows for the worst"
    };
    Some(Note::new(
        Code::Unattributed,
        format!(
            "{part} of {total} requests could not be attributed to a target; {judged}{}",
            local_replies(case)
        ),
    ))
}

/// Which of the unattributed responses a proxy gave by itself, and what to do about most of them.
fn local_replies(case: &Case<'_>) -> String {
    let mut kinds: BTreeMap<(u16, Option<ResponseFlag>), u64> = BTreeMap::new();
    let rows = case.attribution.rows.iter();
    let unattributed = rows.filter(|row| row.place == Classification::Unattributed);
    for bucket in unattributed.flat_map(|row| &row.buckets) {
        if let (Some((flag, _)), Some(tally)) =
            (bucket.local_reply(), case.seen.tallies.get(bucket))
        {
            *kinds.entry((bucket.status, flag)).or_default() += tally.count;
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| Reverse(*count));
    let Some(((status, most), _)) = kinds.first().copied() else {
        return String::new();
    };
    let words = kinds.iter().map(|((status, flag), count)| match flag {
        Some(flag) => format!("{count} × {status} {} ({})", flag.short(), meaning(*flag)),
        None => format!("{count} × {status}"),
    });
    let words = words.collect::<Vec<_>>().join(", ");
    let step = advice(most, status, "the target of these requests");
    format!("; the proxy itself gave {words}: {step}")
}

fn too_many_values(case: &Case<'_>) -> Option<Note> {
    let mut buckets = case.seen.tallies.keys();
    buckets.find(|bucket| bucket.identity == Identity::Overflow)?;
    Some(Note::new(Code::TooManyValues,
        "responses carry too many distinct values to keep apart; choose what tells them apart with --bucket".to_owned(),
    ))
}

fn split_changed(case: &Case<'_>) -> Option<Note> {
    let change = case.change.as_ref()?;
    let shares = |counts: &[u64]| {
        let n: u64 = counts.iter().sum();
        let parts = counts
            .iter()
            .map(|count| percent(*count as f64 / n.max(1) as f64));
        parts.collect::<Vec<_>>().join("/")
    };
    Some(Note::new(
        Code::SplitChanged,
        format!(
            "the split changed during the run{}: the first {} responses were {}, the rest {}; was the configuration still \
             propagating? run again, or wait with --settle 30s",
            case.sample.of_a_generator(),
            change.at,
            shares(&change.before),
            shares(&change.after)
        ),
    ))
}

fn split_uneven(case: &Case<'_>) -> Option<Note> {
    let segment = case.segment.as_ref()?;
    Some(Note::new(
        Code::SplitUneven,
        format!(
            "{}; a target that is ejected or not ready for a while does that, and so do workers that take turns in step",
            reason::for_a_while(case, segment)
        ),
    ))
}

fn serial_dependence(case: &Case<'_>) -> Option<Note> {
    let Order::Bursts(_) = case.order else {
        return None;
    };
    if case.change.is_some() || case.segment.is_some() {
        return None;
    }
    let n: u64 = case.counts.iter().sum();
    let judged = if case.policy.test == Some(Test::ChiSquare) {
        ", which the chi-square test does not allow for"
    } else {
        ""
    };
    Some(Note::new(
        Code::SerialDependence,
        format!(
            "responses that follow each other come from the same target more often than draws do: {n} of them are worth about \
             {} independent ones{judged}",
            case.order.worth(n)
        ),
    ))
}

fn few_connections(case: &Case<'_>) -> Option<Note> {
    let reused = case.rows.iter().any(|row| row.iter().sum::<u64>() > 1);
    if case.seen.connections >= FEW_CONNECTIONS || !reused || case.active.len() < 2 {
        return None;
    }
    Some(Note::new(
        Code::FewConnections,
        format!(
            "all requests went over {} connections; if anything on the way balances connections, this shows little: \
             use more (-c), or --reuse 2",
            case.seen.connections
        ),
    ))
}

fn clustered(case: &Case<'_>) -> Option<Note> {
    let Unit::Clustered { p, icc } = case.unit else {
        return None;
    };
    let judged = if case.policy.test == Some(Test::ChiSquare) {
        "which the chi-square test does not allow for"
    } else {
        "and cannot pass"
    };
    Some(Note::new(
        Code::Clustered,
        format!(
            "responses of one connection resemble each other (p = {p:.4}, intraclass correlation {icc:.2}): they are worth \
             about {:.0} independent ones, {judged}",
            case.rao_scott().effective_n
        ),
    ))
}

fn sticky(case: &Case<'_>) -> Option<Note> {
    if !case.per_connection() || case.balancing == super::Balancing::Request {
        return None;
    }
    Some(Note::new(
        Code::PerConnection,
        match case.key {
            Some(key) => format!("every key ({key}) sticks to one target"),
            None => "every connection sticks to one target: connections are balanced, not requests"
                .to_owned(),
        },
    ))
}

fn too_regular(case: &Case<'_>) -> Option<Note> {
    let rotation = rotation(&case.sample.labels(), case.active.len()).map(|rotation| {
        format!(
            " (windows of {} responses vary {:.2} times as much)",
            rotation.window, rotation.index
        )
    });
    let turns = || matches!(case.order, Order::Turns(_)).then(String::new);
    let windows = rotation.or_else(turns)?;
    let declared = match case.expected.mechanism {
        Mechanism::Wrr => "as declared",
        _ => "so that requests are not drawn independently",
    };
    Some(Note::new(
        Code::TooRegular,
        format!("the split is too regular to be drawn{windows}: a rotation, {declared}"),
    ))
}
