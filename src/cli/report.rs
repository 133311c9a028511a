//! `resplit report`: saved reports merged, judged again, compared, rendered.

use std::path::Path;

use super::args::{AgainArgs, Balancing, ReportArgs, SloArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::report_output::{exit, to_stdout, write_report};
use super::{config, input, output, slo};
use crate::diag::Note;
use crate::report::{
    Changes, ComparisonFormat, Declaration, Difference, MergeError, ReadError, Report, comparison,
    read, rejudge,
};
use crate::split::Expected;
use crate::units::Fraction;
use crate::verdict;
use crate::verdict::mapping::{MapRule, Mapping};
use crate::verdict::slo::{Slo, SloOutcome};

impl AgainArgs {
    fn asks(&self) -> bool {
        self.alpha.is_some()
            || self.beta.is_some()
            || self.tolerance.is_some()
            || self.resolution.is_some()
            || self.inconclusive.is_some()
            || self.max_unattributed.is_some()
            || self.balancing.is_some()
            || self.allow_unexpected.is_some()
    }

    fn changes(&self, also: &SloArgs) -> Result<Changes, Failure> {
        let balancing = |by| match by {
            Balancing::Request => verdict::Balancing::Request,
            Balancing::Connection => verdict::Balancing::Connection,
            Balancing::Any => verdict::Balancing::Any,
        };
        // `auto` is read as 0.
        let asked = |resolution: Fraction| Some(resolution.get()).filter(|own| *own > 0.0);
        Ok(Changes {
            alpha: self.alpha,
            beta: self.beta,
            tolerance: self.tolerance.map(Fraction::get),
            resolution: self.resolution.map(asked),
            max_unattributed: self.max_unattributed.map(Fraction::get),
            allow_unexpected: self.allow_unexpected.map(|count| count.0),
            balancing: self.balancing.map(balancing),
            slos: slo::read(&also.slo)?,
            require_healthy: also.require_healthy,
        })
    }
}

/// Carries out `report`.
pub(super) fn run(args: ReportArgs) -> Result<Exit, Failure> {
    let changes = args.judgement.changes(&args.objectives)?;
    let to = config::output(args.output)?;
    let named = args.files.iter().map(|path| read_file(path));
    let mut reports: Vec<(String, Report)> = named.collect::<Result<_, _>>()?;
    if !args.expect.is_empty() {
        let (expected, odd) = config::weights(&args.expect)?;
        for (name, report) in &mut reports {
            declare(name, report, (&expected, odd.as_ref()), &args.map)?;
        }
    }
    if args.compare {
        if args.judgement.asks() || changes.require_healthy {
            return Err(Failure::usage(
                "--compare judges no split",
                "leave the options of judgement out, or judge each report by itself first: resplit report --alpha P -o json FILE",
            ));
        }
        return compared(&reports, &changes.slos, &to);
    }
    slo::refuse_between_runs(&changes.slos)?;
    let report = rejudge(reports, &changes).map_err(|error| refused(&error))?;
    write_report(&report, &to, None)?;
    Ok(exit(&report.verdict, args.judgement.inconclusive))
}

/// Declares the split of a run that had no declaration, so that it is judged as it would have been with one.
fn declare(
    name: &str,
    report: &mut Report,
    (expected, odd): (&Expected, Option<&Note>),
    rules: &[MapRule],
) -> Result<(), Failure> {
    if report.expected.is_some() {
        return Err(Failure::usage(
            format!("`{name}` was judged against a declaration of its own"),
            "leave --expect out: how long a run goes on depends on what is declared",
        ));
    }
    let values = report.observation.seen.tallies.keys();
    let mapping = Mapping::derive(expected, rules, values).map_err(Failure::Mapping)?;
    report.declare(Declaration::of(expected.clone(), None), mapping);
    report.known.notes.extend(odd.cloned());
    for part in &mut report.parts {
        declare(&part.name, &mut part.report, (expected, odd), rules)?;
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<(String, Report), Failure> {
    let name = path.display().to_string();
    let bytes = input::bytes(path)?;
    let unusable = |error: ReadError| {
        refused(&MergeError::Unusable {
            name: name.clone(),
            error,
        })
    };
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::usage(
            format!("`{name}` is not UTF-8 text"),
            "name files that were saved with --report json=FILE",
        )
    })?;
    let report = read(&text).map_err(unusable)?;
    Ok((name, report))
}

fn refused(error: &MergeError) -> Failure {
    let help = match error {
        MergeError::Nothing => "name files that were saved with --report json=FILE".to_owned(),
        MergeError::Unusable { error, .. } => match error {
            ReadError::Newer(_) => "use the resplit that saved it, or a newer one".to_owned(),
            ReadError::Other(_) | ReadError::Form(_) => {
                "name files that were saved with --report json=FILE or -o json".to_owned()
            }
            ReadError::Damaged(_) => "run again, or leave the file out".to_owned(),
        },
        MergeError::Rules(_) => {
            "leave the options of judgement out, and name it alone; or run again".to_owned()
        }
        MergeError::Twice { .. } => "name every run once".to_owned(),
        MergeError::Different { what, .. } => match what {
            Difference::Certainty => {
                "say what is asked of all of them, with the options shown".to_owned()
            }
            Difference::Objectives => "say what is asked of all of them, with --slo".to_owned(),
            Difference::Target | Difference::Declaration => "merge reports of the same question only; --compare shows two of them beside each other".to_owned(),
        },
        MergeError::Objective { problem, .. } => problem.help.clone(),
    };
    Failure::usage(error.to_string(), help)
}

/// Both beside each other, and the objectives that decide how this ends; without any it ends well, whatever they say.
fn compared(
    reports: &[(String, Report)],
    slos: &[Slo],
    to: &config::OutputConfig,
) -> Result<Exit, Failure> {
    let [before, after] = reports else {
        return Err(Failure::usage(
            format!("--compare takes two reports, not {}", reports.len()),
            "resplit report --compare before.json after.json",
        ));
    };
    let found =
        comparison((&before.0, &before.1), (&after.0, &after.1), slos).map_err(slo::unknown)?;
    for (format, path) in &to.files {
        let mut bytes = Vec::new();
        found
            .render(comparison_format(format.name)?, &mut bytes)
            .and_then(|()| output::deliver(path, &bytes))
            .map_err(|source| Failure::Write {
                path: path.display().to_string(),
                source,
            })?;
    }
    let mut bytes = Vec::new();
    let written = found.render(comparison_format(to.format.name)?, &mut bytes);
    to_stdout(written.map(|()| bytes))?;
    Ok(match found.outcome() {
        None | Some(SloOutcome::Pass) => Exit::Pass,
        Some(SloOutcome::Failed) => Exit::Diverged,
        Some(SloOutcome::Inconclusive) => Exit::Inconclusive,
    })
}

fn comparison_format(name: &str) -> Result<ComparisonFormat, Failure> {
    match name {
        "text" => Ok(ComparisonFormat::Text),
        "markdown" => Ok(ComparisonFormat::Markdown),
        "json" => Ok(ComparisonFormat::Json),
        other => Err(Failure::usage(
            format!("a comparison cannot be written as `{other}`"),
            "there are text, markdown and json",
        )),
    }
}
