//! What formats say about health first: which targets respond mostly with errors, and what to do about replies of the proxy.

use super::lines::{Line, lines};
use super::{Place, Report};
use crate::diag::{Code, Note};
use crate::split::ResponseFlag;
use crate::verdict::{Outcome, advice};

/// A target whose responses are mostly errors.
pub(super) struct Failing {
    /// Its name; `all` where nothing is declared.
    pub(super) target: String,
    /// How many of its responses are errors.
    pub(super) errors: u64,
    /// Its responses.
    pub(super) total: u64,
}

/// The note about failing targets, which leads every format.
pub(super) fn note(report: &Report) -> Option<&Note> {
    let mut caveats = report.verdict.caveats.iter();
    caveats.find(|caveat| caveat.code == Code::TargetErrors)
}

/// The other notes, in their order.
pub(super) fn other_notes(report: &Report) -> impl Iterator<Item = &Note> {
    let caveats = report.verdict.caveats.iter();
    caveats.filter(|caveat| caveat.code != Code::TargetErrors)
}

/// The targets that the note is about, with their counts.
pub(super) fn failing(report: &Report) -> Vec<Failing> {
    if note(report).is_none() {
        return Vec::new();
    }
    let counts = |line: &Line<'_>, target: &str| Failing {
        target: target.to_owned(),
        errors: line.errors(),
        total: line.count,
    };
    let lines = lines(report);
    let Some(split) = report.split() else {
        let all = lines.iter().map(|line| counts(line, "all"));
        let all = all.reduce(|sum, own| Failing {
            errors: sum.errors + own.errors,
            total: sum.total + own.total,
            ..sum
        });
        return all.into_iter().collect();
    };
    // The lines of the targets come first, in the order of the declaration.
    (split.declared().iter().zip(&lines))
        .filter(|(declared, _)| declared.target.status().is_none())
        .map(|(declared, line)| counts(line, &declared.name))
        .filter(|own| own.errors > own.total / 2)
        .collect()
}

/// What to do where the verdict stays open because of replies of the proxy, if most of what is unattributed are such.
pub(super) fn step(report: &Report) -> Option<String> {
    if report.verdict.outcome != Outcome::Inconclusive {
        return None;
    }
    let rows = &report.observation.rows;
    let mut counts: Vec<(Option<ResponseFlag>, u64)> = Vec::new();
    let unattributed = (rows.buckets.iter()).filter(|row| row.place == Place::Unattributed);
    for responses in unattributed.flat_map(|row| &row.answers) {
        let Some((flag, _)) = responses.bucket.local_reply() else {
            continue;
        };
        match counts.iter_mut().find(|(known, _)| *known == flag) {
            Some((_, count)) => *count += responses.tally.count,
            None => counts.push((flag, responses.tally.count)),
        }
    }
    let (flag, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let most = count > rows.unattributed / 2;
    most.then(|| {
        format!(
            "the proxy itself gave {count} of the errors: {}",
            advice(flag, "the target of these requests")
        )
    })
}
