//! What `resplit lint` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::Args;

use super::{Colour, ProxyAdminArgs, RequestArgs, VantageArgs};
use crate::report::lint::LINT_FORMATS;

/// The options of `lint`.
///
/// Every rule is looked at from its own namespace and from each gateway it is bound to, unless a vantage is given. A
/// finding is silenced by a comment on its line, or alone on the line above: # resplit: allow(RS012)
#[derive(Debug, Args)]
pub(in crate::cli) struct LintArgs {
    /// Manifests, as with -f, and a request (http://…) whose own way through the rules is looked at too
    #[arg(value_name = "FILE|URL")]
    pub(in crate::cli) words: Vec<String>,
    /// The manifests, or config dumps of Envoy: file, folder, or - for stdin (repeatable)
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        required_unless_present_any = ["rules", "explain", "words", "proxy_admin"]
    )]
    pub(in crate::cli) filename: Vec<PathBuf>,
    /// What also ends with exit 1: warning, info, or a rule by its id or name (repeatable)
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(in crate::cli) deny: Vec<String>,
    /// A rule whose findings are left out, by its id or name (repeatable)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(in crate::cli) allow: Vec<String>,
    /// List the rules
    #[arg(long, conflicts_with = "explain")]
    pub(in crate::cli) rules: bool,
    /// What a rule finds, why that matters, and how to mend it
    #[arg(long, value_name = "RULE")]
    pub(in crate::cli) explain: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) proxy: ProxyAdminArgs,
    #[command(flatten)]
    pub(in crate::cli) vantage: VantageArgs,
    #[command(flatten)]
    pub(in crate::cli) request: RequestArgs,
    /// What is written to stdout: text, json (resplit.lint/1), sarif (2.1.0), github (annotations of Actions)
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        default_value = "text",
        value_parser = lint_format_names(),
        help_heading = "Output"
    )]
    pub(in crate::cli) output: String,
    /// Colour on the terminal (NO_COLOR is honoured)
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        help_heading = "Output"
    )]
    pub(in crate::cli) color: Colour,
}

fn lint_format_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(LINT_FORMATS.iter().map(|format| format.name))
}
