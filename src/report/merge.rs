//! Saved reports judged again: one by itself, several of them added.

use std::fmt;

use super::{Declaration, KnownNotes, ReadError, Report, SavedObservation, SavedPart};
use crate::diag::Note;
use crate::split::{Expected, Mechanism, TargetShare};
use crate::units::percent;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::Mapping;
use crate::verdict::slo::{Slo, SloProblem};
use crate::verdict::{
    self, Balancing, Evidence, Part, Policy, Verdict, decided, is_healthy, judge_together,
};

/// What is asked this time where it differs from then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// See [`crate::verdict::Policy::alpha`].
    pub alpha: Option<f64>,
    /// See [`crate::verdict::Policy::beta`].
    pub beta: Option<f64>,
    /// See [`crate::verdict::Policy::tolerance`].
    pub tolerance: Option<f64>,
    /// See [`crate::verdict::Policy::resolution`]; `Some(None)` asks for the automatic one.
    pub resolution: Option<Option<f64>>,
    /// See [`crate::verdict::Policy::max_unattributed`].
    pub max_unattributed: Option<f64>,
    /// See [`crate::verdict::Policy::allow_unexpected`].
    pub allow_unexpected: Option<u64>,
    /// See [`crate::verdict::Policy::balancing`].
    pub balancing: Option<Balancing>,
    /// Objectives in the place of the saved ones; none leaves those.
    pub slos: Vec<Slo>,
    /// Whether healthy targets are required from now on.
    pub require_healthy: bool,
}

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
    /// An objective names nobody.
    #[error("the objective `{}` cannot be judged: {problem}", slo)]
    Objective {
        /// As typed.
        slo: String,
        /// What is wrong.
        problem: SloProblem,
    },
}

/// In what reports differ that have to be alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The method, the URL or the `Host` header.
    Target,
    /// The declared split.
    Declaration,
    /// How sure the verdict has to be.
    Certainty,
    /// The objectives.
    Objectives,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Target => "their target",
            Self::Declaration => "what was declared",
            Self::Certainty => "how sure the verdict has to be",
            Self::Objectives => "their objectives",
        })
    }
}

/// Judges saved reports again. Reports that were merged before are taken apart first.
pub fn rejudge(reports: Vec<(String, Report)>, changes: &Changes) -> Result<Report, MergeError> {
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
        alike((first, &question), (part, &other))?;
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

/// What a run is asked.
struct Question {
    policy: Policy,
    slos: Vec<String>,
}

impl Changes {
    /// What a run is asked this time.
    fn question(&self, report: &Report) -> Question {
        let then = report.policy;
        let slos = if self.slos.is_empty() {
            let slos = report.verdict.slos.iter().map(|result| result.slo.clone());
            // What --require-healthy asks is a part of the policy.
            slos.filter(|slo| !is_healthy(slo)).collect()
        } else {
            self.slos.iter().map(Slo::to_string).collect()
        };
        let policy = Policy {
            alpha: self.alpha.unwrap_or(then.alpha),
            beta: self.beta.unwrap_or(then.beta),
            tolerance: self.tolerance.unwrap_or(then.tolerance),
            resolution: self.resolution.unwrap_or(then.resolution),
            max_unattributed: self.max_unattributed.unwrap_or(then.max_unattributed),
            allow_unexpected: self.allow_unexpected.unwrap_or(then.allow_unexpected),
            balancing: self.balancing.unwrap_or(then.balancing),
            require_healthy: self.require_healthy || then.require_healthy,
            ..then
        };
        Question { policy, slos }
    }
}

impl Question {
    /// How sure the result has to be, as it is typed.
    fn certainty(&self) -> String {
        let policy = &self.policy;
        let resolution = policy.resolution.map_or("auto".to_owned(), percent);
        format!(
            "--alpha {} --beta {} --tolerance {} --resolution {resolution} --max-unattributed {} --allow-unexpected {} \
             --balancing {}",
            policy.alpha,
            policy.beta,
            percent(policy.tolerance),
            percent(policy.max_unattributed),
            policy.allow_unexpected,
            policy.balancing
        )
    }

    fn objectives(&self) -> String {
        let healthy = self.policy.require_healthy;
        let healthy = healthy.then(|| "--require-healthy".to_owned());
        let all: Vec<String> = self.slos.iter().cloned().chain(healthy).collect();
        all.join("; ")
    }
}

/// Whether two reports ask the same question of the same target.
fn alike(
    (first, one): (&SavedPart, &Question),
    (second, other): (&SavedPart, &Question),
) -> Result<(), MergeError> {
    let target = |part: &SavedPart| {
        let request = &part.report.target;
        format!(
            "{} {} (Host: {})",
            request.method, request.url, request.host
        )
    };
    let declared = |part: &SavedPart| part.report.split().map_or_else(String::new, split);
    let certainty = |part: &SavedPart, question: &Question| match part.report.split() {
        Some(_) => question.certainty(),
        None => String::new(),
    };
    let questions: [(Difference, [String; 2]); 4] = [
        (Difference::Target, [target(first), target(second)]),
        (Difference::Declaration, [declared(first), declared(second)]),
        (
            Difference::Certainty,
            [certainty(first, one), certainty(second, other)],
        ),
        (
            Difference::Objectives,
            [one.objectives(), other.objectives()],
        ),
    ];
    let different = questions.into_iter().find(|(_, [one, other])| one != other);
    let Some((what, values)) = different else {
        return Ok(());
    };
    let names = [&first.name, &second.name];
    let width = names.map(|name| name.chars().count()).into_iter().max();
    let width = width.unwrap_or(0);
    let lines = names.iter().zip(&values).map(|(name, value)| {
        let value = if value.is_empty() { "nothing" } else { value };
        format!("  {name:width$}  {value}")
    });
    Err(MergeError::Different {
        first: first.name.clone(),
        second: second.name.clone(),
        what,
        table: lines.collect::<Vec<_>>().join("\n"),
    })
}

/// `single 9/10, multiple 1/10`, and how one is picked where that is not by lot.
fn split(expected: &Expected) -> String {
    let share = |declared: &TargetShare| format!("{} {}", declared.name, declared.share);
    let shares: Vec<String> = expected.declared().iter().map(share).collect();
    match expected.mechanism {
        Mechanism::Iid => shares.join(", "),
        mechanism => format!("{} ({mechanism:?})", shares.join(", ")),
    }
}

fn one(report: Report, question: &Question) -> Result<Report, MergeError> {
    let attribution = Attribution::new(&report.observation.seen, report.declared());
    let evidence = report.evidence(&attribution);
    let verdict = verdict::rejudge(&evidence, &question.policy, report.observation.watched);
    let verdict = with_objectives(&evidence, question, verdict)?;
    let load = report.load.clone();
    Ok(Report {
        load,
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
    let observation = SavedObservation::new(
        observation.seen,
        split.map(|split| (split, observation.mapping)),
        observation.watched,
        &question.policy,
    );
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
    let observation = SavedObservation::new(seen.clone(), declared, watched, &question.policy);
    let policy = question.policy;
    Ok(Report {
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
    let mut all: Vec<Note> = Vec::new();
    for note in notes {
        if !all.contains(note) {
            all.push(note.clone());
        }
    }
    all
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
        match split {
            Some(split) => slo.check(split.declared().iter().map(|own| own.name.as_str()))?,
            None if seen.answered() > 0 => slo.check_seen(attribution)?,
            None => {}
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
