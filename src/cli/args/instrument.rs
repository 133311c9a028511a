//! What `resplit instrument` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The options of `instrument`.
#[derive(Debug, Args)]
pub(in crate::cli) struct InstrumentArgs {
    /// Only rules for this host [default: all rules of the manifests]
    #[arg(value_name = "HOST")]
    pub(in crate::cli) host: Option<String>,
    /// Manifests with VirtualServices, HTTPRoutes or GRPCRoutes: file, folder, or - for stdin (repeatable)
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub(in crate::cli) filename: Vec<PathBuf>,
    /// Take the header away again
    #[arg(long, conflicts_with = "envoy_filter")]
    pub(in crate::cli) remove: bool,
    /// An EnvoyFilter of Istio instead, for all responses of the proxies of a namespace, those to no rule too
    #[arg(long, conflicts_with = "host")]
    pub(in crate::cli) envoy_filter: bool,
    /// The namespace of the clients, whose sidecars write the header
    #[arg(long, value_name = "NS", requires = "envoy_filter")]
    pub(in crate::cli) from_namespace: Option<String>,
    /// The labels of the pods whose proxies write the header: k=v,…
    #[arg(
        long,
        value_name = "K=V,…",
        value_delimiter = ',',
        requires = "envoy_filter"
    )]
    pub(in crate::cli) from_labels: Vec<String>,
    /// The gateway whose proxies write the header: NS/NAME [default: sidecars]
    #[arg(long, value_name = "NS/NAME", requires = "envoy_filter")]
    pub(in crate::cli) gateway: Option<String>,
    /// What is written to stdout
    #[arg(
        short = 'o',
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        conflicts_with = "envoy_filter",
        help_heading = "Output"
    )]
    pub(in crate::cli) output: InstrumentFormat,
}

/// How patches are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum InstrumentFormat {
    /// Commands of kubectl, which a shell can run
    #[default]
    Text,
    /// resplit.instrument/1
    Json,
}
