//! What can be typed about several generators that send together.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::time::SystemTime;

use clap::Args;

use crate::report::GeneratorNumber;

/// One of several generators.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(in crate::cli) struct GeneratorArgs {
    /// Which of N generators this is, counted from 0: it sends its part of -n, --max-requests and -q with a seed of its own, and
    /// exits with 0 once its report is written, which says the verdict
    #[arg(long, value_name = "I/N")]
    pub(in crate::cli) generator: Option<GeneratorNumber>,
    /// When to begin, by the clock of the machine: 2026-11-30T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    pub(in crate::cli) start_at: Option<SystemTime>,
}
