//! The one model that every format renders: a saved run, and the rows that are derived from it. Renderers compute nothing
//! but layout.

mod comparison;
mod course;
mod csv;
mod declaration;
pub mod endpoints;
mod evidence;
mod excerpt;
mod exchange;
pub mod explain;
mod exposition;
mod format;
mod formats;
mod github;
mod health;
mod hgrm;
mod hlog;
mod html;
pub mod instrument;
mod json;
mod junit;
mod latency_groups;
mod latency_table;
mod lines;
pub mod lint;
mod load;
mod log_line;
mod markdown;
mod merge;
pub mod monitor;
mod next_step;
mod observation;
mod oneline;
mod openmetrics;
mod pod_log;
pub mod proxy;
mod question;
mod record;
mod restore;
mod rows;
pub mod rules;
mod sanitize;
mod share_bar;
mod size;
pub mod suite;
mod svg;
mod table;
mod text;
mod text_histogram;
mod timeline;
mod verdict_notes;

use serde::{Deserialize, Serialize};

use sanitize::safe;

use crate::split::Expected;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::Mapping;
use crate::verdict::{Evidence, Generator, Hypothesis, Number, Pinning, Policy, Verdict};

pub use comparison::{Comparison, ComparisonFormat, comparison};
pub use declaration::Declaration;
pub use excerpt::Excerpt;
pub use exchange::Exchange;
pub use format::{Format, Style};
pub use formats::{FORMATS, format};
pub use load::{Load, PerConnection};
pub use log_line::{LoggedBucket, log_line};
pub use merge::{Merge, MergeError, rejudge};
pub use observation::SavedObservation;
pub use pod_log::{LoggedReport, logged};
pub use proxy::{Counted, Programmed};
pub use question::{Changes, Difference};
pub use record::{GeneratorNumber, Record};
pub use restore::{ReadError, read, read_run};
pub use rows::{BucketRow, ObservationRows, PhaseRows, Place, Responses, TargetRow};
pub(crate) use sanitize::fitted;
pub(crate) use share_bar::Bar;
pub use size::render as render_size;
pub use timeline::{ConnectionRow, Connections, Slice};
pub use verdict_notes::KnownNotes;

/// The name and major version of the JSON form.
pub const SCHEMA: &str = "resplit.report/1";

/// A finished run. Its JSON form is these values; what is derived from them stands beside them, and is derived again when a
/// report is [`read`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// What made the report.
    pub tool: Tool,
    /// What was asked.
    pub target: Request,
    /// Where the counts come from, where responses of a run did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_in: Option<String>,
    /// When and where, and what was typed.
    #[serde(flatten)]
    pub record: Record,
    /// How much was sent, and how; `None` where reports were merged, and in old ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load: Option<Load>,
    /// What was declared.
    pub expected: Option<Declaration>,
    /// What was asked of the counts.
    pub policy: Policy,
    /// What was seen.
    pub observation: SavedObservation,
    /// What that means.
    pub verdict: Verdict,
    /// What the proxy had been told, where its admin interface said it.
    #[serde(default)]
    pub programmed: Option<Programmed>,
    /// What the proxy counted, where its admin interface said it.
    #[serde(default)]
    pub counted: Option<Counted>,
    /// Of requests that a key pins to a target: whether they stay there, and how the keys are split.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pinning: Option<Pinning>,
    /// What was known beside the counts: it stays when the counts are judged again.
    #[serde(flatten)]
    pub known: KnownNotes,
    /// Of several runs that were merged: what each of them saw.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub generators: Vec<Generator>,
    /// The reports that were merged, in full.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<SavedPart>,
    /// Of a run of all rules: what was found about each of them. Counts and verdict of the report are those of all together.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rules: Vec<rules::RuleResult>,
    /// Of a run of all rules: how much of them the requests reached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coverage: Option<rules::Coverage>,
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
    /// The commit that was built, where the build knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
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

impl Report {
    /// The report of a run that was judged.
    #[must_use]
    pub fn new(
        target: Request,
        policy: Policy,
        expected: Option<Declaration>,
        observation: SavedObservation,
        mut verdict: Verdict,
        known: KnownNotes,
    ) -> Self {
        known.add_to(&mut verdict);
        Self {
            schema: SCHEMA.to_owned(),
            tool: Tool {
                name: "resplit".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                commit: commit(),
                seed: policy.seed,
            },
            target,
            counted_in: None,
            record: Record::default(),
            load: None,
            expected,
            policy,
            observation,
            verdict,
            programmed: None,
            counted: None,
            pinning: None,
            known,
            generators: Vec::new(),
            parts: Vec::new(),
            rules: Vec::new(),
            coverage: None,
        }
    }

    /// What was asked, on a line: the request, or where the counts come from.
    pub(super) fn asked(&self) -> String {
        let request = || format!("{} {}", safe(&self.target.method), safe(&self.target.url));
        match &self.counted_in {
            Some(source) if self.was_sent() => {
                format!("{}, counted in {}", request(), safe(source))
            }
            Some(source) => format!("counts of {}", safe(source)),
            None => request(),
        }
    }

    /// Whether resplit sent the requests itself.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        self.counted_in.is_none() || !self.target.url.is_empty()
    }

    /// How many runs it holds: those that were merged, or its own.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.parts.len().max(1)
    }

    /// The declared split.
    pub(super) fn split(&self) -> Option<&Expected> {
        self.expected.as_ref().map(|declaration| &declaration.split)
    }

    /// The declared split, and which values mean which of its targets.
    fn declared(&self) -> Option<(&Expected, &Mapping)> {
        self.split().map(|split| (split, &self.observation.mapping))
    }

    /// Declares the split of a run that had no declaration. How many requests were sent had nothing to do with it.
    pub fn declare(&mut self, declaration: Declaration, mapping: Mapping) {
        self.expected = Some(declaration);
        self.observation.mapping = mapping;
        self.policy.number = Number::Fixed;
    }

    /// What the split could be instead.
    fn hypotheses(&self) -> &[Hypothesis] {
        let declaration = self.expected.as_ref();
        declaration.map_or(&[], |declaration| &declaration.hypotheses)
    }

    /// What is judged.
    fn evidence<'a>(&'a self, attribution: &'a Attribution) -> Evidence<'a> {
        Evidence {
            declared: self.declared(),
            seen: &self.observation.seen,
            attribution,
            hypotheses: self.hypotheses(),
            key: None,
        }
    }
}

/// The commit in the version that `resplit --version` shows: ` (HASH DATE)`.
fn commit() -> Option<String> {
    let suffix = env!("RESPLIT_COMMIT_SUFFIX").trim().strip_prefix('(')?;
    let hash = suffix.split([' ', ')']).next()?;
    Some(hash.to_owned())
}
