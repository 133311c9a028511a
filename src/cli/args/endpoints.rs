//! What `resplit endpoints` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::expectation::bucket_spec;
use super::{ChosenArgs, RequestArgs, VantageArgs};
use crate::report::endpoints::ENDPOINTS_FORMATS;
use crate::units::{Count, Period};
use crate::verdict::mapping::MapRule;

/// The options of `endpoints`.
#[derive(Debug, Args)]
pub(in crate::cli) struct EndpointsArgs {
    /// Where to send requests: http:// or https://
    #[arg(value_name = "URL")]
    pub(in crate::cli) url: String,
    /// Where a request names its endpoint: header:NAME, cookie:NAME or metadata [default: as -f says]
    ///
    /// Metadata is set by filters of the proxy: then requests show whether a client can do it too, and nothing more.
    #[arg(long, value_name = "SOURCE", help_heading = "Expectation")]
    pub(in crate::cli) pick: Option<String>,
    /// What takes the endpoint from a request [default: as -f says, else override-host]
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Expectation")]
    pub(in crate::cli) mechanism: Option<PickBy>,
    /// The endpoints: 10.0.0.7:8080,[fd00::7]:8080 (repeatable) [default: as -f says]
    #[arg(
        long,
        value_name = "IP:PORT,…",
        value_delimiter = ',',
        help_heading = "Expectation"
    )]
    pub(in crate::cli) endpoints: Vec<String>,
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
    /// What tells endpoints apart
    #[arg(long, value_name = "SPEC", value_parser = bucket_spec, help_heading = "Expectation")]
    pub(in crate::cli) bucket: Vec<String>,
    /// Which endpoint a value belongs to [default: the one that was named alone when it came]
    #[arg(long, value_name = "VALUE=ENDPOINT", help_heading = "Expectation")]
    pub(in crate::cli) map: Vec<MapRule>,
    #[command(flatten)]
    pub(in crate::cli) vantage: VantageArgs,
    /// Requests of each kind [default: 100; as many as a split takes where the proxy picks]
    #[arg(short = 'n', long, value_name = "N", help_heading = "Load")]
    pub(in crate::cli) requests: Option<Count>,
    /// Connections
    #[arg(
        short = 'c',
        long,
        value_name = "C",
        default_value = "10",
        help_heading = "Load"
    )]
    pub(in crate::cli) connections: Count,
    /// How long to wait for a response
    #[arg(
        short = 't',
        long,
        value_name = "TIME",
        default_value = "20s",
        help_heading = "Load"
    )]
    pub(in crate::cli) timeout: Period,
    #[command(flatten)]
    pub(in crate::cli) request: RequestArgs,
    /// What is written to stdout
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        default_value = "text",
        value_parser = PossibleValuesParser::new(ENDPOINTS_FORMATS.iter().map(|format| format.name)),
        help_heading = "Output"
    )]
    pub(in crate::cli) output: String,
    /// Nothing on stderr but errors
    #[arg(long, help_heading = "Output")]
    pub(in crate::cli) quiet: bool,
}

/// What takes the endpoint from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PickBy {
    /// The first endpoint of a list (Envoy's override_host, endpointOverride of Envoy Gateway)
    OverrideHost,
    /// Whatever address is named (a cluster of the type ORIGINAL_DST)
    OriginalDst,
    /// One endpoint, encoded; else any (stateful_session)
    Session,
    /// One endpoint, encoded; else 503 (stateful_session, strict)
    StrictSession,
}
