//! Targets whose responses are mostly errors: a split can hold while its canary serves nobody.

use std::cmp::Reverse;

use super::attribution::{Attribution, Classification};
use super::slo::{Measure, Metric, SloOutcome, Subject, Until};
use super::starvation::{requests_to_starve, starved};
use super::{Outcome, SloResult, Verdict};
use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::split::Expected;

/// More targets than this are counted, not named.
const MOST_NAMED: usize = 3;
/// What the objectives of `--require-healthy` begin with.
const OBJECTIVE: &str = "--require-healthy: ";

/// The responses that are tied to one target, or all of them.
struct Responses<'a> {
    /// `None` for all responses of a run.
    target: Option<&'a str>,
    /// Its position in the declaration.
    index: usize,
    total: u64,
    /// How many errors had which status, the most frequent first.
    errors: Vec<(u16, u64)>,
}

impl Responses<'_> {
    fn failed(&self) -> u64 {
        self.errors.iter().map(|(_, count)| count).sum()
    }

    /// Whether more than half of them are errors.
    fn fails(&self) -> bool {
        self.failed() > self.total / 2
    }

    /// `all 143 responses of `v2` are 500`
    fn words(&self) -> String {
        let of = self.target.map(|name| format!(" of `{name}`"));
        let of = of.unwrap_or_default();
        let (failed, total) = (self.failed(), self.total);
        let what = match self.errors.as_slice() {
            [(status, _)] => status.to_string(),
            several => {
                let each: Vec<String> = several
                    .iter()
                    .map(|(status, count)| format!("{count} × {status}"))
                    .collect();
                format!("errors ({})", each.join(", "))
            }
        };
        match (failed, total) {
            (1, 1) => format!("the only response{of} is {what}"),
            (1, _) => format!("1 of {total} responses{of} is {what}"),
            _ if failed == total => format!("all {total} responses{of} are {what}"),
            _ => format!("{failed} of {total} responses{of} are {what}"),
        }
    }
}

/// The responses of every declared target that the proxy does not answer for; without a declaration, all responses.
fn responses<'a>(
    expected: Option<&'a Expected>,
    attribution: &Attribution,
    seen: &Observation,
) -> Vec<Responses<'a>> {
    let of = |target, index, place: Option<Classification>| {
        let rows = attribution
            .rows
            .iter()
            .filter(|row| place.is_none_or(|place| row.place == place));
        let mut errors: Vec<(u16, u64)> = Vec::new();
        let mut total = 0;
        for row in rows {
            total += row.tally.count;
            for (status, count) in row.statuses.range(400..) {
                match errors.iter_mut().find(|(known, _)| known == status) {
                    Some((_, sum)) => *sum += count,
                    None => errors.push((*status, *count)),
                }
            }
        }
        errors.sort_by_key(|(status, count)| (Reverse(*count), *status));
        Responses {
            target,
            index,
            total,
            errors,
        }
    };
    let Some(expected) = expected else {
        let all = of(None, 0, None);
        return if seen.answered() > 0 {
            vec![all]
        } else {
            Vec::new()
        };
    };
    let destinations = expected.declared().iter().enumerate();
    destinations
        .filter(|(_, declared)| declared.target.status().is_none())
        .map(|(index, declared)| {
            of(
                Some(declared.name.as_str()),
                index,
                Some(Classification::Target(index)),
            )
        })
        .collect()
}

/// A word about targets whose responses are mostly errors; where nothing is declared, about a run with nothing but errors.
pub(super) fn caveat(
    expected: Option<&Expected>,
    attribution: &Attribution,
    seen: &Observation,
    outcome: Outcome,
) -> Option<Note> {
    let all = responses(expected, attribution, seen);
    let fails = |own: &&Responses<'_>| match own.target {
        Some(_) => own.fails(),
        None => own.failed() == own.total,
    };
    let failing: Vec<&Responses<'_>> = all.iter().filter(fails).collect();
    let (first, others) = failing.split_first()?;
    let mut parts: Vec<String> = failing
        .iter()
        .take(MOST_NAMED)
        .map(|own| own.words())
        .collect();
    if let Some(more @ 1..) = failing.len().checked_sub(MOST_NAMED) {
        parts.push(format!("so are most responses of {more} more targets"));
    }
    let every = if failing.len() == all.len() && all.len() > 1 {
        "every target fails: "
    } else {
        ""
    };
    let holds = if outcome == Outcome::Pass {
        "the split holds; "
    } else {
        ""
    };
    let health = if expected.is_some() {
        ": the weights say nothing about health"
    } else {
        ""
    };
    let hint = match objective(first) {
        Some(objective) if others.is_empty() => {
            format!("--slo '{objective}' makes that part of the verdict")
        }
        _ => "--require-healthy makes that part of the verdict".to_owned(),
    };
    let message = format!("{holds}{every}{}{health}", parts.join("; "));
    Some(Note::new(Code::TargetErrors, message).help(hint))
}

