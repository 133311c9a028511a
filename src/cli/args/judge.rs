//! What `resplit judge` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::Args;

use super::{JudgementArgs, OutputArgs, SloArgs};
use crate::counts::prometheus::METRIC;
use crate::verdict::mapping::MapRule;

/// The options of `judge`.
#[derive(Debug, Args)]
pub(in crate::cli) struct JudgeArgs {
    /// The counts, as in v1=9012 v2=988; - for lines of VALUE COUNT on stdin (what `uniq -c` prints is understood, too)
    #[arg(value_name = "VALUE=COUNT|-", required_unless_present_any = ["prometheus", "access_log"], conflicts_with_all = ["prometheus", "access_log"])]
    pub(in crate::cli) counts: Vec<String>,
    /// The split they are judged against, as in v1=90,v2=10 (repeatable)
    #[arg(
        long,
        value_name = "NAME=WEIGHT,…",
        required = true,
        help_heading = "Expectation"
    )]
    pub(in crate::cli) expect: Vec<String>,
    /// Which target a value belongs to, where that is not clear: VALUE=TARGET or /RE/=TARGET (repeatable)
    #[arg(long, value_name = "VALUE=TARGET", help_heading = "Expectation")]
    pub(in crate::cli) map: Vec<MapRule>,
    /// Counters of Prometheus: what a proxy exposes, or the result of a query; twice for what was counted in between
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Counts",
        conflicts_with = "access_log"
    )]
    pub(in crate::cli) prometheus: Vec<PathBuf>,
    /// The counter
    #[arg(long, value_name = "NAME", default_value = METRIC, requires = "prometheus", help_heading = "Counts")]
    pub(in crate::cli) metric: String,
    /// An access log of Envoy: JSON, or the default text of Istio or Envoy; - for stdin
    #[arg(long, value_name = "FILE", help_heading = "Counts")]
    pub(in crate::cli) access_log: Option<PathBuf>,
    /// The label or field that names the target [default: the version, workload, service or cluster, whichever tells several apart]
    #[arg(
        long,
        value_name = "LABEL",
        conflicts_with = "counts",
        help_heading = "Counts"
    )]
    pub(in crate::cli) by: Option<String>,
    /// Count only what has this label or field, as in destination_service_name=reviews (repeatable)
    #[arg(
        long = "where",
        value_name = "LABEL=VALUE",
        conflicts_with = "counts",
        help_heading = "Counts"
    )]
    pub(in crate::cli) only: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) judgement: JudgementArgs,
    #[command(flatten)]
    pub(in crate::cli) objectives: SloArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
}
