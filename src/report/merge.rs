//! Saved reports judged again: one by itself, several of them added. Not: reading files, nor what is typed.

use std::fmt::Write as _;

use super::saved::Saved;
use super::{ReadError, Report, Run, SavedPart, report};
use crate::diag::Note;
use crate::split::Expected;
use crate::units::percent;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::Mapping;
use crate::verdict::slo::{Slo, SloProblem};
use crate::verdict::{Balancing, Evidence, Part, Verdict, decided, judge_together, rejudge};

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
        what: &'static str,
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

/// Judges saved reports again. Reports that were merged before are taken apart first.
pub fn again(reports: Vec<(String, Report)>, changes: &Changes) -> Result<Report, MergeError> {
    let mut parts = Vec::new();
    for (name, report) in reports {
        take_apart(&name.clone(), name, report, &mut parts);
    }
    twice(&parts)?;
    let parts: Vec<SavedPart> = parts.into_iter().map(|(_, part)| part).collect();
    let mut saved = Vec::new();
    for part in &parts {
        let read = Saved::of(&part.report).map_err(|error| MergeError::Unusable {
            name: part.name.clone(),
            error,
        })?;
        saved.push(read);
    }
    for saved in &mut saved {
        changes.apply(saved);
    }
    let Some((first, others)) = saved.split_first() else {
        return Err(MergeError::Nothing);
    };
    if others.is_empty() {
        return one(first);
    }
    for (other, part) in others.iter().zip(&parts[1..]) {
        alike((&parts[0].name, first), (&part.name, other))?;
    }
    let (mut merged, seeds) = (together(&saved, &parts)?, parts[0].report.tool.seed);
    merged.tool.seed = seeds;
    merged.observation.requests = None;
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
        let seen = &own.1.report.observation;
        let same =
            |(_, other): &&(String, SavedPart)| other.report.observation == *seen && seen.sent > 0;
        if let Some(first) = parts[..at].iter().find(same) {
            return Err(MergeError::Twice {
                first: named(first),
                second: named(own),
            });
        }
    }
    Ok(())
}

impl Changes {
    fn apply(&self, saved: &mut Saved) {
        let policy = &mut saved.policy;
        policy.alpha = self.alpha.unwrap_or(policy.alpha);
        policy.beta = self.beta.unwrap_or(policy.beta);
        policy.tolerance = self.tolerance.unwrap_or(policy.tolerance);
        policy.resolution = self.resolution.unwrap_or(policy.resolution);
        policy.max_unattributed = self.max_unattributed.unwrap_or(policy.max_unattributed);
        policy.allow_unexpected = self.allow_unexpected.unwrap_or(policy.allow_unexpected);
        policy.balancing = self.balancing.unwrap_or(policy.balancing);
        policy.require_healthy |= self.require_healthy;
        if !self.slos.is_empty() {
            saved.slos = self.slos.iter().map(Slo::to_string).collect();
        }
    }
}

/// What a report asks in one respect, as text.
type Asked<'a> = &'a dyn Fn(&Saved) -> String;

/// Whether two reports ask the same question of the same target.
fn alike(first: (&str, &Saved), second: (&str, &Saved)) -> Result<(), MergeError> {
    let target = |saved: &Saved| {
        let request = &saved.request;
        format!(
            "{} {} (Host: {})",
            request.method, request.url, request.host
        )
    };
    let policy = |saved: &Saved| {
        let (p, watched) = (saved.policy, saved.expected.is_some());
        let resolution = p.resolution.map_or("auto".to_owned(), percent);
        if !watched {
            return String::new();
        }
        format!(
            "--alpha {} --beta {} --tolerance {} --resolution {resolution} --max-unattributed {} --allow-unexpected {} \
             --balancing {}",
            p.alpha,
            p.beta,
            percent(p.tolerance),
            percent(p.max_unattributed),
            p.allow_unexpected,
            p.balancing
        )
    };
    let questions: [(&'static str, Asked<'_>); 4] = [
        ("their target", &target),
        ("what was declared", &|saved| split(saved.expected.as_ref())),
        ("how sure the answer has to be", &policy),
        ("their objectives", &|saved| {
            let healthy = saved.policy.require_healthy;
            let healthy = healthy.then(|| "--require-healthy".to_owned());
            let all: Vec<String> = saved.slos.iter().cloned().chain(healthy).collect();
            all.join("; ")
        }),
    ];
    for (what, of) in questions {
        let (one, other) = (of(first.1), of(second.1));
        if one != other {
            let width = first.0.chars().count().max(second.0.chars().count());
            let mut table = String::new();
            for (name, value) in [(first.0, one), (second.0, other)] {
                let value = if value.is_empty() { "nothing" } else { &value };
                let _ = write!(table, "\n  {name:width$}  {value}");
            }
            return Err(MergeError::Different {
                first: first.0.to_owned(),
                second: second.0.to_owned(),
                what,
                table: table.trim_start_matches('\n').to_owned(),
            });
        }
    }
    Ok(())
}

