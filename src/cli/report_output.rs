//! Where the answer goes: files, stdout, the exit code.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::config::OutputConfig;
use super::exit::Exit;
use super::failure::{Failure, STDOUT};
use super::unidentified::Untied;
use super::{advice, args, output, warn};
use crate::diag::Code;
use crate::report::{Report, Style};
use crate::verdict::{Outcome, Verdict};

/// Writes the report to the files, then to stdout. `untied` is why no response could be tied to a target, where that is known.
pub(super) fn write_report(
    report: &Report,
    output: &OutputConfig,
    untied: Option<&Untied>,
) -> Result<(), Failure> {
    let mut lost = Vec::new();
    for (format, path) in &output.files {
        let plain = Style {
            colour: false,
            bars: false,
            width: 100,
            verbose: output.args.verbose,
            percentiles: output.args.percentiles.unwrap_or_default(),
        };
        let mut bytes = Vec::new();
        let written =
            (format.render)(report, plain, &mut bytes).and_then(|()| output::deliver(path, &bytes));
        lost.extend(unwritten(path, written));
    }
    let style = Style {
        colour: output::colour_on_stdout(output.args.color),
        bars: io::stdout().is_terminal() || output.args.color == args::Colour::Always,
        width: output::width(),
        verbose: output.args.verbose,
        percentiles: output.args.percentiles.unwrap_or_default(),
    };
    let mut bytes = Vec::new();
    let written = (output.format.render)(report, style, &mut bytes);
    lost.extend(to_coloured_stdout(written.map(|()| bytes), style.colour).err());
    if let Some(Untied::Stopped(failure, _)) = untied {
        warn(&failure.render());
    } else if report.verdict.outcome == Outcome::NoData && report.was_sent() {
        let note = |codes: &[Code]| {
            let mut notes = report.verdict.caveats.iter();
            let known = notes.find(|note| codes.contains(&note.code));
            known.map(|note| note.message.as_str())
        };
        let unmatched = note(&[Code::BucketNeverMatched, Code::Redirected]);
        let help = match untied {
            Some(Untied::Sent(known, _)) => Some(known.help()),
            _ => note(&[Code::TargetSilent]).map(str::to_owned),
        };
        let why = unmatched.unwrap_or(&report.verdict.reason);
        let help = help.unwrap_or_else(|| advice::no_data(&report.observation).to_owned());
        // Whoever reads the report has read why.
        warn(&if output.format.for_people {
            format!("help: {help}\n")
        } else {
            format!("error: {why}\nhelp: {help}\n")
        });
    }
    all_written(lost)
}

/// That a file was not written.
pub(super) fn unwritten(path: &Path, written: io::Result<()>) -> Option<Failure> {
    written.err().map(|source| Failure::Write {
        path: path.display().to_string(),
        source,
    })
}

/// Every output was tried: those that are lost are told, the last of them by whoever ends the command.
pub(super) fn all_written(mut lost: Vec<Failure>) -> Result<(), Failure> {
    let told = lost.pop();
    for failure in lost {
        warn(&failure.render());
    }
    told.map_or(Ok(()), Err)
}

/// Whether all files of a report can be written, tried without touching what is there.
pub(super) fn writable(output: &OutputConfig) -> Result<(), Failure> {
    for (_, path) in &output.files {
        output::writable(path).map_err(|source| Failure::Write {
            path: path.display().to_string(),
            source,
        })?;
    }
    Ok(())
}

/// Writes to stdout what was rendered in memory without colours.
pub(super) fn to_stdout(rendered: io::Result<Vec<u8>>) -> Result<(), Failure> {
    to_coloured_stdout(rendered, false)
}

/// The same, with its colours where it has any.
pub(super) fn to_coloured_stdout(
    rendered: io::Result<Vec<u8>>,
    colours: bool,
) -> Result<(), Failure> {
    let written = rendered.and_then(|bytes| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&output::printable(&bytes, colours))?;
        stdout.flush()
    });
    match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|source| Failure::Write {
            path: STDOUT.to_owned(),
            source,
        }),
    }
}

/// The exit code of an outcome as it is.
pub(super) fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Pass | Outcome::NotJudged => Exit::Pass,
        Outcome::Diverged | Outcome::SloFailed => Exit::Diverged,
        Outcome::Inconclusive => Exit::Inconclusive,
        Outcome::NoData => Exit::NoData,
    }
}

/// The exit code of a verdict. That a target is silent is never let pass: more requests would not change it.
pub(super) fn exit(verdict: &Verdict, inconclusive: Option<args::Inconclusive>) -> Exit {
    let (outcome, silent) = (verdict.outcome, verdict.silent_target());
    match (outcome, inconclusive) {
        (Outcome::Inconclusive, Some(args::Inconclusive::Pass)) if !silent => Exit::Pass,
        (Outcome::Inconclusive, Some(args::Inconclusive::Fail)) => Exit::Diverged,
        _ => exit_of(outcome),
    }
}
