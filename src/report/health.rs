//! What formats say about health first: which targets respond mostly with errors, and what to do about replies of the proxy.

use super::table::errors;
use super::{BucketRow, Report};
use crate::diag::{Code, Note};
use crate::split::{Bucket, ResponseFlag};
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
    let seen = &report.observation;
    let sum = |own: &dyn Fn(&BucketRow) -> bool| {
        let rows = || seen.buckets.iter().filter(|row| own(row));
        (rows().map(errors).sum(), rows().map(|row| row.count).sum())
    };
    if report.expected.is_none() {
        let (errors, total) = sum(&|_| true);
        let target = "all".to_owned();
        return vec![Failing {
            target,
            errors,
            total,
        }];
    }
    let declared = report.expected.iter().flat_map(|expected| &expected.shares);
    declared
        .filter(|declared| declared.status.is_none())
        .map(|declared| {
            let name = Some(&declared.target);
            let (errors, total) = sum(&|row| row.target.as_ref() == name);
            Failing {
                target: declared.target.clone(),
                errors,
                total,
            }
        })
        .filter(|own| own.errors > own.total / 2)
        .collect()
}

/// What to do where the verdict stays open because of replies of the proxy, if most of what is unattributed are such.
pub(super) fn step(report: &Report) -> Option<String> {
    if report.verdict.outcome != Outcome::Inconclusive {
        return None;
    }
    let seen = &report.observation;
    let mut counts: Vec<(Option<ResponseFlag>, u64)> = Vec::new();
    let unattributed = seen
        .buckets
        .iter()
        .filter(|row| row.place == "unattributed");
    for answers in unattributed.flat_map(|row| &row.answers) {
        let bucket = Bucket {
            identity: answers.identity.clone(),
            status: answers.status,
        };
        let Some((flag, _)) = bucket.local_reply() else {
            continue;
        };
        match counts.iter_mut().find(|(known, _)| *known == flag) {
            Some((_, count)) => *count += answers.count,
            None => counts.push((flag, answers.count)),
        }
    }
    let (flag, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let most = count > seen.unattributed / 2;
    most.then(|| {
        format!(
            "the proxy itself gave {count} of the errors: {}",
            advice(flag, "the target of these requests")
        )
    })
}
