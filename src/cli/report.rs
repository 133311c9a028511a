//! `resplit report`: saved reports merged, judged again, compared, rendered.

use std::path::PathBuf;

use super::args::{AgainArgs, Balancing, ReportArgs, SloArgs};
use super::exit::Exit;
use super::expectation::{Declared, resolve_in};
use super::failure::Failure;
use super::lint_notes::lint_notes;
use super::recorded_request::RecordedRequest;
use super::report_output::{all_written, exit, to_stdout, unwritten, write_report};
use super::saved_reports::{SavedReports, refused};
use super::{config, input, output, slo};
use crate::diag::{Note, Sources};
use crate::manifest::ObjectName;
use crate::report::{Changes, ComparisonFormat, Declaration, Merge, Report, comparison};
use crate::route::Vantage;
use crate::split::{Bucket, Expected};
use crate::units::Fraction;
use crate::verdict;
use crate::verdict::mapping::{MapRule, Mapping, MappingError, map_option};
use crate::verdict::slo::{Slo, SloOutcome};

/// Values that are named, at most.
const MOST_SHOWN: usize = 10;

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
    let vantage = config::vantage(&args.vantage)?;
    let with = Declaring::typed(&args.expect, &args.filename)?.map(|declaration| With {
        declaration,
        object: args.chosen.object.as_ref(),
        vantage: &vantage,
        rules: &args.map,
        quiet: to.args.quiet,
    });
    let declared = |name: &str, report: &mut Report| match &with {
        Some(with) => with.declare(name, report),
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
            report.derive_rows();
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

/// What declares the split of runs that had no declaration.
enum Declaring {
    /// `--expect`, and what is odd about it.
    Weights(Box<Expected>, Option<Note>),
    /// The texts of `-f`, read once: stdin cannot be read again.
    Manifests(Sources),
}

/// A declaration, and how it is understood.
struct With<'a> {
    declaration: Declaring,
    object: Option<&'a ObjectName>,
    vantage: &'a Vantage,
    rules: &'a [MapRule],
    quiet: bool,
}

impl Declaring {
    fn typed(weights: &[String], files: &[PathBuf]) -> Result<Option<Self>, Failure> {
        Ok(if !weights.is_empty() {
            let (expected, odd) = config::weights(weights)?;
            Some(Self::Weights(Box::new(expected), odd))
        } else if !files.is_empty() {
            Some(Self::Manifests(input::manifests(files)?))
        } else {
            None
        })
    }
}

impl With<'_> {
    /// Declares the split of a run that had no declaration, so that it is judged as it would have been with one.
    fn declare(&self, name: &str, report: &mut Report) -> Result<(), Failure> {
        if report.expected.is_some() {
            return Err(Failure::usage(
                format!("`{name}` was judged against a declaration of its own"),
                "leave -f and --expect out: how long a run goes on depends on what is declared",
            ));
        }
        let declared = self.declared(name, report)?;
        let values = report.observation.seen.tallies.keys();
        let mapping = Mapping::derive(declared.expected(), self.rules, values);
        let mapping = mapping.map_err(|error| untied(error, report))?;
        report
            .known
            .findings
            .extend(declared.asked.iter().flat_map(lint_notes));
        report.known.notes.extend(declared.caveats);
        report.declare(declared.declaration, mapping);
        for part in &mut report.parts {
            self.declare(&part.name, &mut part.report)?;
        }
        Ok(())
    }

    /// What is declared for the request of a report.
    fn declared(&self, name: &str, report: &Report) -> Result<Declared, Failure> {
        match &self.declaration {
            Declaring::Weights(expected, odd) => Ok(Declared {
                declaration: Declaration::of(Expected::clone(expected), None),
                caveats: odd.iter().cloned().collect(),
                asked: None,
            }),
            Declaring::Manifests(sources) => {
                let recorded = RecordedRequest::of(name, report)?;
                let (texts, request) = (sources.clone(), Some(&recorded.request));
                let declared = resolve_in(
                    texts,
                    self.object,
                    request,
                    self.vantage,
                    (self.quiet, None),
                )?;
                recorded.check(name, &declared)?;
                Ok(declared)
            }
        }
    }
}

/// Values that cannot be tied to targets: how they were read is settled, what they mean is not.
fn untied(error: MappingError, report: &Report) -> Failure {
    let MappingError::Untied { known } = &error else {
        return Failure::Mapping(error);
    };
    let values = report.observation.seen.tallies.keys();
    let mut values: Vec<&str> = values.filter_map(Bucket::value).collect();
    values.dedup();
    let options: Vec<String> = (values.iter().take(MOST_SHOWN))
        .map(|value| map_option(value, "TARGET"))
        .collect();
    Failure::usage(
        error.to_string(),
        format!(
            "say which value is which target: {}, where TARGET is {}",
            options.join(" "),
            known.join(" or ")
        ),
    )
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
    for (_, report) in reports {
        slo::check_measured(slos, false, &report.observation.seen)?;
    }
    let found =
        comparison((&before.0, &before.1), (&after.0, &after.1), slos).map_err(slo::unknown)?;
    let mut lost = Vec::new();
    for (format, path) in &to.files {
        let mut bytes = Vec::new();
        let written = found
            .render(comparison_format(format.name)?, &mut bytes)
            .and_then(|()| output::deliver(path, &bytes));
        lost.extend(unwritten(path, written));
    }
    let mut bytes = Vec::new();
    let written = found.render(comparison_format(to.format.name)?, &mut bytes);
    lost.extend(to_stdout(written.map(|()| bytes)).err());
    all_written(lost)?;
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