/// `v2.errors < 1%`, as it can stand between the quotes of a shell; `None` for a name that cannot.
fn objective(own: &Responses<'_>) -> Option<String> {
    let subject = match own.target {
        Some(name) if name.contains('\'') => return None,
        Some(name) => Subject::Named(name.to_owned()),
        None => Subject::All,
    };
    let metric = Metric::Errors;
    // A name may stand in either kind of quotes.
    let until = Until::LastByte;
    let measure = Measure {
        before: false,
        subject,
        until,
        metric,
    }
    .to_string()
    .replace('\'', "`");
    Some(format!("{measure} < 1%"))
}

/// The verdict without the hint to ask about errors, where that was asked.
pub(super) fn asked(mut verdict: Verdict, results: &[SloResult]) -> Verdict {
    let about_errors =
        |result: &SloResult| is_healthy(&result.slo) || result.slo.contains("errors");
    if !results.iter().any(about_errors) {
        return verdict;
    }
    let caveats = verdict.caveats.iter_mut();
    for caveat in caveats.filter(|caveat| caveat.code == Code::TargetErrors) {
        caveat.help = None;
    }
    verdict
}

/// Whether an objective is one that `--require-healthy` asks.
#[must_use]
pub fn is_healthy(slo: &str) -> bool {
    slo.starts_with(OBJECTIVE)
}

/// What `--require-healthy` asks of each target with a share: responses that are not mostly errors. Without a declaration it
/// asks that of all responses.
#[must_use]
pub(super) fn healthy(
    expected: Option<&Expected>,
    attribution: &Attribution,
    seen: &Observation,
    alpha: f64,
) -> Vec<SloResult> {
    let share = |own: &Responses<'_>| match expected {
        Some(expected) => expected.declared()[own.index].share.as_f64(),
        None => 1.0,
    };
    let all = responses(expected, attribution, seen);
    let asked = all.iter().filter(|own| share(own) > 0.0);
    asked
        .map(|own| {
            let (outcome, reason, needed) = if own.total > 0 {
                health(own)
            } else {
                unanswered(seen.sent, share(own), alpha)
            };
            SloResult {
                slo: format!("{OBJECTIVE}{}", own.target.unwrap_or("all")),
                outcome,
                observed: (own.total > 0).then(|| own.failed() as f64 / own.total as f64),
                observed_most: None,
                limit: Some(0.5),
                p_value: None,
                interval: None,
                n: own.total,
                effective_n: None,
                reason,
                requests_needed: needed,
            }
        })
        .collect()
}

fn health(own: &Responses<'_>) -> (SloOutcome, String, Option<u64>) {
    if own.fails() {
        return (SloOutcome::Failed, own.words(), None);
    }
    let total = own.total;
    let said = format!("{} of {total} responses are errors", own.failed());
    (SloOutcome::Pass, said, None)
}

/// A target without a response: whether that is possible by chance.
fn unanswered(sent: u64, share: f64, alpha: f64) -> (SloOutcome, String, Option<u64>) {
    if starved(0, sent, share, alpha) {
        let reason = format!("no response of {sent} could be tied to it");
        return (SloOutcome::Failed, reason, None);
    }
    let needed = requests_to_starve(share, alpha);
    let reason = "no response so far, which may be chance".to_owned();
    (SloOutcome::Inconclusive, reason, Some(needed))
}

#[cfg(test)]
mod tests;
