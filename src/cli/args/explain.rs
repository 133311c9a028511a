//! What `resplit explain` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ChosenArgs, ProxyAdminArgs, RequestArgs, VantageArgs};

/// The options of `explain`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// Where the request goes: http:// or https://
    #[arg(value_name = "URL")]
    pub(in crate::cli) url: String,
    /// Manifests, or a config dump of Envoy: file, folder, or - for stdin (repeatable)
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        help_heading = "Expectation"
    )]
    pub(in crate::cli) filename: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) chosen: ChosenArgs,
    #[command(flatten)]
    pub(in crate::cli) proxy: ProxyAdminArgs,
    #[command(flatten)]
    pub(in crate::cli) vantage: VantageArgs,
    #[command(flatten)]
    pub(in crate::cli) request: RequestArgs,
    /// Also every rule of the host, each with a request that reaches it, or why none does
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) all_rules: bool,
    /// What is written to stdout
    #[arg(
        short = 'o',
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Output"
    )]
    pub(in crate::cli) output: ExplainFormat,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) quiet: bool,
}

/// How an explanation is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExplainFormat {
    /// The rule, the destinations, and why the others lost
    #[default]
    Text,
    /// resplit.explain/1
    Json,
}
