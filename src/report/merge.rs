//! Saved reports judged again: one by itself, several of them added.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::question::{Changes, Difference, Question, difference};
use super::{KnownNotes, Programmed, ReadError, Report, SavedObservation, SavedPart};
use crate::diag::Note;
use crate::observe::Observation;
use crate::verdict::attribution::Attribution;
use crate::verdict::cluster_counts::of_requests;
use crate::verdict::mapping::Mapping;
use crate::verdict::slo::{Slo, SloProblem, Unmeasured};
use crate::verdict::{
    self, Evidence, JudgedRun, Outcome, Policy, Verdict, decided, judge_together,
};

/// Why reports cannot be judged again, alone or together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Nothing was given.
    #[error("there is no report to judge")]
    Nothing,
    /// One of them cannot be used.
    #[error("`{name}`: {error}")]
    Unusable {
        /// Its name.
        name: String,
        /// Why.
        error: ReadError,
    },
    /// The same run twice.
    #[error("`{first}` and `{second}` hold the same run")]
    Twice {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// They differ in what must be alike.
    #[error("`{first}` and `{second}` cannot be merged: they differ in {what}\n{table}")]
    Different {
        /// The one.
        first: String,
        /// The other.
        second: String,
        /// In what.
        what: Difference,
        /// Both beside each other.
        table: String,
    },
    /// A run of several rules, or of requests that a key pins, which is not judged again.
    #[error(
        "`{0}` holds a run of several rules or of pinned requests, which is neither judged again nor merged"
    )]
    Rules(String),
    /// It is about what a run has not measured.
    #[error("`{name}`: {what}")]
    Unmeasured {
        /// The name of its report.
        name: String,
        /// What is asked of it.
        what: Unmeasured,
    },
    /// An objective names nobody.
    #[error("the objective `{}` cannot be judged: {problem}", slo)]
    Objective {
        /// As typed.
        slo: String,
        /// What is wrong.
        problem: SloProblem,
    },
}

/// Judges saved reports again. Reports that were merged before are taken apart first.
pub fn rejudge(reports: Vec<(String, Report)>, changes: &Changes) -> Result<Report, MergeError> {
    let count = reports.iter().map(|(_, report)| report.runs()).sum();
    let mut merge = Merge::new(changes.clone(), count, true);
    for (name, report) in reports {
        merge.add(name, report)?;
    }
    merge.finish(None)
}

/// Reports that are judged together, taken one after the other: what is kept of each does not depend on how much it saw.
pub struct Merge {
    changes: Changes,
    /// How many runs there are to be: each is judged at its part of the error rate.
    count: usize,
    /// Whether the reports are kept in full, as the JSON of the merged report has them.
    keep: bool,
    /// The first report, which says what all are asked.
    first: Option<(SavedPart, Question)>,
    /// The sum of what was seen.
    seen: Observation,
    mapping: Mapping,
    known: KnownNotes,
    sources: Option<Vec<String>>,
    runs: Vec<JudgedRun>,
    parts: Vec<SavedPart>,
    /// Digests of the runs, and what they are called.
    digests: HashMap<u64, String>,
    /// What a proxy was programmed with that changed during one of the runs.
    changed: Option<Programmed>,
    /// A report that can only be shown as it is.
    judged_once: Option<Report>,
}

impl Merge {
    /// Nothing yet of so many runs.
    #[must_use]
    pub fn new(changes: Changes, count: usize, keep: bool) -> Self {
        Self {
            changes,
            count,
            keep,
            first: None,
            seen: Observation::default(),
            mapping: Mapping::default(),
            known: KnownNotes::default(),
            sources: Some(Vec::new()),
            runs: Vec::new(),
            parts: Vec::new(),
            digests: HashMap::new(),
            changed: None,
            judged_once: None,
        }
    }

    /// Adds a report; one that was merged is taken apart.
    pub fn add(&mut self, name: String, report: Report) -> Result<(), MergeError> {
        if !report.rules.is_empty() || report.pinning.is_some() {
            let as_it_is = self.count == 1
                && self.changes == Changes::default()
                && (report.rules.is_empty() || report.expected.is_none());
            if !as_it_is {
                return Err(MergeError::Rules(name));
            }
            let mut report = report;
            report.derive_rows();
            self.judged_once = Some(report);
            return Ok(());
        }
        if report.parts.is_empty() {
            let called = name.clone();
            return self.add_run(SavedPart { name, report }, called);
        }
        for part in report.parts {
            let called = format!("{} in {name}", part.name);
            self.add_run(part, called)?;
        }
        Ok(())
    }

