//! `resplit report`: saved reports merged, judged again, compared, rendered.

use super::args::{AgainArgs, Balancing, ReportArgs, SloArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::report_output::{exit, to_stdout, write_report};
use super::saved_reports::{SavedReports, refused};
use super::{config, output, slo};
use crate::diag::Note;
use crate::report::{Changes, ComparisonFormat, Declaration, Merge, Report, comparison};
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
    let (mut saved, runs) = SavedReports::open(&args.files)?;
    let weights = Some(&args.expect).filter(|typed| !typed.is_empty());
    let weights = weights.map(|typed| config::weights(typed)).transpose()?;
    let declared = |name: &str, report: &mut Report| match &weights {
        Some((expected, odd)) => declare(name, report, (expected, odd.as_ref()), &args.map),
        None => Ok(()),
    };
    if args.compare {
        if args.judgement.asks() || changes.require_healthy {
            return Err(Failure::usage(
                "--compare judges no split",
                "leave the options of judgement out, or judge each report by itself first: resplit report --alpha P -o json FILE",
            ));
        }
        let mut reports = Vec::new();
        saved.each(|name, mut report| {
            declared(&name, &mut report)?;
            reports.push((name, report));
            Ok(())
        })?;
        return compared(&reports, &changes.slos, &to);
    }
    slo::refuse_between_runs(&changes.slos)?;
    // Only what holds everything needs the reports in full.
    let mut formats = to
        .files
        .iter()
        .map(|(format, _)| format)
        .chain([&to.format]);
    let in_full = formats.any(|format| ["json", "log"].contains(&format.name));
    let mut merge = Merge::new(changes, runs, in_full);
    saved.each(|name, mut report| {
        declared(&name, &mut report)?;
        merge.add(name, report).map_err(|error| refused(&error))
    })?;
    let report = merge
        .finish(saved.missing())
        .map_err(|error| refused(&error))?;
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
