//! What can be typed about the request and the way it takes.
#![allow(
    clippy::doc_markdown,
    reason = "doc comments are help texts, where backticks would show"
)]

use std::path::PathBuf;

use clap::Args;

/// What every request says.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(in crate::cli) struct RequestArgs {
    /// The method [default: GET; POST with a body]
    #[arg(
        short = 'm',
        long,
        short_alias = 'X',
        alias = "request",
        value_name = "METHOD",
        conflicts_with = "grpc"
    )]
    pub(in crate::cli) method: Option<String>,
    /// A header, as in 'end-user: jason' (repeatable; an empty value removes a default, 'name;' sends an empty one)
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub(in crate::cli) header: Vec<String>,
    /// The body; @FILE reads it from a file, @- from stdin
    #[arg(short = 'd', long, value_name = "BODY", conflicts_with = "data_file")]
    pub(in crate::cli) data: Option<String>,
    /// The body, from a file
    #[arg(short = 'D', long, value_name = "FILE")]
    pub(in crate::cli) data_file: Option<PathBuf>,
    /// The content type of the body [default: application/x-www-form-urlencoded, as curl]
    #[arg(short = 'T', long, value_name = "TYPE", conflicts_with = "grpc")]
    pub(in crate::cli) content_type: Option<String>,
    /// The Accept header
    #[arg(short = 'A', long, value_name = "TYPE")]
    pub(in crate::cli) accept: Option<String>,
    /// Basic authentication
    #[arg(short = 'a', long, value_name = "USER:PASSWORD")]
    pub(in crate::cli) auth: Option<String>,
    /// The Host header [default: from the URL]
    #[arg(long, value_name = "HOST")]
    pub(in crate::cli) host: Option<String>,
    /// Save and show the URL with all of its query [default: values of parameters such as token, key or sig are masked]
    #[arg(long)]
    pub(in crate::cli) show_query: bool,
    #[command(flatten)]
    pub(in crate::cli) transport: TransportArgs,
}

impl RequestArgs {
    /// Nothing typed but the way that requests take.
    pub(in crate::cli) fn to(transport: TransportArgs) -> Self {
        Self {
            method: None,
            header: Vec::new(),
            data: None,
            data_file: None,
            content_type: None,
            accept: None,
            auth: None,
            host: None,
            show_query: false,
            transport,
        }
    }
}

/// How a request gets there.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is typed or not"
)]
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Request")]
pub(in crate::cli) struct TransportArgs {
    /// HTTP/2 over TLS (https://)
    #[arg(long, conflicts_with = "h2c")]
    pub(in crate::cli) http2: bool,
    /// HTTP/2 without TLS and without asking (http://)
    #[arg(long)]
    pub(in crate::cli) h2c: bool,
    /// A unary gRPC call, PACKAGE.SERVICE/METHOD or health[:SERVICE]; -d and -D give the message
    #[arg(
        long,
        value_name = "CALL",
        conflicts_with_all = ["http2", "h2c"]
    )]
    pub(in crate::cli) grpc: Option<String>,
    /// Connect to a Unix socket instead of the host of the URL
    #[arg(long, value_name = "PATH", conflicts_with_all = ["proxy", "resolve", "connect_to"])]
    pub(in crate::cli) unix_socket: Option<PathBuf>,
    /// Use this address for a host, without asking DNS: HOST:PORT:ADDRESS (repeatable)
    #[arg(long, value_name = "HOST:PORT:ADDR", allow_hyphen_values = true)]
    pub(in crate::cli) resolve: Vec<String>,
    /// Connect to another host, TLS and Host as before; a part that is empty or left out means any, or the same (repeatable)
    #[arg(long, value_name = "HOST1:PORT1:HOST2[:PORT2]")]
    pub(in crate::cli) connect_to: Vec<String>,
    /// Go through an HTTP proxy: [http://][USER:PASSWORD@]HOST:PORT (proxies in the environment are not used)
    #[arg(short = 'x', long, value_name = "PROXY")]
    pub(in crate::cli) proxy: Option<String>,
    /// Connect to IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(in crate::cli) ipv4: bool,
    /// Connect to IPv6 addresses only
    #[arg(short = '6', long)]
    pub(in crate::cli) ipv6: bool,
    /// Trust any certificate
    #[arg(short = 'k', long)]
    pub(in crate::cli) insecure: bool,
    /// Trust only the certificates of this PEM file
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(in crate::cli) cacert: Option<PathBuf>,
    /// The client certificate and its chain, PEM
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) cert: Option<PathBuf>,
    /// Its private key, PEM [default: in the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(in crate::cli) key: Option<PathBuf>,
}
