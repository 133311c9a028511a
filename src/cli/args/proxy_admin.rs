//! What can be typed about the proxy's admin interface.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use clap::Args;

use crate::cli::proxy_admin::AdminChoice;

/// The proxy's admin interface.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectation")]
pub(in crate::cli) struct ProxyAdminArgs {
    /// The admin interface of the proxy that makes the split, which is only read: what it has been told and what it counted is
    /// compared too. One of http://HOST:PORT, unix:PATH, auto (ports 15000 and 19000 of 127.0.0.1), off
    #[arg(long, value_name = "URL|unix:PATH|auto|off")]
    pub(in crate::cli) proxy_admin: Option<AdminChoice>,
}
