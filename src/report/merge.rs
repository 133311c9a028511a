//! Saved reports judged again: one by itself, several of them added.

use std::collections::HashSet;

use super::question::{Changes, Difference, Question, difference};
use super::{Declaration, KnownNotes, ReadError, Report, SavedObservation, SavedPart};
use crate::diag::Note;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::Mapping;
use crate::verdict::slo::{Slo, SloProblem};
use crate::verdict::{self, Evidence, Part, Verdict, decided, judge_together};

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
    let once = |report: &Report| !report.rules.is_empty() || report.pinning.is_some();
    if let Some((name, report)) = reports.iter().find(|(_, report)| once(report)) {
        let as_it_is = reports.len() == 1
            && *changes == Changes::default()
            && (report.rules.is_empty() || report.expected.is_none());
        return if as_it_is {
            Ok(report.clone())
        } else {
            Err(MergeError::Rules(name.clone()))
        };
    }
    let mut parts = Vec::new();
    for (name, report) in reports {
        take_apart(&name.clone(), name, report, &mut parts);
    }
    twice(&parts)?;
    let mut parts: Vec<SavedPart> = parts.into_iter().map(|(_, part)| part).collect();
    let mut questions = parts.iter().map(|part| changes.question(&part.report));
    let Some(question) = questions.next() else {
        return Err(MergeError::Nothing);
    };
    let first = &parts[0];
    for (part, other) in parts[1..].iter().zip(questions) {
        let difference = difference((&first.report, &question), (&part.report, &other));
        if let Some((what, asked)) = difference {
            return Err(different([&first.name, &part.name], what, &asked));
        }
    }
    if parts.len() == 1 {
        return one(parts.swap_remove(0).report, &question);
    }
    let mut merged = together(&parts, &question)?;
    merged.tool.seed = parts[0].report.tool.seed;
    merged.observation.rows.requests = None;
    merged.parts = parts;
    Ok(merged)
}

/// Each run with the file it was read from, which may hold several.
fn take_apart(file: &str, name: String, report: Report, parts: &mut Vec<(String, SavedPart)>) {
    if report.parts.is_empty() {
        parts.push((file.to_owned(), SavedPart { name, report }));
    } else {
        for part in report.parts {
            take_apart(file, part.name, part.report, parts);
        }
    }
}

/// Counting a run twice would make it look twice as certain.
fn twice(parts: &[(String, SavedPart)]) -> Result<(), MergeError> {
    let named = |(file, part): &(String, SavedPart)| {
        if *file == part.name {
            file.clone()
        } else {
            format!("{} in {file}", part.name)
        }
    };
    for (at, own) in parts.iter().enumerate() {
        let seen = &own.1.report.observation.seen;
        let same = |(_, other): &&(String, SavedPart)| {
            other.report.observation.seen == *seen && seen.sent > 0
        };
        if let Some(first) = parts[..at].iter().find(same) {
            return Err(MergeError::Twice {
                first: named(first),
                second: named(own),
            });
        }
    }
    Ok(())
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

fn together(parts: &[SavedPart], question: &Question) -> Result<Report, MergeError> {
    let reports = || parts.iter().map(|part| &part.report);
    let first = &parts[0].report;
    let mut seen = first.observation.seen.clone();
    for other in reports().skip(1) {
        seen.append(&other.observation.seen);
    }
    let mapping = reports().fold(Mapping::default(), |all, report| {
        all.and(&report.observation.mapping)
    });
    let pair = first.split().map(|split| (split, &mapping));
    let attribution = Attribution::new(&seen, pair);
    let own: Vec<Attribution> = reports()
        .map(|report| Attribution::new(&report.observation.seen, report.declared()))
        .collect();
    let generators: Vec<Part<'_>> = parts
        .iter()
        .zip(&own)
        .map(|(part, attribution)| Part {
            name: part.name.clone(),
            evidence: part.report.evidence(attribution),
            watched: part.report.observation.watched,
        })
        .collect();
    let all = Evidence {
        declared: pair,
        seen: &seen,
        attribution: &attribution,
        hypotheses: first.hypotheses(),
    };
    let (verdict, generators) = judge_together(all, &generators, &question.policy);
    let verdict = with_objectives(&all, question, verdict)?;
    let known = KnownNotes {
        findings: each_once(reports().flat_map(|report| &report.known.findings)),
        notes: each_once(reports().flat_map(|report| &report.known.notes)),
    };
    let expected: Option<Declaration> = first.expected.clone();
    let declared = first.split().map(|split| (split, mapping.clone()));
    let watched = first.observation.watched;
    let observation = SavedObservation::new(
        seen.clone(),
        declared,
        watched,
        &question.policy,
        verdict.intervals,
    );
    let policy = question.policy;
    let sources: Option<Vec<&str>> = reports()
        .map(|report| report.counted_in.as_deref())
        .collect();
    Ok(Report {
        counted_in: sources.map(|sources| sources.join(", ")),
        generators,
        ..Report::new(
            first.target.clone(),
            policy,
            expected,
            observation,
            verdict,
            known,
        )
    })
}

fn each_once<'a>(notes: impl Iterator<Item = &'a Note>) -> Vec<Note> {
    let mut seen = HashSet::new();
    notes.filter(|note| seen.insert(*note)).cloned().collect()
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
