//! What can be typed about cases that are sent.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use clap::{Arg, Args};

use super::expectation::bucket_spec;
use super::{JudgementArgs, LoadArgs, TransportArgs};
use crate::units::Count;
use crate::verdict::mapping::MapRule;

/// Cases with traffic.
#[derive(Debug, Args)]
#[command(next_help_heading = "Live")]
#[command(mut_args(beside))]
#[command(mut_group("JudgementArgs", |group| group.requires("live")))]
#[command(mut_group("LoadArgs", |group| group.requires("live")))]
#[command(mut_group("TransportArgs", |group| group.requires("live")))]
pub(in crate::cli) struct LiveArgs {
    /// Send the requests too, and judge what comes back: to this address, or without one each to its own URL
    ///
    /// The Host header is that of the case. A case or a suite may name another `address`, and `http: 2`.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", conflicts_with = "init")]
    pub(in crate::cli) live: Option<String>,
    /// Cases whose requests are under way at a time, on the same connections
    #[arg(long, value_name = "N", default_value = "16", requires = "live")]
    pub(in crate::cli) jobs: Count,
    /// What tells responses apart
    #[arg(long, value_name = "SPEC", value_parser = bucket_spec, requires = "live")]
    pub(in crate::cli) bucket: Vec<String>,
    /// Which target a value belongs to, where that is not clear: VALUE=TARGET or /RE/=TARGET (repeatable)
    #[arg(long, value_name = "VALUE=TARGET", requires = "live")]
    pub(in crate::cli) map: Vec<MapRule>,
    #[command(flatten)]
    pub(in crate::cli) judgement: JudgementArgs,
    #[command(flatten)]
    pub(in crate::cli) load: LoadArgs,
    #[command(flatten)]
    pub(in crate::cli) transport: TransportArgs,
}

/// The options of a run that cases take too are listed by --help alone.
fn beside(arg: Arg) -> Arg {
    let of_run = ["Judgement", "Load", "Request"];
    let own = arg.get_help_heading();
    let hidden = own.is_some_and(|heading| of_run.contains(&heading));
    if hidden {
        arg.hide_short_help(true)
    } else {
        arg
    }
}