    fn add_run(&mut self, part: SavedPart, called: String) -> Result<(), MergeError> {
        let report = &part.report;
        let seen = &report.observation.seen;
        // Counting a run twice would make it look twice as certain.
        if seen.sent > 0 && self.count != 1 {
            match self.digests.entry(seen.digest()) {
                Entry::Occupied(first) => {
                    return Err(MergeError::Twice {
                        first: first.get().clone(),
                        second: called,
                    });
                }
                Entry::Vacant(free) => drop(free.insert(called)),
            }
        }
        let question = self.changes.question(report);
        let asked = question.slos.iter().filter_map(|text| text.parse().ok());
        let asked: Vec<Slo> = asked.collect();
        if let Some(what) = Unmeasured::find(&asked, question.policy.require_healthy, seen) {
            return Err(MergeError::Unmeasured {
                name: part.name,
                what,
            });
        }
        if let Some(programmed) = &report.programmed
            && programmed.changes.iter().any(|one| one.concerns_request)
        {
            self.changed.get_or_insert_with(|| programmed.clone());
        }
        if let Some((first, asked)) = &self.first {
            let difference = difference((&first.report, asked), (report, &question));
            if let Some((what, asked)) = difference {
                return Err(different([&first.name, &part.name], what, &asked));
            }
        }
        let policy = self
            .first
            .as_ref()
            .map_or(question.policy, |(_, first)| first.policy);
        if self.count != 1 {
            self.include(&part, &policy);
        }
        self.mapping = std::mem::take(&mut self.mapping).and(&report.observation.mapping);
        each_once(&mut self.known.findings, &report.known.findings);
        each_once(&mut self.known.notes, &report.known.notes);
        match (&mut self.sources, &report.counted_in) {
            (Some(sources), Some(source)) => sources.push(source.clone()),
            _ => self.sources = None,
        }
        if self.keep && self.count > 1 {
            let mut part = part.clone();
            part.report.derive_rows();
            self.parts.push(part);
        }
        self.first.get_or_insert((part, question));
        Ok(())
    }

    /// Adds what a run saw to that of the others, and judges it by itself.
    fn include(&mut self, part: &SavedPart, policy: &Policy) {
        let report = &part.report;
        let seen = &report.observation.seen;
        let attribution = Attribution::new(seen, report.declared());
        if self.runs.is_empty() {
            self.seen = seen.clone();
        } else {
            self.seen.append(seen);
        }
        self.runs.push(JudgedRun::new(
            part.name.clone(),
            &report.evidence(&attribution),
            report.observation.watched,
            policy,
            self.count,
        ));
    }

    /// One verdict on all of them. `missing` says which reports did not arrive: then the split cannot pass.
    pub fn finish(mut self, missing: Option<Note>) -> Result<Report, MergeError> {
        if let Some(report) = self.judged_once {
            return Ok(report);
        }
        let Some((first, question)) = self.first.take() else {
            return Err(MergeError::Nothing);
        };
        if self.count == 1 {
            if missing.is_none() {
                return one(first.report, &question);
            }
            self.include(&first, &question.policy);
        }
        let first = first.report;
        let declared = first.split().map(|split| (split, &self.mapping));
        let attribution = Attribution::new(&self.seen, declared);
        let all = Evidence {
            declared,
            seen: &self.seen,
            attribution: &attribution,
            hypotheses: first.hypotheses(),
            key: None,
        };
        let (verdict, generators) = judge_together(all, self.runs, &question.policy, self.count);
        let verdict = with_objectives(&all, &question, verdict)?;
        let verdict = in_words(&first, verdict);
        let mut verdict = match &self.changed {
            Some(programmed) => programmed.decided(verdict),
            None => verdict,
        };
        if let Some(missing) = missing {
            if verdict.outcome == Outcome::Pass {
                verdict.outcome = Outcome::Inconclusive;
                verdict.reason.clone_from(&missing.message);
            }
            verdict.caveats.push(missing);
        }
        let policy = question.policy;
        let declared = first.split().map(|split| (split, self.mapping.clone()));
        let watched = first.observation.watched;
        let mut observation =
            SavedObservation::new(self.seen, declared, watched, &policy, verdict.intervals);
        observation.rows.requests = None;
        let (target, expected) = (first.target.clone(), first.expected.clone());
        let mut merged = Report::new(target, policy, expected, observation, verdict, self.known);
        merged.counted_in = self.sources.map(|sources| sources.join(", "));
        merged.generators = generators;
        merged.tool.seed = first.tool.seed;
        merged.parts = self.parts;
        Ok(merged)
    }
}

