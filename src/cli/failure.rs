//! Everything that ends a command without a report: a closed set, each with its exit code and its next step.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use super::advice;
use super::exit::Exit;
use crate::load::LoadError;
use crate::verdict::mapping::MappingError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Options that make no sense, alone or together.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        help: String,
    },
    /// Something named in the options cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The path, or `-`.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The manifests do not say what is declared; the problems were already rendered.
    #[error("{message}")]
    Manifests {
        /// The problems, with source lines; may be empty.
        problems: String,
        /// The sum of it.
        message: String,
        /// What to do.
        help: String,
    },
    /// Objectives that cannot be read, or name nobody; the problems were already rendered.
    #[error("{message}")]
    Objectives {
        /// The problems, with carets.
        problems: String,
        /// The sum of it.
        message: String,
        /// What to do.
        help: String,
    },
    /// Responses cannot be tied to targets.
    #[error("{0}")]
    Mapping(#[from] MappingError),
    /// The same, where options had no effect that were meant to help.
    #[error("{}\n  {error}", .unmatched.join("\n  "))]
    Unmatched {
        /// A word about each of them.
        unmatched: Vec<String>,
        /// Why they were needed.
        error: MappingError,
    },
    /// No answer says where it is from.
    #[error("{message}")]
    Unidentified {
        /// What the responses say instead.
        message: String,
        /// What could tell them apart.
        help: String,
    },
    /// Nothing is judged, and something is known about the request all the same.
    #[error("{failure}\n  {}", .known.join("\n  "))]
    Known {
        /// Why nothing is judged.
        failure: Box<Failure>,
        /// What is known, each in one line.
        known: Vec<String>,
    },
    /// A report, or what else was asked for, cannot be written.
    #[error("cannot write {}", destination(path))]
    Write {
        /// The path, or [`STDOUT`].
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy beside this process was not ready in time.
    #[error("the proxy was not ready within {limit:?}: GET {url}: {last}")]
    ProxyNotReady {
        /// What was asked.
        url: String,
        /// How long it was waited for.
        limit: Duration,
        /// What came of it last.
        last: String,
    },
    /// Who got the requests is to be read from the proxy, which does not say it.
    #[error("--bucket cluster cannot count: {0}")]
    NoCounters(String),
    /// The log of requests cannot be written, or not to its end.
    #[error("cannot write the log to `{path}`")]
    Log {
        /// The path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The engine could not begin.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The service could not begin.
    #[error("cannot serve")]
    Serve(#[source] io::Error),
    /// The embedded mesh could not begin.
    #[error("cannot start the embedded mesh")]
    Mesh(#[source] io::Error),
}

/// Stdout, in the place of a path.
pub(super) const STDOUT: &str = "stdout";

fn destination(path: &str) -> String {
    if path == STDOUT {
        format!("to {path}")
    } else {
        format!("the report to `{path}`")
    }
}

impl Failure {
    /// A usage failure.
    pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: help.into(),
        }
    }

    /// The same with what is known about the request that it ends: findings and notes, each in one line.
    pub(super) fn knowing(self, known: Vec<String>) -> Self {
        if known.is_empty() {
            return self;
        }
        Self::Known {
            failure: Box::new(self),
            known,
        }
    }

    /// The exit code.
    #[must_use]
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. }
            | Self::Read { .. }
            | Self::Manifests { .. }
            | Self::Objectives { .. }
            | Self::Mapping(_)
            | Self::Unmatched { .. }
            | Self::Unidentified { .. }
            | Self::Known { .. }
            | Self::Write { .. }
            | Self::Log { .. }
            | Self::Mesh(_)
            | Self::Serve(_)
            | Self::Load(_) => Exit::Usage,
            Self::ProxyNotReady { .. } | Self::NoCounters(_) => Exit::NoData,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Usage { help, .. }
            | Self::Unidentified { help, .. }
            | Self::Manifests { help, .. }
            | Self::Objectives { help, .. } => help.clone(),
            Self::Read { .. } => "check the path and its permissions".to_owned(),
            Self::Mapping(error) | Self::Unmatched { error, .. } => error.help(),
            Self::Known { failure, .. } => failure.help(),
            Self::ProxyNotReady { .. } => {
                "leave --wait-proxy out where this pod has no proxy, or give it more time: --wait-proxy=2m".to_owned()
            }
            Self::NoCounters(_) => {
                "check --proxy-admin, or let responses say who gave them, with another --bucket (resplit instrument)".to_owned()
            }
            Self::Write { path, .. } if path == STDOUT => "check where stdout goes".to_owned(),
            Self::Write { .. } => {
                "name a file in a folder that exists and can be written".to_owned()
            }
            Self::Log { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on the disk, or compress the log: --log FILE.ndjson.gz".to_owned()
                }
                io::ErrorKind::BrokenPipe | io::ErrorKind::TimedOut => {
                    "name a file, or let its reader read to the end".to_owned()
                }
                _ => "name a file in a folder that exists and can be written".to_owned(),
            },
            Self::Load(LoadError::Tls { setup, .. }) => advice::tls_setup(*setup).to_owned(),
            Self::Load(LoadError::Descriptors { .. } | LoadError::Limit(_)) => {
                "raise the limit (ulimit -n, LimitNOFILE, or that of the container), or use fewer connections with -c"
                    .to_owned()
            }
            Self::Load(LoadError::Ports { .. }) => {
                "widen the range (sysctl net.ipv4.ip_local_port_range), or use fewer connections with -c".to_owned()
            }
            Self::Load(LoadError::Thread(_)) => {
                "allow more threads (ulimit -u), or use fewer with --threads".to_owned()
            }
            Self::Serve(_) => "name a free address of this machine with --listen".to_owned(),
            Self::Mesh(_) => "the demo needs a free port on 127.0.0.1".to_owned(),
        }
    }

    /// The whole message for stderr: `error:`, `caused by:` for each cause, `help:`.
    #[must_use]
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        if let Self::Manifests { problems, .. } | Self::Objectives { problems, .. } = self
            && !problems.is_empty()
        {
            text = format!("{problems}\n");
        }
        let _ = writeln!(text, "error: {self}");
        // `Load` shows its own error as itself, so its causes begin one deeper, which `source` of a transparent error does.
        let mut cause = self.source().filter(|_| !matches!(self, Self::Mapping(_)));
        while let Some(error) = cause {
            let _ = writeln!(text, "caused by: {error}");
            cause = error.source();
        }
        let _ = writeln!(text, "help: {}", self.help());
        text
    }
}
