//! The verdict in one sentence.

use super::attribution::{Classification, Row};
use super::case::Case;
use super::{Number, Outcome, Policy, Test};
use crate::observe::Observation;
use crate::stats::change::Segment;
use crate::stats::dependence::Unit;
use crate::stats::design::Design;
use crate::stats::order::Order;
use crate::units::{counted, percent, probability};

pub(super) fn undeclared(seen: &Observation) -> String {
    if seen.answered() == 0 {
        no_data(seen)
    } else {
        "nothing was declared, so nothing is judged".to_owned()
    }
}

pub(super) fn no_data(seen: &Observation) -> String {
    let example = seen
        .failures
        .iter()
        .max_by_key(|(_, failed)| failed.count)
        .filter(|(_, failed)| failed.count > 0);
    match example {
        _ if seen.sent == 0 => "nothing was sent".to_owned(),
        Some((kind, failed)) if seen.answered() == 0 => {
            let none = match seen.sent {
                1 => "the only request was not answered".to_owned(),
                sent => format!("none of {sent} requests was answered"),
            };
            format!("{none} ({kind}: {})", failed.example)
        }
        _ => format!(
            "none of {} responses could be attributed to a target",
            seen.answered()
        ),
    }
}

/// Somebody answered who should not.
pub(super) fn unexpected(case: &Case<'_>) -> String {
    let of = case.seen.sent;
    let targets = case
        .expected
        .declared()
        .iter()
        .zip(&case.attribution.counts);
    let mut idle = targets.filter(|(declared, count)| declared.share.is_zero() && **count > 0);
    if let Some((declared, count)) = idle.next() {
        return format!(
            "`{}` has weight 0, yet it answered {count} of {of} requests",
            declared.name
        );
    }
    let strangers: Vec<&Row> = (case.attribution.rows.iter())
        .filter(|row| row.place == Classification::Undeclared)
        .collect();
    let (undeclared, answered) = (case.attribution.undeclared, case.seen.answered());
    if let [only] = strangers.as_slice()
        && let Some(origin) = &only.origin
    {
        let from = format!("came from `{}`, {origin}", only.label);
        return if undeclared == answered {
            format!("all {undeclared} responses {from}")
        } else {
            format!("{undeclared} of {answered} responses {from}, which is not declared")
        };
    }
    let stranger = strangers.first().map_or("", |row| row.label.as_str());
    format!(
        "`{stranger}` is not declared, yet it answered; {undeclared} of {of} requests got a response from no declared target"
    )
}

/// Connections, or keys, stick to targets where requests should be split.
pub(super) fn per_connection(case: &Case<'_>) -> String {
    let several = case
        .rows
        .iter()
        .filter(|row| row.iter().sum::<u64>() > 1)
        .count();
    let of = match case.key {
        Some(key) => format!("keys ({key})"),
        None => "connections".to_owned(),
    };
    format!(
        "each of {several} {of} with several responses stuck to one target; the declaration splits every request"
    )
}

/// The outcome of the tests; `worst_target` is the position of the target that is off, among those with a share.
pub(super) fn tested(
    case: &Case<'_>,
    outcome: Outcome,
    worst_target: Option<usize>,
    needed: Option<u64>,
) -> String {
    match outcome {
        Outcome::Diverged => diverged(case, worst_target),
        Outcome::Pass => pass(case),
        _ => inconclusive(case, needed),
    }
}

fn pass(case: &Case<'_>) -> String {
    let sure = percent(1.0 - case.policy.beta);
    let n: u64 = case.counts.iter().sum();
    if let [only] = case.active.as_slice() {
        let name = &case.expected.declared()[*only].name;
        let bound = percent(case.most_from_elsewhere());
        if case.unexpected() > 0 {
            return format!(
                "`{name}` answered; {} from elsewhere, which is let pass: anything else gets less than {bound}, with {sure} \
                 confidence",
                counted(case.unexpected(), "response")
            );
        }
        return format!(
            "all {n} responses came from `{name}`; anything else gets less than {bound}, with {sure} confidence"
        );
    }
    let within = case.design.resolution();
    let (least, most) = within.iter().fold((f64::MAX, 0.0_f64), |(least, most), d| {
        (least.min(*d), most.max(*d))
    });
    let points = if most - least < 5e-4 {
        points(most)
    } else {
        format!("{} to {}", points(least), points(most))
    };
    let finer = finer(case).unwrap_or_default();
    format!("every share is within {points} points of its weight, with {sure} confidence{finer}")
}

