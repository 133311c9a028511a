//! What the requests of a case showed.

use serde::Serialize;

use super::{CaseRow, DifferenceRow, word};
use crate::report::rules::RuleResult;
use crate::suite::Outcome;
use crate::units::counted;
use crate::verdict;

/// What the requests of a case showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveRow {
    /// Where they were sent: `http://127.0.0.1:8080`.
    pub address: String,
    /// The command that sends one with curl, quoted for a shell.
    pub curl: String,
    /// How many were sent.
    pub sent: u64,
    /// The declared split, in words.
    pub declared: String,
    /// What came back, in words.
    pub observed: String,
    /// What the counts mean for the split.
    pub outcome: verdict::Outcome,
    /// Why.
    pub reason: String,
    /// How surprising the counts are, where a test decided.
    pub p_value: Option<f64>,
    /// The chance of a false alarm that this case may have.
    pub alpha: f64,
    /// Why the split is another one, and what else is known.
    pub notes: Vec<String>,
}

impl LiveRow {
    /// The row of what was found about a split; `read` requests were sent beside those that are counted for it.
    #[must_use]
    pub fn of(found: &RuleResult, address: String, curl: String, read: u64) -> Self {
        let verdict = &found.verdict;
        let notes = verdict.diagnosis.iter().chain(&verdict.caveats);
        Self {
            address,
            curl,
            sent: found.observed.as_ref().map_or(0, |own| own.seen.sent) + read,
            declared: found.declared(),
            observed: found.seen(),
            outcome: verdict.outcome,
            reason: verdict.reason.clone(),
            p_value: verdict.p_value,
            alpha: found.policy.alpha,
            notes: notes.map(|note| note.message.clone()).collect(),
        }
    }

    /// Why it is so, and the command that sends the request.
    pub(super) fn lines(&self) -> Vec<String> {
        let reason = Some(self.reason.clone()).filter(|_| self.outcome != verdict::Outcome::Pass);
        let notes = self.notes.iter().cloned();
        let curl = std::iter::once(self.curl.clone());
        reason.into_iter().chain(notes).chain(curl).collect()
    }
}

impl CaseRow {
    /// Adds what is not checked, with why.
    pub fn skip(&mut self, why: impl IntoIterator<Item = String>) {
        self.skipped.extend(why);
        self.settle();
    }

    /// Adds what the requests of the case showed, and what of the responses was not as expected.
    pub fn sent(&mut self, live: LiveRow, differences: Vec<DifferenceRow>) {
        if live.outcome == verdict::Outcome::Diverged {
            self.differences.push(DifferenceRow {
                what: "traffic".to_owned(),
                expected: live.declared.clone(),
                found: format!("{} ({})", live.observed, counted(live.sent, "request")),
            });
        }
        self.differences.extend(differences);
        self.live = Some(live);
        self.settle();
    }

    /// The request could not be sent any more.
    pub fn not_sent(&mut self, why: &str, open: bool) {
        self.skip([format!("traffic: {why}")]);
        if open && !self.failed() {
            self.outcome = word(Outcome::Inconclusive);
        }
    }

    /// How the case ended, by all that is known of it.
    fn settle(&mut self) {
        let live = self.live.as_ref().map(|live| live.outcome);
        self.outcome = word(match live {
            _ if !self.differences.is_empty() => Outcome::Fail,
            Some(verdict::Outcome::NoData) => Outcome::NoData,
            Some(verdict::Outcome::Inconclusive) => Outcome::Inconclusive,
            _ if !self.skipped.is_empty() => Outcome::Skip,
            _ => Outcome::Pass,
        });
    }
}
