//! Responses of targets that are not declared: whose they are, where the manifests know it, and which rule sends there.

use super::fits;
use crate::diag::{Code, Note};
use crate::verdict::Hypothesis;
use crate::verdict::attribution::{Classification, Row};
use crate::verdict::case::Case;

/// Targets that a message names.
const MOST_NAMED: usize = 3;

/// What explains responses of targets that are not declared, the best explanation first.
pub(super) fn findings(case: &Case<'_>) -> Vec<Note> {
    let rows: Vec<&Row> = rows(case).collect();
    let Some(first) = rows.first() else {
        return Vec::new();
    };
    let known: Vec<&&Row> = rows.iter().filter(|row| row.origin.is_some()).collect();
    if known.is_empty() {
        let hint = "--map VALUE=TARGET";
        return vec![Note::new(
            Code::UndeclaredTarget,
            format!(
                "`{}` belongs to no declared target: another version behind the same service, or a name to explain with {hint}",
                first.label
            ),
        )];
    }
    let mut named: Vec<String> = (known.iter().take(MOST_NAMED))
        .map(|row| {
            format!(
                "`{}` is {}",
                row.label,
                row.origin.as_deref().unwrap_or_default()
            )
        })
        .collect();
    if known.len() > MOST_NAMED {
        named.push(format!("and {} more", known.len() - MOST_NAMED));
    }
    let message = format!(
        "{}: the rule of this request sends nothing there",
        named.join(", ")
    );
    let rule = other_rule(case).map(|hypothesis| hypothesis.note.clone());
    rule.into_iter()
        .chain([Note::new(Code::UndeclaredTarget, message)])
        .collect()
}

/// Whether there are any.
pub(super) fn is_seen(case: &Case<'_>) -> bool {
    rows(case).next().is_some()
}

/// The rows of targets that are not declared, the largest first.
fn rows<'c>(case: &Case<'c>) -> impl Iterator<Item = &'c Row> {
    let rows = case.attribution.rows.iter();
    rows.filter(|row| row.place == Classification::Undeclared)
}

/// The one other rule that explains all counts, those of targets that are not declared among them. The declaration gives
/// these nothing, so that no ratio of likelihoods is needed.
fn other_rule<'c>(case: &Case<'c>) -> Option<&'c Hypothesis> {
    if case.change.is_some() {
        return None;
    }
    let explains = |hypothesis: &&Hypothesis| {
        let mut counts = case.attribution.counts.clone();
        let mut shares = hypothesis.shares.clone();
        for (origin, share) in &hypothesis.known {
            let own = rows(case).filter(|row| row.origin.as_ref() == Some(origin));
            counts.push(own.map(|row| row.tally.count).sum());
            shares.push(*share);
        }
        let met: u64 = counts.iter().sum();
        let all = case.attribution.attributed() + case.attribution.undeclared;
        met == all && fits(&counts, &shares)
    };
    let mut fitting = (case.hypotheses.iter())
        .filter(|hypothesis| {
            hypothesis.note.code == Code::OtherRule && !hypothesis.known.is_empty()
        })
        .filter(explains);
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}
