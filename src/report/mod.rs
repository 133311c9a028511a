//! The one model that every format renders. Renderers compute nothing but layout.

mod bar;
mod build;
mod charted;
mod comparison;
mod csv;
mod distribution;
mod excerpt;
pub mod explain;
mod format;
mod formats;
mod github;
mod health;
mod hgrm;
mod hlog;
mod html;
mod json;
mod junit;
mod known;
pub mod lint;
mod load;
mod markdown;
mod merge;
mod oneline;
mod openmetrics;
mod packed;
mod phases;
mod recorded;
mod requests;
mod saved;
mod shown;
mod size;
mod svg;
mod table;
mod text;
mod timeline;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diag::Note;
use crate::observe::{Failure, FailureCause, FailureKind, Latency};
use crate::split::{Identity, LocalReplyCause, Mechanism, Share, Undeliverable};
use crate::verdict::{Generator, Hypothesis, Policy, Verdict};

pub(crate) use bar::Bar;
pub use build::{Run, report};
pub use charted::{ConnectionRow, Connections, Slice};
pub use comparison::{Comparison, ComparisonFormat, comparison};
pub use excerpt::Excerpt;
pub use format::{Format, Style};
pub use formats::{FORMATS, format};
pub use load::{Load, PerConnection};
pub use merge::{Changes, MergeError, again};
pub use phases::{PaceRow, PhaseRows, PhasesRecorded};
pub use recorded::Recorded;
pub use requests::Requests;
pub use saved::{ReadError, read};
pub(crate) use shown::fitted;
pub use size::render as render_size;
pub use timeline::PackedTimeline;

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
    /// How much was sent, and how; `None` where reports were merged, and in old ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load: Option<Load>,
    /// What was declared.
    pub expected: Option<Expectation>,
    /// What was asked of the counts.
    pub policy: Policy,
    /// What was seen.
    pub observation: Seen,
    /// What that means.
    pub verdict: Verdict,
    /// What lint finds about the request: a part of the diagnosis where the split diverges, else of the caveats.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub findings: Vec<Note>,
    /// What was known beside the counts, as part of the caveats: it stays when the counts are judged again.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<Note>,
    /// Of several runs that were merged: what each of them saw.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub generators: Vec<Generator>,
    /// The reports that were merged, in full.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<SavedPart>,
}

/// A report that was merged into another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedPart {
    /// The file it was saved in.
    pub name: String,
    /// What it said.
    pub report: Report,
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
    /// What it asks for and no proxy can deliver.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub broken: Option<Undeliverable>,
    /// What the split could be instead.
    #[serde(rename = "rivals", skip_serializing_if = "Vec::is_empty", default)]
    pub hypotheses: Vec<Hypothesis>,
    /// The lines that declare it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub excerpt: Option<Excerpt>,
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
    pub cause: Option<LocalReplyCause>,
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
    /// Whether the run was to end as soon as the answer was certain.
    pub watched: bool,
    /// How long the parts of requests and connections took.
    #[serde(default)]
    pub phases_ms: PhaseRows,
    /// The same in full.
    #[serde(default)]
    pub phases: PhasesRecorded,
    /// How well the starts of `--rate` were kept; `None` without it.
    #[serde(default)]
    pub pace: Option<PaceRow>,
    /// Service times of the first responses of a closed loop, one for each request that may be under way, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_batch: Option<Recorded>,
    /// When requests began and ended. A merged report has them in its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<PackedTimeline>,
    /// Answers by value.
    pub buckets: Vec<BucketRow>,
    /// Answers by declared target, in the order of the declaration.
    pub targets: Vec<TargetRow>,
    /// Failures by kind, in the order of a request's life; kinds that did not occur have count 0.
    pub failures: Vec<FailureRow>,
    /// The run in parts, in the order in which requests were sent.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub slices: Vec<Slice>,
    /// Which connections led where.
    pub connection_table: Connections,
    /// How single requests ended, as far as they are remembered. A merged report has them in its parts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests: Option<Requests>,
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
    /// Where the manifests name it, if they do and it is not declared: `the subset of http[1] (in.yaml:12)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
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
    /// From the start of `response_ms` to the first byte; `None` in reports from before it was kept by value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttfb_ms: Option<Latency>,
    /// The same answers by what they said of themselves, with all their latencies.
    pub answers: Vec<Answers>,
}

/// Answers of one identity and status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// What they said of themselves.
    pub identity: Identity,
    /// The HTTP status.
    pub status: u16,
    /// How many.
    pub count: u64,
    /// From the send to the last byte, in microseconds.
    pub service: Recorded,
    /// From the intended start to the last byte, in microseconds; `None` without a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Recorded>,
    /// As `ttfb_ms` of a [`BucketRow`], in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttfb: Option<Recorded>,
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
    /// As in [`BucketRow`]; `None` without an answer.
    #[serde(default)]
    pub response_ms: Option<Latency>,
    /// From the send to the last byte; `None` without an answer.
    pub service_ms: Option<Latency>,
    /// As in [`BucketRow`]; `None` without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttfb_ms: Option<Latency>,
    /// The same in full, in microseconds.
    pub service: Recorded,
    /// `response_ms` in full, in microseconds; `None` without a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Recorded>,
}

impl Seen {
    /// The kinds of failure that occurred.
    pub(crate) fn occurred(&self) -> impl Iterator<Item = &FailureRow> {
        self.failures.iter().filter(|row| row.count > 0)
    }
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
    /// Why most of them failed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<FailureCause>,
    /// Where several things were said: each, and how often, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub causes: Vec<CauseRow>,
}

/// Failures of which the same was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseRow {
    /// What the system said.
    pub message: String,
    /// Why, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<FailureCause>,
    /// How many.
    pub count: u64,
}

impl FailureRow {
    /// The kind; `None` in a file of another version.
    pub(crate) fn kind(&self) -> Option<FailureKind> {
        FailureKind::ALL
            .into_iter()
            .find(|kind| kind.to_string() == self.kind)
    }

    /// The failures that are told apart, and how many of each.
    pub(crate) fn told_apart(&self, kind: FailureKind) -> Vec<(Failure, u64)> {
        let failure = |message: &str, cause| Failure::new(kind, message).with_cause(cause);
        if self.causes.is_empty() {
            return vec![(failure(&self.example, self.cause), self.count)];
        }
        let rows = self.causes.iter();
        rows.map(|row| (failure(&row.message, row.cause), row.count))
            .collect()
    }

    /// How often what was said: one entry for each cause, and one for those that are not told apart.
    pub(crate) fn said(&self) -> Vec<(u64, &str)> {
        if self.causes.is_empty() {
            return vec![(self.count, &self.example)];
        }
        let causes = self.causes.iter();
        let mut said: Vec<(u64, &str)> = causes
            .map(|cause| (cause.count, cause.message.as_str()))
            .collect();
        let others = self
            .count
            .saturating_sub(said.iter().map(|(count, _)| count).sum());
        if others > 0 {
            said.push((others, "other causes"));
        }
        said
    }
}
