//! What can be typed about the proxy beside this process.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use clap::Args;

use crate::cli::plain_http::HttpUrl;
use crate::units::Period;

/// Where the agent of Istio's sidecar is asked to quit.
pub(in crate::cli) const QUIT_URL: &str = "http://127.0.0.1:15020/quitquitquit";

/// The life of the proxy in the pod of this process.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sidecar")]
pub(in crate::cli) struct SidecarArgs {
    /// Send nothing before the proxy in this pod is ready; give up after TIME, 60s where none is given: --wait-proxy=2m
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "60s"
    )]
    pub(in crate::cli) wait_proxy: Option<Period>,
    /// Ask the proxy in this pod to quit when this command ends, whatever ends it: a Job with a sidecar would not complete. A native
    /// sidecar ends by itself: one that Istio's status annotation shows (read from the admin interface) is not asked
    #[arg(long)]
    pub(in crate::cli) quit_proxy: bool,
    /// What --wait-proxy asks until the status is 2xx
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:15021/healthz/ready",
        requires = "wait_proxy"
    )]
    pub(in crate::cli) proxy_ready_url: HttpUrl,
    /// Where --quit-proxy sends a POST
    #[arg(
        long,
        value_name = "URL",
        default_value = QUIT_URL,
        requires = "quit_proxy"
    )]
    pub(in crate::cli) proxy_quit_url: HttpUrl,
}
