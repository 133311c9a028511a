//! What can be typed about the output.

use clap::{ArgAction, Args, ValueEnum};

use crate::report::FORMATS;
use crate::units::Percentiles;

/// Where the answer goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputArgs {
    /// What is written to stdout
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "text", hide_possible_values = true, value_parser = format_names())]
    pub(in crate::cli) output: String,
    /// Also write the report to a file: FORMAT=PATH (repeatable; - is stdout)
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(in crate::cli) report: Vec<String>,
    /// Percentiles of the latency tables, as in 50,95,99.9 (text and markdown; --report json and csv have fixed ones)
    #[arg(long, value_name = "P,P,…")]
    pub(in crate::cli) percentiles: Option<Percentiles>,
    /// Colour on the terminal (NO_COLOR is honoured)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(in crate::cli) color: Colour,
    /// No live view on stderr
    #[arg(long)]
    pub(in crate::cli) no_progress: bool,
    /// Nothing on stderr but errors
    #[arg(long)]
    pub(in crate::cli) quiet: bool,
    /// Show more
    #[arg(short = 'v', long, action = ArgAction::SetTrue)]
    pub(in crate::cli) verbose: bool,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Colour {
    /// On a terminal
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn format_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(
        FORMATS
            .iter()
            .map(|format| clap::builder::PossibleValue::new(format.name).help(format.summary)),
    )
}
