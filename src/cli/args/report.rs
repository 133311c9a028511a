//! What `resplit report` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{
    Balancing, ChosenArgs, Inconclusive, OutputArgs, SloArgs, VantageArgs, probability, resolution,
};
use crate::units::{Count, Fraction};
use crate::verdict::mapping::MapRule;

/// The options of `report`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("declaration").args(["filename", "expect"]).multiple(true)))]
pub(in crate::cli) struct ReportArgs {
    /// Reports that were saved with --report json=FILE or -o json; - for stdin
    #[arg(value_name = "FILE.json", required = true)]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Show two reports beside each other, before and after, instead of merging them
    #[arg(long)]
    pub(in crate::cli) compare: bool,
    /// Manifests that runs without a declaration are judged against: file, folder, or - for stdin (repeatable)
    ///
    /// They declare a split for the request that was sent, with the headers that the report records.
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        conflicts_with = "compare",
        help_heading = "Expectation"
    )]
    pub(in crate::cli) filename: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) chosen: ChosenArgs,
    /// The split that runs without a declaration are judged against, as in v1=90,v2=10 (repeatable; overrides -f)
    #[arg(
        long,
        value_name = "NAME=WEIGHT,…",
        conflicts_with = "compare",
        help_heading = "Expectation"
    )]
    pub(in crate::cli) expect: Vec<String>,
    /// Which target a value belongs to, where that is not clear: VALUE=TARGET or /RE/=TARGET (repeatable)
    #[arg(
        long,
        value_name = "VALUE=TARGET",
        requires = "declaration",
        help_heading = "Expectation"
    )]
    pub(in crate::cli) map: Vec<MapRule>,
    #[command(flatten)]
    pub(in crate::cli) vantage: VantageArgs,
    #[command(flatten)]
    pub(in crate::cli) judgement: AgainArgs,
    #[command(flatten)]
    pub(in crate::cli) objectives: SloArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}

/// What is asked this time; what is left out is asked as it was then.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(in crate::cli) struct AgainArgs {
    /// The chance of a false alarm, at most [default: as saved]
    #[arg(long, value_name = "P", value_parser = probability)]
    pub(in crate::cli) alpha: Option<f64>,
    /// The chance of a pass, at most, when a share is off by the resolution [default: as saved]
    #[arg(long, value_name = "P", value_parser = probability)]
    pub(in crate::cli) beta: Option<f64>,
    /// The deviation of a share that is accepted [default: as saved]
    #[arg(long, value_name = "T")]
    pub(in crate::cli) tolerance: Option<Fraction>,
    /// The deviation a pass must rule out, or `auto` [default: as saved]
    #[arg(long, value_name = "D", value_parser = resolution)]
    pub(in crate::cli) resolution: Option<Fraction>,
    /// What an inconclusive verdict counts as
    #[arg(long, value_enum, value_name = "AS")]
    pub(in crate::cli) inconclusive: Option<Inconclusive>,
    /// The most requests without a known target in a pass [default: as saved]
    #[arg(long, value_name = "P")]
    pub(in crate::cli) max_unattributed: Option<Fraction>,
    /// What is declared to be split [default: as saved]
    #[arg(long, value_enum, value_name = "BY")]
    pub(in crate::cli) balancing: Option<Balancing>,
    /// How many responses may come from undeclared or zero-weight targets [default: as saved]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) allow_unexpected: Option<Count>,
}
