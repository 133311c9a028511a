//! What `resplit size` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use clap::{Args, ValueEnum};

use super::{ExpectationArgs, JudgementArgs, RequestArgs};
use crate::units::Count;

/// The options of `size`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SizeArgs {
    /// The split, as with --expect, or the request whose rule is meant, where the manifests hold more than one
    #[arg(value_name = "NAME=WEIGHT,…|URL")]
    pub(in crate::cli) words: Vec<String>,
    /// A wrong split to detect: 85/15 in the order of the declaration, or v1=85,v2=15
    #[arg(long, value_name = "SPLIT")]
    pub(in crate::cli) detect: Option<String>,
    /// What can so many requests see?
    #[arg(short = 'n', long, value_name = "N")]
    pub(in crate::cli) requests: Option<Count>,
    #[command(flatten)]
    pub(in crate::cli) expectation: ExpectationArgs,
    #[command(flatten)]
    pub(in crate::cli) judgement: JudgementArgs,
    #[command(flatten)]
    pub(in crate::cli) request: RequestArgs,
    /// What is written to stdout
    #[arg(
        short = 'o',
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Output"
    )]
    pub(in crate::cli) output: SizeFormat,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) quiet: bool,
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SizeFormat {
    /// Tables
    #[default]
    Text,
    /// resplit.size/1
    Json,
}