/// `; 3480 requests would say 3.0`: what the planned number would rule out, where fewer were asked for.
fn finer(case: &Case<'_>) -> Option<String> {
    let widest = |design: &Design| design.resolution().into_iter().fold(0.0, f64::max);
    let policy = Policy {
        number: Number::Planned,
        ..*case.policy
    };
    let planned = policy.design(case.expected, 0);
    let requests = match case.policy.number {
        Number::Planned => return None,
        Number::Fixed => planned.requests_fixed(),
        Number::AtMost(_) => planned.requests_sequential(),
    };
    let (now, then) = (points(widest(&case.design)), points(widest(&planned)));
    let per_draw = match case.unit {
        Unit::Connection => 2,
        Unit::Response | Unit::Clustered { .. } => 1,
    };
    let coarser = widest(&case.design) > widest(&planned) && now != then;
    coarser.then(|| format!("; {} requests would say {then}", requests * per_draw))
}

/// The outcome of the classical chi-square test.
pub(super) fn by_chi_square(case: &Case<'_>, outcome: Outcome, p: f64) -> String {
    match outcome {
        Outcome::Diverged => diverged(case, None),
        Outcome::Pass => {
            let p = probability(p);
            format!(
                "the chi-square test does not reject the declared split (p {p}, alpha = {}); how far off the shares may \
                 be, it does not say",
                case.policy.alpha
            )
        }
        _ => inconclusive(case, None),
    }
}

/// What the target that is off got, if one is known, else the one that is farthest from its share.
fn farthest(case: &Case<'_>, worst_target: Option<usize>) -> String {
    let n: u64 = case.counts.iter().sum();
    let share = |i: usize| case.counts[i] as f64 / n as f64;
    let off = |i: usize| (share(i) - case.design.shares()[i]).abs();
    // Of two that mirror each other the smaller one.
    let order = |a: &usize, b: &usize| {
        let by_distance = if (off(*a) - off(*b)).abs() < 1e-9 {
            std::cmp::Ordering::Equal
        } else {
            off(*a).total_cmp(&off(*b))
        };
        let shares = case.design.shares();
        by_distance.then(shares[*b].total_cmp(&shares[*a]))
    };
    let by_distance = || (0..case.counts.len()).max_by(order);
    let worst_target = worst_target.or_else(by_distance).unwrap_or(0);
    let name = &case.expected.declared()[case.active[worst_target]].name;
    let (seen, declared) = (share(worst_target), case.design.shares()[worst_target]);
    format!(
        "`{name}` got {} of {n} responses, declared {}",
        percent(seen),
        percent(declared)
    )
}

fn diverged(case: &Case<'_>, worst_target: Option<usize>) -> String {
    let n: u64 = case.counts.iter().sum();
    let share = |i: usize| case.counts[i] as f64 / n as f64;
    let off = |i: usize| (share(i) - case.design.shares()[i]).abs();
    let text = farthest(case, worst_target);
    // Small is what a pass would not have to rule out; a target that gets nothing is never that, however small its share.
    let inside = |i: usize| {
        let (lo, hi) = case.design.edges(i);
        lo.is_none_or(|lo| share(i) > lo) && hi.is_none_or(|hi| share(i) < hi)
    };
    // A split that changed, or requests that a proxy answered for a while, are no small deviation to get used to.
    let passing = case.change.is_some()
        || case.segment.is_some()
        || super::outage::caveat(case.seen).is_some();
    if !(0..case.counts.len()).all(inside) || passing || case.policy.test == Some(Test::ChiSquare) {
        return text;
    }
    let largest = (0..case.counts.len()).map(off).fold(0.0, f64::max);
    let accept = (largest * 100.0 * 1.2).ceil() / 100.0;
    // What would let a target get nothing is no advice.
    let least = case.design.shares().iter().copied().fold(1.0, f64::min);
    if accept >= least {
        return text;
    }
    let accept = points(accept);
    format!("{text}; certain but small: if that is acceptable, --tolerance {accept}pp")
}

