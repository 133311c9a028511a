//! How the help is laid out: what `-h` says of which options, and the examples. Not: what `--help` says of each option
//! (see `args`).

use clap::{Arg, CommandFactory};

use super::args::Cli;
use super::exit;
use crate::bucket::{self, EXTRACTORS};
use crate::report::FORMATS;

const SHORT_EXAMPLES: &str = "\
Examples:
  resplit -f rules.yaml http://weather:5000/        is that what they declare?
  resplit --expect v1=90,v2=10 http://weather/      the same without manifests
  resplit explain -f rules.yaml http://reviews/     which rule, and why
  resplit demo broken                               a mesh gone wrong, embedded";

const EXAMPLES: &str = "\
Examples:
  resplit http://weather:5000/                      who answers, how fast
  resplit -f rules.yaml http://weather:5000/        is that what they declare?
  resplit --expect v1=90,v2=10 http://weather/      the same without manifests
  resplit --bucket header:x-version http://gw/      tell versions by a header
  resplit --expect v1=9,v2=1 --require-healthy URL  a gate: errors fail it too
  resplit explain -f rules.yaml http://reviews/     which rule, and why
  resplit lint -f manifests/                        why it would not take effect
  resplit size --expect v1=90,v2=10 --detect 85/15  how many requests to see that
  resplit report -o html run.json > run.html        a saved report as a page
  resplit report a.json b.json                      two load generators, merged
  resplit demo broken                               a mesh gone wrong, embedded";

/// What `explain --help` ends with.
pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  resplit explain -f rules.yaml http://weather-backend:5000/version
  resplit explain -f rules.yaml -H 'end-user: jason' http://reviews:9080/
  kubectl get vs,dr,svc -A -o yaml | resplit explain -f - --from-namespace shop http://reviews:9080/
  resplit explain -f rules.yaml --gateway istio-system/main http://shop.example.com/
  resplit explain -f rules.yaml --all-rules http://reviews:9080/     a request for each rule

Exit code 0, also when the answer is a 404; 2 when the manifests do not decode, or no rule is about this host.";

/// What `report --help` ends with.
pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  resplit -f rules.yaml --report json=run.json http://gateway/reviews    save a run
  resplit report run.json                                                judge it again
  resplit report --tolerance 2% --slo 'canary.p99 < 200ms' run.json      ask something else
  resplit report -o html run.json > run.html                             another format
  resplit report zone-a.json zone-b.json                                 merge generators
  resplit report --compare before.json after.json                        what changed

Exit codes as those of a run, of what is judged this time; 0 with --compare.";

/// What `-h` shows of the options of `run`, each in one line of 80 columns; the rest is in `--help`.
const COMMON: [(&str, &str); 14] = [
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
    ("method", "The method [default: GET; POST with a body]"),
    ("header", "A header: 'end-user: jason' (repeatable)"),
    ("data", "The body; @FILE from a file, @- from stdin"),
    ("host", "The Host header [default: from the URL]"),
    ("output", "What stdout gets: text, json, …"),
    ("report", "Write a file too: html=split.html (repeatable)"),
];

/// The command line, with a short help of its own.
pub(super) fn command() -> clap::Command {
    whole()
        .mut_args(laid_out)
        .mut_subcommand("run", |run| run.mut_args(laid_out))
}

/// The command line with everything that is said of it, as the man page and completions have it.
pub(super) fn whole() -> clap::Command {
    Cli::command()
        .mut_args(|arg| extractors(formats(arg)))
        .mut_subcommand("run", |run| run.mut_args(|arg| extractors(formats(arg))))
        .mut_subcommand("size", |size| size.mut_args(extractors))
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

/// What `-h` ends with.
pub(super) fn after_help() -> String {
    let codes = exit::Exit::ALL.iter().map(|exit| {
        let meaning = exit.meaning();
        let word = match meaning.split_once(':') {
            Some((name, _)) => name,
            None => meaning.split(' ').next().unwrap_or(meaning),
        };
        format!("{} {word}", exit.code())
    });
    let codes: Vec<String> = codes.collect();
    format!("{SHORT_EXAMPLES}\n\nExit: {}", codes.join(", "))
}

/// What `--help` ends with.
pub(super) fn after_long_help() -> String {
    format!("{EXAMPLES}\n\nExit codes:\n{}", exit::table())
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
