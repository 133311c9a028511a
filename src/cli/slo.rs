//! `--slo` from text to results: problems are shown with the expression and a caret.

use super::failure::Failure;
use super::output;
use crate::diag::render::render;
use crate::diag::{Note, Sources};
use crate::observe::Observation;
use crate::split::Expected;
use crate::verdict::attribution::Attribution;
use crate::verdict::slo::{Slo, SloProblem, Unmeasured};
use crate::verdict::{Verdict, decided};

const UNKNOWN: &str = "name a target as the report does, or `all` for every request";
const HELP: &str = "write it as TARGET.METRIC < VALUE, as in --slo 'canary.p99 < 200ms'";

/// Reads every objective, or says what is wrong with each that is none.
pub(super) fn read(texts: &[String]) -> Result<Vec<Slo>, Failure> {
    let (mut slos, mut problems) = (Vec::new(), Vec::new());
    for text in texts {
        match text.parse() {
            Ok(slo) => slos.push(slo),
            Err(problem) => problems.push((text.trim().to_owned(), problem)),
        }
    }
    if problems.is_empty() {
        Ok(slos)
    } else {
        Err(refused(&problems, HELP))
    }
}

/// Refuses objectives of targets that are not declared, before anything is sent.
pub(super) fn check_declared(slos: &[Slo], expected: &Expected) -> Result<(), Failure> {
    let names = || expected.declared().iter().map(|d| d.name.as_str());
    check(slos, |slo| slo.check(names()))
}

/// Refuses objectives that compare two runs where there is one.
pub(super) fn refuse_between_runs(slos: &[Slo]) -> Result<(), Failure> {
    match slos.iter().find(|slo| slo.compares_runs()) {
        None => Ok(()),
        Some(slo) => Err(Failure::usage(
            format!("`{slo}` compares two runs, and here is one"),
            "`before` is the first report of resplit report --compare before.json after.json",
        )),
    }
}

/// Refuses what an observation has not measured.
pub(super) fn check_measured(
    slos: &[Slo],
    require_healthy: bool,
    seen: &Observation,
) -> Result<(), Failure> {
    match Unmeasured::find(slos, require_healthy, seen) {
        None => Ok(()),
        Some(unmeasured) => Err(Failure::usage(unmeasured.to_string(), unmeasured.help())),
    }
}

/// An objective that names a target which a run does not know.
pub(super) fn unknown(problem: (String, SloProblem)) -> Failure {
    refused(&[problem], UNKNOWN)
}

/// Decides the objectives, and what they make of the verdict. Where nothing is declared, the responses say which targets
/// there are.
pub(super) fn decide(
    slos: &[Slo],
    require_healthy: bool,
    verdict: Verdict,
    sorted: &Attribution,
    seen: &Observation,
    expected: Option<&Expected>,
) -> Result<Verdict, Failure> {
    if expected.is_none() && seen.answered() > 0 {
        check(slos, |slo| slo.check_seen(sorted))?;
    }
    Ok(decided(
        slos,
        require_healthy,
        verdict,
        sorted,
        seen,
        expected,
    ))
}

fn check(slos: &[Slo], test: impl Fn(&Slo) -> Result<(), SloProblem>) -> Result<(), Failure> {
    let problem = |slo: &Slo| test(slo).err().map(|problem| (slo.to_string(), problem));
    let problems: Vec<_> = slos.iter().filter_map(problem).collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(refused(&problems, UNKNOWN))
    }
}

fn refused(problems: &[(String, SloProblem)], help: &str) -> Failure {
    let mut sources = Sources::new();
    let diagnostics: Vec<Note> = problems
        .iter()
        .map(|(text, problem)| problem.diagnostic(text, &mut sources))
        .collect();
    let message = match problems.len() {
        1 => "there is a problem in --slo".to_owned(),
        n => format!("there are {n} problems in --slo"),
    };
    Failure::Objectives {
        problems: render(&diagnostics, &sources, output::colour_on_stderr()),
        message,
        help: help.to_owned(),
    }
}
