//! What `resplit serve` takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::units::Count;

/// The options of `serve`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    /// The checks by name, as YAML: options of the run, URLs, how long a call waits
    #[arg(short = 'f', long, value_name = "FILE")]
    pub(in crate::cli) config: PathBuf,
    /// The address to listen on
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub(in crate::cli) listen: SocketAddr,
    /// A file with the token that callers must send: Authorization: Bearer TOKEN, or as the password of the URL
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Checks that run at the same time
    #[arg(long, value_name = "N", default_value = "2")]
    pub(in crate::cli) workers: Count,
    /// Checks that wait for their turn; what comes on top is refused with 429
    #[arg(long, value_name = "N", default_value = "16")]
    pub(in crate::cli) queue: Count,
    /// Reports that are kept for /reports/ID, the latest ones
    #[arg(long, value_name = "N", default_value = "32")]
    pub(in crate::cli) reports: Count,
}
