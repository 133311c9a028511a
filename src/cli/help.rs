//! How the help is laid out: what `-h` says of which options, and the tables that are made of what there is. What `--help`
//! says of each option stands in `args`.

use clap::{Arg, CommandFactory};

use super::args::Cli;
use crate::bucket::{self, EXTRACTORS};
use crate::report::FORMATS;

/// What `-h` shows of the options of `run`, each in one line of 80 columns; the rest is in `--help`.
const COMMON: [(&str, &str); 11] = [
    ("filename", "Manifests: file, folder or - (repeatable)"),
    ("expect", "The split without manifests: v1=90,v2=10"),
    ("bucket", "Who answered: header:NAME, json:/POINTER, …"),
    ("slo", "What must hold too: 'canary.p99 < 200ms'"),
    (
        "requests",
        "Send exactly N: 1000, 10k [default: until certain]",
    ),
    ("connections", "Connections, one request at a time"),
    ("duration", "Send for this long instead: 10s, 1m30s"),
    ("rate", "Start so many requests per second"),
    ("header", "A header: 'end-user: jason' (repeatable)"),
    ("output", "What stdout gets: text, json, …"),
    ("report", "Write a file too: html=split.html (repeatable)"),
];

/// The command line, with a short help of its own.
pub(super) fn command() -> clap::Command {
    whole()
        .mut_args(laid_out)
        .mut_subcommand("run", |run| run.mut_args(laid_out))
        .mut_subcommand("job", |job| {
            job.mut_args(|arg| match arg.get_help_heading() {
                Some("Job") => arg,
                _ => laid_out(arg),
            })
        })
}

/// The command line with everything that is said of it, as the man page and completions have it.
pub(super) fn whole() -> clap::Command {
    Cli::command()
        .mut_args(|arg| extractors(formats(arg)))
        .mut_subcommand("run", |run| run.mut_args(|arg| extractors(formats(arg))))
        .mut_subcommand("job", |job| job.mut_args(|arg| extractors(formats(arg))))
        .mut_subcommand("monitor", |own| own.mut_args(extractors))
        .mut_subcommand("size", |size| size.mut_args(extractors))
        .mut_subcommand("endpoints", |own| own.mut_args(extractors))
        .mut_subcommand("report", |report| report.mut_args(formats))
        .mut_subcommand("demo", |demo| demo.mut_args(formats))
}

/// An option of `run`: its line in `-h`, if it has one; `--help` says what `args` says.
fn laid_out(arg: Arg) -> Arg {
    let common = COMMON.iter().find(|(id, _)| *id == arg.get_id().as_str());
    let Some((_, short)) = common else {
        return arg.hide_short_help(true);
    };
    let long = arg.get_long_help().or(arg.get_help()).cloned();
    // One heading less: what must hold is expected.
    let arg = match arg.get_id().as_str() {
        "slo" => arg.help_heading("Expectation"),
        _ => arg,
    };
    let arg = arg.help(*short);
    match long {
        Some(long) => arg.long_help(long),
        None => arg,
    }
}

/// `--output` with what each format is for.
fn formats(arg: Arg) -> Arg {
    if arg.get_id() != "output" {
        return arg;
    }
    let rows = FORMATS.iter().map(|format| {
        let (name, summary) = (format.name, format.summary);
        format!("\n  {name:11}  {summary}")
    });
    let rows: String = rows.collect();
    arg.long_help(format!("What is written to stdout:\n{rows}"))
}

/// `--bucket` with what each extractor yields.
fn extractors(arg: Arg) -> Arg {
    if arg.get_id() != "bucket" {
        return arg;
    }
    let rows = EXTRACTORS.iter().map(|extractor| {
        let (form, summary) = (extractor.form(), extractor.summary.replace('`', ""));
        format!("\n  {form:13}  {summary}")
    });
    let rows: String = rows.collect();
    let short = format!("What tells responses apart: {}", bucket::forms());
    arg.help(short).long_help(format!(
        "What tells responses apart (repeatable; the first that yields a value wins):\n{rows}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn short_help_fits_a_screen() {
        let mut command = command().term_width(80);
        let help = command.render_help().to_string();
        let lines: Vec<&str> = help.lines().collect();
        assert!(lines.len() <= 52, "{} lines:\n{help}", lines.len());
        // Nothing wraps: every option, command and example keeps to its line.
        for line in &lines {
            let text = line.trim_start();
            assert!(line.width() <= 80, "{line}");
            assert!(line.width() - text.width() <= 10, "wrapped:\n{help}");
        }
        for common in ["--filename", "--expect", "--slo", "--report", "Examples:"] {
            assert!(help.contains(common), "{common}:\n{help}");
        }
        assert!(help.contains("Exit: 0 pass, 1 diverged"), "{help}");
    }

    #[test]
    fn long_help_says_all_that_options_say() {
        let long = command().term_width(100).render_long_help().to_string();
        for format in FORMATS {
            let row = format!("{:11}  {}", format.name, format.summary);
            assert!(long.contains(&row), "{row}:\n{long}");
        }
        for extractor in EXTRACTORS {
            let row = format!("{:13}  ", extractor.form());
            assert!(long.contains(&row), "{row}:\n{long}");
        }
        for text in ["(repeatable; overrides -f)", "--tolerance", "METRIC is p50"] {
            assert!(long.contains(text), "{text}:\n{long}");
        }
    }
}
