//! What formats say first about health: which targets respond mostly with errors.

use super::Report;
use super::lines::{Line, lines};
use crate::diag::{Code, Note};

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
