//! The verdict of a run, what has to be said beside it, and the report of both.

use super::attributed::Attributed;
use super::notes::{confined, cut_short, resolved_by_proxy};
use super::session::Session;
use super::{Measured, asked};
use crate::cli::failure::Failure;
use crate::cli::lint_notes::lint_notes;
use crate::cli::varied_requests::VariedRequests;
use crate::cli::{slo, unidentified};
use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::report::{KnownNotes, Load, Report, SavedObservation};
use crate::verdict::attribution::Attribution;
use crate::verdict::cluster_counts::ClusterEvidence;
use crate::verdict::{Evidence, Outcome, PinnedTo, Pinning, Verdict, judge};

impl Session<'_> {
    /// Judges what was seen, and says what has to be said beside it.
    pub(super) fn judge(
        mut self,
        own: Observation,
        unsettled: Option<Note>,
    ) -> Result<Measured, Failure> {
        let by_counters = self.config.by_counters();
        let mut by = if by_counters {
            self.counted(&own)
        } else {
            self.attributed(own)
        };
        let (verdict, pinning) = self.verdict(&by)?;
        let (known, log_failure) = self.known_notes(&mut by, &verdict, unsettled);
        let policy = &self.planned.policy;
        let observation = SavedObservation::new(
            by.seen,
            self.expected().zip(by.mapping),
            self.watch.is_some(),
            policy,
            verdict.intervals,
        );
        let observation = SavedObservation {
            diagnosed: self.diagnosed_from.is_some(),
            ..observation
        };
        let observation = match pinning {
            Some(_) => observation.by_key(),
            None => observation,
        };
        let (config, view) = (self.config, by.view);
        let declaration = self.declared.map(|declared| declared.declaration.clone());
        let report = Report {
            record: self.record,
            load: Some(Load::of(&self.planned.plan, config.load.modest)),
            counted_in: (by.counters).map(|_| format!("{}/clusters", view.counts.source)),
            programmed: view.programmed,
            counted: view.counted,
            pinning,
            ..Report::new(
                asked(&config.request),
                *policy,
                declaration,
                observation,
                verdict,
                known,
            )
        };
        Ok(Measured {
            report,
            untied: by.untied,
            log_failure,
        })
    }

    /// The verdict on the split, on what a proxy keeps together, and on the objectives, as far as the proxy stayed the same.
    fn verdict(&self, by: &Attributed) -> Result<(Verdict, Option<Pinning>), Failure> {
        let (policy, seen, expected) = (&self.planned.policy, &by.seen, self.expected());
        let pair = expected.zip(by.mapping.as_ref());
        let sorted = Attribution::new(seen, pair);
        let evidence = Evidence {
            declared: pair,
            seen,
            attribution: &sorted,
            hypotheses: self.hypotheses(),
            key: self.key(),
        };
        let verdict = judge(evidence, policy, self.watch.as_ref());
        let key = self.different.as_ref().and_then(|own| own.key.as_ref());
        let pinned = pair.zip(key).filter(|_| verdict.outcome != Outcome::NoData);
        let pinning = pinned.map(|(pair, key)| match key.to {
            PinnedTo::Target => Pinning::of(&key.key, pair, seen, policy),
            PinnedTo::Endpoint => Pinning::of_endpoints(&key.key, pair, seen, policy, &verdict),
        });
        let verdict = match &pinning {
            Some(pinning) if pinning.to == PinnedTo::Endpoint => pinning.beside(verdict),
            Some(pinning) => pinning.verdict(sorted.undeclared, policy),
            None => verdict,
        };
        let (slos, healthy) = (&self.config.slos, policy.require_healthy);
        let verdict = slo::decide(slos, healthy, verdict, &sorted, seen, expected)?;
        let verdict = match &by.counters {
            Some(counters) => counters.verdict(verdict, policy),
            None => verdict,
        };
        Ok((by.view.decided(verdict), pinning))
    }

    /// What is known beside the verdict, and why the log of requests is not whole.
    fn known_notes(
        &mut self,
        by: &mut Attributed,
        verdict: &Verdict,
        unsettled: Option<Note>,
    ) -> (KnownNotes, Option<Failure>) {
        let (config, seen) = (self.config, &by.seen);
        let mut notes = std::mem::take(&mut by.unmatched);
        notes.extend(by.counters.iter().flat_map(ClusterEvidence::notes));
        if verdict.outcome == Outcome::NoData {
            notes.extend(unidentified::redirected(seen));
        }
        if by.counters.is_none() {
            let untied = by.untied.as_ref();
            notes.extend(unidentified::suggestions(
                config,
                self.expected(),
                seen,
                untied,
            ));
        }
        notes.extend(self.notes(seen, verdict));
        notes.append(&mut by.view.notes);
        notes.extend(unsettled);
        let logged = std::mem::replace(&mut self.logged, Ok(None));
        let log_failure = logged.map(|note| notes.extend(note)).err();
        let declared = self.declared.iter();
        notes.extend(declared.flat_map(|own| own.caveats.iter().cloned()));
        let mut findings = self.findings();
        if let Some(programmed) = &by.view.programmed {
            programmed.without_outdated(&mut findings);
            programmed.without_outdated(&mut notes);
        }
        (KnownNotes { findings, notes }, log_failure)
    }

    /// What lint finds about the request.
    fn findings(&self) -> Vec<Note> {
        let asked = self.declared.and_then(|declared| declared.asked.as_ref());
        asked.map_or_else(Vec::new, lint_notes)
    }

    /// What the manifests and the proxy tell about the request, where nothing is judged: each once, what the proxy has first.
    pub(super) fn known(&self) -> Vec<String> {
        let caveats = self.declared.map_or(&[][..], |declared| &declared.caveats);
        let mut known: Vec<Note> = caveats.to_vec();
        known.sort_by_key(|caveat| caveat.code != Code::ProgrammedDiffers);
        for finding in self.findings() {
            if !known.iter().any(|one| one.tells_the_same(&finding)) {
                known.push(finding);
            }
        }
        known.into_iter().map(|caveat| caveat.message).collect()
    }

    /// What has to be said of a run that did not send everything.
    fn notes(&self, seen: &Observation, verdict: &Verdict) -> Vec<Note> {
        let interrupted = self.is_interrupted().then(|| cut_short(seen));
        let stop = self.planned.plan.stop;
        let late = self.deadline.note(seen, stop, verdict);
        let confined = self.config.load.confined.then(|| confined(&self.planned));
        let unresolved = self.config.request.transport.unresolved.as_deref();
        let unresolved = unresolved.map(resolved_by_proxy);
        let different = self.different.iter();
        let different = different.flat_map(VariedRequests::notes);
        interrupted
            .into_iter()
            .chain(different)
            .chain(late)
            .chain(self.late.clone())
            .chain(confined)
            .chain(unresolved)
            .collect()
    }
}