/// `single 9/10, multiple 1/10`, and how one is picked where that is not by lot.
fn split(expected: Option<&Expected>) -> String {
    let Some(expected) = expected else {
        return String::new();
    };
    let share =
        |declared: &crate::split::TargetShare| format!("{} {}", declared.name, declared.share);
    let shares: Vec<String> = expected.declared().iter().map(share).collect();
    match expected.mechanism {
        crate::split::Mechanism::Iid => shares.join(", "),
        mechanism => format!("{} ({mechanism:?})", shares.join(", ")),
    }
}

fn one(saved: &Saved) -> Result<Report, MergeError> {
    let attribution = Attribution::new(&saved.seen, declared(saved));
    let verdict = rejudge(&evidence(saved, &attribution), &saved.policy, saved.watched);
    let known = Known {
        findings: saved.findings.clone(),
        notes: saved.notes.clone(),
    };
    built(saved, &saved.seen, &saved.mapping, known, verdict)
}

fn together(saved: &[Saved], parts: &[SavedPart]) -> Result<Report, MergeError> {
    let first = &saved[0];
    let mut seen = first.seen.clone();
    for other in &saved[1..] {
        seen.append(&other.seen);
    }
    let mapping = saved
        .iter()
        .fold(Mapping::default(), |all, saved| all.and(&saved.mapping));
    let pair = first.expected.as_ref().map(|expected| (expected, &mapping));
    let attribution = Attribution::new(&seen, pair);
    let own: Vec<Attribution> = saved
        .iter()
        .map(|saved| Attribution::new(&saved.seen, declared(saved)))
        .collect();
    let judged: Vec<Part<'_>> = saved
        .iter()
        .zip(&own)
        .zip(parts)
        .map(|((saved, attribution), part)| Part {
            name: part.name.clone(),
            evidence: evidence(saved, attribution),
            watched: saved.watched,
        })
        .collect();
    let all = Evidence {
        declared: pair,
        seen: &seen,
        attribution: &attribution,
        hypotheses: &first.hypotheses,
    };
    let (verdict, generators) = judge_together(all, &judged, &first.policy);
    let known = Known {
        findings: each_once(saved.iter().flat_map(|saved| &saved.findings)),
        notes: each_once(saved.iter().flat_map(|saved| &saved.notes)),
    };
    let report = built(first, &seen, &mapping, known, verdict)?;
    Ok(Report {
        generators,
        // Each part has its own.
        load: None,
        ..report
    })
}

/// What is known beside the counts.
struct Known {
    findings: Vec<Note>,
    notes: Vec<Note>,
}

fn each_once<'a>(caveats: impl Iterator<Item = &'a Note>) -> Vec<Note> {
    let mut all: Vec<Note> = Vec::new();
    for caveat in caveats {
        if !all.contains(caveat) {
            all.push(caveat.clone());
        }
    }
    all
}

/// The objectives decided, and everything put into the model.
fn built(
    saved: &Saved,
    seen: &crate::observe::Observation,
    mapping: &Mapping,
    known: Known,
    verdict: Verdict,
) -> Result<Report, MergeError> {
    let pair = saved.expected.as_ref().map(|expected| (expected, mapping));
    let attribution = Attribution::new(seen, pair);
    let slos = objectives(saved, &attribution)?;
    let verdict = decided(
        &slos,
        saved.policy.require_healthy,
        verdict,
        &attribution,
        seen,
        saved.expected.as_ref(),
    );
    let report = report(Run {
        request: saved.request.clone(),
        declared: pair,
        rule: saved.rule.clone(),
        excerpt: saved.excerpt.clone(),
        hypotheses: &saved.hypotheses,
        seen,
        attribution: &attribution,
        policy: &saved.policy,
        watched: saved.watched,
        verdict,
        findings: known.findings,
        notes: known.notes,
    });
    Ok(Report {
        load: saved.load.clone(),
        ..report
    })
}

/// The objectives, and whether their targets exist.
fn objectives(saved: &Saved, attribution: &Attribution) -> Result<Vec<Slo>, MergeError> {
    let objective = |text: &String| -> Result<Slo, SloProblem> {
        let slo: Slo = text.parse()?;
        match &saved.expected {
            Some(expected) => slo.check(expected.declared().iter().map(|d| d.name.as_str()))?,
            None if saved.seen.answered() > 0 => slo.check_seen(attribution)?,
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
    saved.slos.iter().map(named).collect()
}

fn declared(saved: &Saved) -> Option<(&Expected, &Mapping)> {
    saved
        .expected
        .as_ref()
        .map(|expected| (expected, &saved.mapping))
}

fn evidence<'a>(saved: &'a Saved, attribution: &'a Attribution) -> Evidence<'a> {
    Evidence {
        declared: declared(saved),
        seen: &saved.seen,
        attribution,
        hypotheses: &saved.hypotheses,
    }
}
