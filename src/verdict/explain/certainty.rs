//! How sure an explanation is: what else the responses would fit.

use super::FITS;
use crate::diag::Note;
use crate::stats::dependence::Unit;
use crate::stats::interval::{Interval, clopper_pearson};
use crate::units::counted;
use crate::verdict::Hypothesis;
use crate::verdict::case::Case;

/// Shares that fit beside that of an explanation, from the lowest to the highest; where they are more it may be another one.
const WIDE: f64 = 0.1;

/// An explanation with the number of responses that fit it, and what else they would fit.
pub(super) fn note(case: &Case<'_>, counts: &[u64], hypothesis: &Hypothesis) -> Note {
    let n: u64 = counts.iter().sum();
    let what = match case.unit {
        Unit::Connection => counted(n, "connection"),
        Unit::Response | Unit::Clustered { .. } => counted(n, "response"),
    };
    let fit = if n == 1 { "fits" } else { "fit" };
    let (target, range) = range(case, counts, hypothesis);
    let name = &case.expected.declared()[case.active[target]].name;
    let range = in_words(range, name);
    let said = &hypothesis.note.message;
    let message = match &hypothesis.split {
        Some(split) => format!("{what} {fit} {split} ({range}): {said}"),
        None => format!("{said}; {what} {fit} that ({range})"),
    };
    Note {
        message,
        ..hypothesis.note.clone()
    }
}

/// Whether the responses would fit much else.
pub(super) fn is_wide(case: &Case<'_>, counts: &[u64], hypothesis: &Hypothesis) -> bool {
    let (_, Interval { lo, hi }) = range(case, counts, hypothesis);
    hi - lo > WIDE
}

/// The target whose share is the farthest from the declared one under an explanation, of two alike the one with less, and the
/// shares of it that the counts do not reject.
fn range(case: &Case<'_>, counts: &[u64], hypothesis: &Hypothesis) -> (usize, Interval) {
    let declared = case.design.shares();
    let off = |at: usize| (hypothesis.shares[at] - declared[at]).abs();
    let order = |a: &usize, b: &usize| {
        let by_distance = if (off(*a) - off(*b)).abs() < 1e-9 {
            std::cmp::Ordering::Equal
        } else {
            off(*a).total_cmp(&off(*b))
        };
        by_distance.then(declared[*b].total_cmp(&declared[*a]))
    };
    let target = (0..counts.len()).max_by(order).unwrap_or(0);
    let n = counts.iter().sum();
    (target, clopper_pearson(counts[target], n, FITS))
}

/// `anything from 30 to 70% for `v2` would`, rounded to the inside.
fn in_words(Interval { lo, hi }: Interval, name: &str) -> String {
    let per = if hi - lo > WIDE { 1.0 } else { 10.0 };
    let decimals = usize::from(per > 1.0);
    let low = (lo * 100.0 * per).ceil() / per;
    let high = (hi * 100.0 * per).floor() / per;
    if lo <= 0.0 {
        format!("anything up to {high:.decimals$}% for `{name}` would")
    } else {
        format!("anything from {low:.decimals$} to {high:.decimals$}% for `{name}` would")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_rounded_to_the_inside() {
        let said = |x, n| in_words(clopper_pearson(x, n, FITS), "v2");
        assert_eq!(said(13, 25), "anything from 27 to 77% for `v2` would");
        assert_eq!(said(0, 132), "anything up to 3.9% for `v2` would");
        assert_eq!(
            said(1500, 3000),
            "anything from 47.7 to 52.3% for `v2` would"
        );
        assert_eq!(said(40, 40), "anything from 88 to 100% for `v2` would");
    }
}