fn inconclusive(case: &Case<'_>, needed: Option<u64>) -> String {
    let n: u64 = case.counts.iter().sum();
    if case.too_many_unattributed() {
        let (lost, sent) = (case.attribution.unattributed, case.seen.sent);
        let share = percent(lost as f64 / sent as f64);
        let limit = percent(case.policy.max_unattributed);
        if case.seen.retried > 0 {
            let also = match lost {
                0 => String::new(),
                lost => format!(", and {lost} could not be attributed to a target"),
            };
            let words = super::retries::words(case.seen);
            return format!(
                "{words}{also}: whose they are nobody knows, and at most {limit} may be anybody's"
            );
        }
        return format!(
            "{lost} of {sent} requests ({share}) could not be attributed to a target; at most {limit} may be"
        );
    }
    if let Some(change) = &case.change {
        return format!(
            "the split changed during the run{}, after {} responses",
            case.sample.of_a_generator(),
            change.at
        );
    }
    if let Some(segment) = &case.segment {
        return for_a_while(case, segment);
    }
    if case.only_in_step() {
        return in_step(case, needed);
    }
    if let Order::Bursts(_) = case.order {
        let settles = needed.map_or_else(String::new, |needed| {
            format!("; about {needed} requests would settle it")
        });
        return format!(
            "responses that follow each other come from the same target more often than draws do: {n} are worth about {} \
             independent ones{settles}",
            case.order.worth(n)
        );
    }
    if let Unit::Clustered { icc, .. } = case.unit {
        return format!(
            "responses of one connection resemble each other (intraclass correlation {icc:.2})"
        );
    }
    if case.connections_seem_to_stick() {
        return "no connection reached two targets, which chance hardly explains; more requests would tell whether connections \
                are split instead of requests"
            .to_owned();
    }
    let sent = case.seen.sent;
    let Some(needed) = needed else {
        return match case.anybodys() {
            0 => "the shares lie at the very edge of what is accepted: no number of requests would decide".to_owned(),
            lost => format!("{sent} requests do not decide, and with {lost} unattributed ones no number would"),
        };
    };
    if n < case.design.requests_fixed() {
        let few = if n == 1 {
            "1 response is".to_owned()
        } else {
            format!("{n} responses are")
        };
        return format!("{few} too few to tell; about {needed} requests would settle it");
    }
    format!(
        "the shares lie at the edge of what is accepted: {sent} requests do not decide, about {needed} would"
    )
}

/// What workers that begin their turns in step may have done.
fn in_step(case: &Case<'_>, needed: Option<u64>) -> String {
    let settles = needed.map_or_else(String::new, |needed| {
        format!("; about {needed} requests would settle it")
    });
    format!(
        "{}: chance hardly does that, and up to 32 workers of a proxy that begin their turns in step may{settles}",
        farthest(case, None)
    )
}

/// The part of a run with a split of its own, in words.
pub(super) fn for_a_while(case: &Case<'_>, segment: &Segment) -> String {
    let sum = |counts: &[u64]| counts.iter().sum::<u64>().max(1);
    let (own, rest) = (sum(&segment.inside), sum(&segment.outside));
    let share = |target: usize| segment.inside[target] as f64 / own as f64;
    let off = |target: usize| (share(target) - segment.outside[target] as f64 / rest as f64).abs();
    // Of two that mirror each other the smaller one.
    let order = |a: &usize, b: &usize| {
        let by_share = case.design.shares()[*b].total_cmp(&case.design.shares()[*a]);
        off(*a).total_cmp(&off(*b)).then(by_share)
    };
    let target = (0..segment.inside.len()).max_by(order).unwrap_or(0);
    format!(
        "the split was another one for a while{}: `{}` got {} of {own} responses after the first {}, and {} of the others",
        case.sample.of_a_generator(),
        case.expected.declared()[case.active[target]].name,
        segment.inside[target],
        segment.from,
        percent(segment.outside[target] as f64 / rest as f64)
    )
}

/// A deviation in percentage points.
fn points(deviation: f64) -> String {
    format!("{:.1}", deviation * 100.0)
}
