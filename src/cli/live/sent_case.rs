//! A case whose requests are sent, and what its row says when that is over.

use std::rc::Rc;

use super::address::Address;
use super::fields;
use crate::cli::cases::{Case, CaseResult, CasesRun};
use crate::cli::expectation::{self, Routes};
use crate::cli::lint_notes::about_one;
use crate::plan::LoadPlan;
use crate::report::KnownNotes;
use crate::report::rules::{CasePurpose, RuleResult, SentRequest};
use crate::report::suite::{LiveRow, TestReport};
use crate::route::Probe;
use crate::suite::FieldCheck;
use crate::verdict::Outcome;

/// A case whose requests are sent.
pub(super) struct SentCase {
    pub(super) place: (usize, usize),
    pub(super) address: Address,
    pub(super) plan: LoadPlan,
    pub(super) checks: Vec<FieldCheck>,
    pub(super) routes: Rc<Routes>,
    pub(super) probe: Probe,
    /// The batch that it is in, and the number of its request that is only read.
    pub(super) batch: usize,
    pub(super) read: Option<usize>,
}

impl SentCase {
    /// Completes the row of the case.
    pub(super) fn complete(
        &self,
        report: &mut TestReport,
        found: (&Case, &CaseResult),
        run: &CasesRun,
    ) {
        let (suite, row) = self.place;
        let source = format!(
            "{}:{}",
            report.suites[suite].name, report.suites[suite].cases[row].line
        );
        let row = &mut report.suites[suite].cases[row];
        let sent = found.1.observation.seen.sent;
        if self.batch >= run.begun || (sent == 0 && run.interrupted) {
            match run.notes.first() {
                Some(note) => row.not_sent(&note.message, true),
                None => row.not_sent(
                    "nothing is sent after a case that fails (--fail-fast)",
                    false,
                ),
            }
            return;
        }
        let read = self.read.map(|at| &run.reads[at]);
        let status = fields::status(found.0.declared.expected(), found.1);
        let read = read.map_or_else(Vec::new, |seen| fields::differences(&self.checks, seen));
        let differences = status.into_iter().chain(read).collect();
        let result = self.result(&row.name, source, found);
        let curl = result.request.as_ref().map_or("", |own| own.curl.as_str());
        let curl = format!(
            "curl{}{}",
            self.address.curl,
            curl.trim_start_matches("curl")
        );
        let read = self.read.map_or(0, |at| run.reads[at].sent);
        let live = LiveRow::of(&result, self.address.text.clone(), curl, read);
        row.sent(live, differences);
    }

    /// What was found about the split, as a row of a run of several requests.
    fn result(
        &self,
        name: &str,
        source: String,
        (case, found): (&Case, &CaseResult),
    ) -> RuleResult {
        let like = expectation::probe(&self.address.request);
        let caveats = case.declared.caveats.iter().cloned();
        let known = KnownNotes {
            findings: match found.verdict.outcome {
                Outcome::Diverged => about_one(&self.routes, &self.probe),
                _ => Vec::new(),
            },
            notes: found.notes.iter().cloned().chain(caveats).collect(),
        };
        RuleResult {
            purpose: CasePurpose::Case,
            object: String::new(),
            rule: name.to_owned(),
            alternative: None,
            name: None,
            condition: None,
            source,
            values: None,
            request: Some(SentRequest::of(&self.address.probe, &like)),
            unreachable: None,
            expected: Some(case.declared.declaration.clone()),
            policy: found.policy,
            observed: Some(found.observation.clone()),
            verdict: found.verdict.clone(),
            known: KnownNotes::default(),
        }
        .with_known(known)
    }
}
