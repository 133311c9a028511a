//! The one model that every format renders. Renderers compute nothing but layout.

mod build;
pub mod explain;
mod json;
pub mod lint;
mod shown;
mod size;
mod table;
mod text;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::observe::Latency;
use crate::split::{Cause, Mechanism, Share};
use crate::verdict::Verdict;

pub use build::{Run, report};
pub(crate) use shown::fitted;
pub use size::render as render_size;

/// The name and major version of the JSON form.
pub const SCHEMA: &str = "resplit.report/1";

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// What made the report.
    pub tool: Tool,
    /// What was asked.
    pub target: Request,
    /// What was declared.
    pub expected: Option<Expectation>,
    /// What was seen.
    pub observation: Seen,
    /// What that means.
    pub verdict: Verdict,
}

/// What made the report, and what it takes to repeat it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `resplit`
    pub name: String,
    /// The version.
    pub version: String,
    /// The seed of everything random in it.
    pub seed: u64,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The URL as given.
    pub url: String,
    /// The method.
    pub method: String,
    /// The `Host` header.
    pub host: String,
}

/// What was declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// `weather-rules.yaml:27`, or `--expect`.
    pub source: String,
    /// The rule that matches the request: `VirtualService default/weather http[0]`.
    pub rule: Option<String>,
    /// How the proxy picks.
    pub mechanism: Mechanism,
    /// Who gets how much.
    pub shares: Vec<DeclaredShare>,
}

/// One target's declared share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeclaredShare {
    /// The short name.
    pub target: String,
    /// In `[0, 1]`.
    pub share: f64,
    /// The exact fraction.
    pub ratio: Share,
    /// The full host name of a destination.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    /// Its subset.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subset: Option<String>,
    /// The status, where the proxy answers by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Why it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<Cause>,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests begun.
    pub sent: u64,
    /// Complete answers.
    pub answered: u64,
    /// Requests without a complete answer.
    pub failed: u64,
    /// Answers without identity, and requests without an answer.
    pub unattributed: u64,
    /// Requests sent once more over a fresh connection, because a kept-alive one was closed under them.
    pub retried: u64,
    /// From the first send to the last answer, in seconds.
    pub elapsed_s: f64,
    /// Complete answers per second.
    pub rps: f64,
    /// Connections established.
    pub connections: u64,
    /// Answers by value.
    pub buckets: Vec<BucketRow>,
    /// Answers by declared target, in the order of the declaration.
    pub targets: Vec<TargetRow>,
    /// Failures by kind, in the order of a request's life; kinds that did not occur have count 0.
    pub failures: Vec<FailureRow>,
}

/// The answers of one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketRow {
    /// The value, as it is shown.
    pub bucket: String,
    /// The declared target it belongs to.
    pub target: Option<String>,
    /// `declared`, `undeclared`, `unattributed`, or `counted` where nothing was declared.
    pub place: String,
    /// How many.
    pub count: u64,
    /// Of all complete answers.
    pub share: f64,
    /// Clopper–Pearson, at the confidence of [`Verdict::alpha`].
    pub share_interval: [f64; 2],
    /// How many had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// From the intended start to the last byte; without a rate, the same as `service_ms`.
    pub response_ms: Latency,
    /// From the send to the last byte.
    pub service_ms: Latency,
}

/// The answers of one declared target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetRow {
    /// The short name.
    pub target: String,
    /// The declared share.
    pub declared: f64,
    /// How many.
    pub count: u64,
    /// Of all complete answers.
    pub share: f64,
    /// As in [`BucketRow`].
    pub share_interval: [f64; 2],
    /// From the send to the last byte; `None` without an answer.
    pub service_ms: Option<Latency>,
}

/// Failures of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRow {
    /// `connect`, `timeout`, …
    pub kind: String,
    /// How many.
    pub count: u64,
    /// What the system said the first time.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub example: String,
}

/// How a format may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours may be used.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to show what is usually left out.
    pub verbose: bool,
}

/// A way to write a report.
#[derive(Debug)]
pub struct Format {
    /// Its name in `-o` and `--report`.
    pub name: &'static str,
    /// Writes the report.
    pub render: fn(&Report, Style, &mut dyn Write) -> io::Result<()>,
}

/// Every format. A new one is a file and a line here.
pub const FORMATS: [Format; 2] = [
    Format {
        name: "text",
        render: text::render,
    },
    Format {
        name: "json",
        render: json::render,
    },
];

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
