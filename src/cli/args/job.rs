//! What `resplit job` takes beside the options of the run.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use clap::{Args, ValueEnum};

use super::RunArgs;
use crate::units::{Count, Period};

/// The options of `job`.
#[derive(Debug, Args)]
pub(in crate::cli) struct JobArgs {
    /// Generators, each in a pod of its own, on as many nodes as there are
    #[arg(long, value_name = "N", help_heading = "Job")]
    pub(in crate::cli) generators: Count,
    /// The name of the Job [default: resplit-TIME, the time at which it begins]
    #[arg(long, value_name = "NAME", help_heading = "Job")]
    pub(in crate::cli) name: Option<String>,
    /// The namespace of the Job [default: that of kubectl]
    #[arg(long, value_name = "NS", help_heading = "Job")]
    pub(in crate::cli) namespace: Option<String>,
    /// The image of resplit, as the cluster pulls it
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = "resplit",
        help_heading = "Job"
    )]
    pub(in crate::cli) image: String,
    /// How long from now until all generators begin: time to apply the Job and to pull the image
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        conflicts_with = "start_at",
        help_heading = "Job"
    )]
    pub(in crate::cli) start_in: Period,
    /// How long the Job is kept after its end
    #[arg(long, value_name = "TIME", default_value = "1h", help_heading = "Job")]
    pub(in crate::cli) ttl: Period,
    /// What a generator is given of a CPU
    #[arg(
        long,
        value_name = "QUANTITY",
        default_value = "500m",
        help_heading = "Job"
    )]
    pub(in crate::cli) cpu: String,
    /// What a generator may take of memory
    #[arg(
        long,
        value_name = "QUANTITY",
        default_value = "512Mi",
        help_heading = "Job"
    )]
    pub(in crate::cli) memory: String,
    /// Whether the pods have a proxy that is waited for and ended
    #[arg(
        long,
        value_enum,
        value_name = "PROXY",
        default_value_t,
        help_heading = "Job"
    )]
    pub(in crate::cli) mesh: Mesh,
    #[command(flatten)]
    pub(in crate::cli) run: RunArgs,
}

/// What makes the split in the pods of a Job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Mesh {
    /// A sidecar of Istio in each pod
    #[default]
    Sidecar,
    /// No proxy in the pods: ambient mode, or a gateway
    None,
}