/// What each of two reports asks, beside each other.
fn different(names: [&String; 2], what: Difference, asked: &[String; 2]) -> MergeError {
    let lengths = names.map(|name| name.chars().count());
    let width = lengths[0].max(lengths[1]);
    let lines = names.iter().zip(asked).map(|(name, asked)| {
        let asked = if asked.is_empty() { "nothing" } else { asked };
        format!("  {name:width$}  {asked}")
    });
    let [first, second] = names.map(String::clone);
    MergeError::Different {
        first,
        second,
        what,
        table: lines.collect::<Vec<_>>().join("\n"),
    }
}

fn one(report: Report, question: &Question) -> Result<Report, MergeError> {
    let attribution = Attribution::new(&report.observation.seen, report.declared());
    let evidence = report.evidence(&attribution);
    let verdict = verdict::rejudge(&evidence, &question.policy, report.observation.watched);
    let verdict = with_objectives(&evidence, question, verdict)?;
    let verdict = in_words(&report, verdict);
    let verdict = match &report.programmed {
        Some(programmed) => programmed.decided(verdict),
        None => verdict,
    };
    let (tool, record, load, counted_in) = (
        report.tool.clone(),
        report.record.clone(),
        report.load.clone(),
        report.counted_in.clone(),
    );
    let (programmed, counted) = (report.programmed.clone(), report.counted.clone());
    Ok(Report {
        tool,
        counted_in,
        record,
        load,
        programmed,
        counted,
        ..judged(report, question, verdict)
    })
}

/// A verdict in words that are true of what was counted.
fn in_words(report: &Report, verdict: Verdict) -> Verdict {
    if report.counted_in.is_some() && report.was_sent() {
        of_requests(verdict)
    } else {
        verdict
    }
}

/// The report of a run that was judged again.
fn judged(report: Report, question: &Question, verdict: Verdict) -> Report {
    let Report {
        target,
        expected,
        observation,
        known,
        ..
    } = report;
    let split = expected.as_ref().map(|declaration| &declaration.split);
    let diagnosed = observation.diagnosed;
    let observation = SavedObservation::new(
        observation.seen,
        split.map(|split| (split, observation.mapping)),
        observation.watched,
        &question.policy,
        verdict.intervals,
    );
    let observation = SavedObservation {
        diagnosed,
        ..observation
    };
    Report::new(
        target,
        question.policy,
        expected,
        observation,
        verdict,
        known,
    )
}

fn each_once(all: &mut Vec<Note>, notes: &[Note]) {
    let mut known: HashSet<&Note> = all.iter().collect();
    let new = notes.iter().filter(|note| known.insert(note));
    let new: Vec<Note> = new.cloned().collect();
    all.extend(new);
}

/// The verdict with the objectives, whose targets have to exist.
fn with_objectives(
    evidence: &Evidence<'_>,
    question: &Question,
    verdict: Verdict,
) -> Result<Verdict, MergeError> {
    let (seen, attribution) = (evidence.seen, evidence.attribution);
    let split = evidence.declared.map(|(split, _)| split);
    let objective = |text: &String| -> Result<Slo, SloProblem> {
        let slo: Slo = text.parse()?;
        if split.is_some() || seen.answered() > 0 {
            slo.check_of(split, attribution)?;
        }
        Ok(slo)
    };
    let named = |text: &String| {
        objective(text).map_err(|problem| MergeError::Objective {
            slo: text.clone(),
            problem,
        })
    };
    let slos: Vec<Slo> = question.slos.iter().map(named).collect::<Result<_, _>>()?;
    let healthy = question.policy.require_healthy;
    Ok(decided(&slos, healthy, verdict, attribution, seen, split))
}
