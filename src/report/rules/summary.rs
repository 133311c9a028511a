//! What the rows mean together. The promised `alpha` is that of all of them: while requests are sent each row has its part of it
//! (Bonferroni); at the end a row that is rejected leaves its part to the others (Holm 1979).

use std::fmt::Write as _;

use super::{CasePurpose, RuleResult};
use crate::diag::{Code, Note};
use crate::verdict::{Outcome, Policy, Verdict};

/// Names that are listed, at most.
const MOST_NAMES: usize = 5;

/// What a row was found to be, and its p-value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The verdict of the row.
    pub outcome: Outcome,
    /// Its p-value, where a test decided.
    pub p: Option<f64>,
}

impl Judged {
    /// Those of a verdict.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        Self {
            outcome: verdict.outcome,
            p: verdict.p_value,
        }
    }

    /// The level at which the rows that are open are tested once more: the `alpha` of all, shared by those that are not
    /// rejected. `None` where that is no more than they have had.
    #[must_use]
    pub fn next_level(all: &[Self], alpha: f64, had: f64) -> Option<f64> {
        let rejected = all.iter().filter(|own| own.outcome == Outcome::Diverged);
        let left = all.len() - rejected.count();
        let open = all.iter().any(|own| own.outcome == Outcome::Inconclusive);
        let level = alpha / left.max(1) as f64;
        (open && level > had).then_some(level)
    }

    /// The least p-value of all, adjusted for their number: the p-value of "everything is as declared".
    fn least(all: &[Self]) -> Option<f64> {
        let smallest = all.iter().filter_map(|own| own.p).reduce(f64::min)?;
        Some((smallest * all.len() as f64).min(1.0))
    }
}

/// The verdict of all rows together: the worst of them decides.
#[must_use]
pub fn suite_verdict(rows: &[RuleResult], policy: &Policy) -> Verdict {
    let own: Vec<&RuleResult> = rows.iter().filter(|row| row.is_judged()).collect();
    let judged: Vec<Judged> = own.iter().map(|row| Judged::of(&row.verdict)).collect();
    let order = [
        Outcome::Diverged,
        Outcome::NoData,
        Outcome::Inconclusive,
        Outcome::Pass,
    ];
    let found = |outcome: &Outcome| judged.iter().any(|own| own.outcome == *outcome);
    let outcome = order.into_iter().find(found).unwrap_or(Outcome::NoData);
    let silent = own.iter().filter(|row| row.verdict.silent_target());
    let silent = silent.map(|row| row.label()).collect::<Vec<_>>();
    let silent = (!silent.is_empty()).then(|| {
        let message = format!("a target is silent: see {}", silent.join(", "));
        Note::new(Code::TargetSilent, message)
    });
    Verdict {
        p_value: Judged::least(&judged),
        method: Some("holm".to_owned()),
        reason: reason(rows, &own, outcome),
        caveats: silent.into_iter().collect(),
        ..Verdict::without_counts(outcome, policy)
    }
}

/// The verdict in one sentence.
fn reason(rows: &[RuleResult], judged: &[&RuleResult], outcome: Outcome) -> String {
    if judged.is_empty() {
        return "no request reaches any rule from here".to_owned();
    }
    let with = |outcome: Outcome| -> Vec<String> {
        let own = judged.iter().filter(|row| row.verdict.outcome == outcome);
        own.map(|row| format!("`{}`", row.label())).collect()
    };
    let all = match judged.len() {
        1 => "1 kind of request".to_owned(),
        all => format!("{all} kinds of requests"),
    };
    let found = with(outcome);
    let mut sentence = match outcome {
        Outcome::Diverged => format!(
            "{} of {all} went elsewhere than declared: {}",
            found.len(),
            listed(&found)
        ),
        Outcome::NoData => format!(
            "of {} of {all} no response could be counted for a target: {}",
            found.len(),
            listed(&found)
        ),
        Outcome::Inconclusive => format!(
            "{} of {all} leave open whether they go where it is declared: {}",
            found.len(),
            listed(&found)
        ),
        _ => format!("{all} went where it is declared"),
    };
    if outcome != Outcome::Inconclusive {
        let open = with(Outcome::Inconclusive);
        if !open.is_empty() {
            let _ = write!(sentence, "; open: {}", listed(&open));
        }
    }
    let unreached = rows
        .iter()
        .filter(|row| row.purpose == CasePurpose::Rule && row.unreachable.is_some());
    let unreached: Vec<String> = unreached.map(|row| format!("`{}`", row.label())).collect();
    if !unreached.is_empty() {
        let _ = write!(sentence, "; not tested: {}", listed(&unreached));
    }
    sentence
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
