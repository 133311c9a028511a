//! What `resplit test` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::{Colour, LiveArgs, VantageArgs};
use crate::report::suite::TEST_FORMATS;

/// The options of `test`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TestArgs {
    /// Suites: files, or folders with them. With --init the file to write [default: stdout]
    #[arg(value_name = "SUITE")]
    pub(in crate::cli) suites: Vec<PathBuf>,
    /// Manifests, or routes of Envoy: file, folder, or - for stdin (repeatable; instead of those that a suite names)
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        help_heading = "Expectation"
    )]
    pub(in crate::cli) filename: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) vantage: VantageArgs,
    /// Write a suite of what the manifests declare now
    #[arg(long, requires = "filename", conflicts_with_all = ["only", "fail_fast", "fail_under"])]
    pub(in crate::cli) init: bool,
    #[command(flatten)]
    pub(in crate::cli) live: LiveArgs,
    /// Only cases with this in their name (repeatable)
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) only: Vec<String>,
    /// Stop at the first case that fails
    #[arg(long)]
    pub(in crate::cli) fail_fast: bool,
    /// Exit 1 where the cases take less than this part of the rules: 80 or 80%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(in crate::cli) fail_under: Option<f64>,
    /// What is written to stdout: text, json (resplit.test/1), junit, github (annotations of Actions)
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        default_value = "text",
        value_parser = PossibleValuesParser::new(TEST_FORMATS.iter().map(|format| format.name)),
        help_heading = "Output"
    )]
    pub(in crate::cli) output: String,
    /// Write a file too, as in junit=tests.xml (repeatable)
    #[arg(long, value_name = "FORMAT=PATH", help_heading = "Output")]
    pub(in crate::cli) report: Vec<String>,
    /// When to use colour
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Output"
    )]
    pub(in crate::cli) color: Colour,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) quiet: bool,
}

/// A part of the rules, in percent.
fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    let part = number.map(|number| number / 100.0);
    part.ok_or_else(|| format!("`{text}` is not a percentage from 0 to 100"))
}
