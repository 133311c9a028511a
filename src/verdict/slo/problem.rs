//! What is wrong with an objective, and where in its text.

use std::ops::Range;

use crate::diag::nearest::nearest;
use crate::diag::{Code, Note, Sources, Span};

/// The metrics, as messages list them.
pub(super) const METRICS: &str =
    "p50, p90, p99, p99.9 (any pN), mean, max, ttfb.p99, ttfb.mean, ttfb.max, errors, rps, share";
/// The forms that we can test.
const FORMS: &str = "write a metric against a value (canary.p99 < 200ms), a latency against a multiple of another target's \
                     (canary.p99 < stable.p99 * 1.1), errors against another target's plus a margin \
                     (canary.errors < stable.errors + 1%), max or rps against another target's, or with report --compare one of these against `before`";

/// Why a text is not a valid objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SloProblem {
    /// A lowercase fragment.
    pub message: String,
    /// The bytes of the text it is about.
    pub span: Range<usize>,
    /// What about this place.
    pub label: String,
    /// The next step.
    pub help: String,
}

impl SloProblem {
    pub(super) fn new(
        message: impl Into<String>,
        span: Range<usize>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            span,
            label: label.into(),
            help: help.into(),
        }
    }

    /// A comparison that we cannot test.
    pub(super) fn form(message: impl Into<String>, span: Range<usize>) -> Self {
        Self::new(message, span, "no test is known for this form", FORMS)
    }

    pub(super) fn unknown_metric(name: &str, span: Range<usize>) -> Self {
        let words = [
            "p50", "p90", "p99", "p99.9", "mean", "max", "errors", "rps", "share",
        ];
        let same = match name.to_lowercase().as_str() {
            "error" | "err" | "error_rate" | "errorrate" | "failures" => Some("errors"),
            "avg" | "average" => Some("mean"),
            "median" => Some("p50"),
            "qps" | "rate" | "throughput" => Some("rps"),
            "ttfb" | "first_byte" => Some("ttfb.p99"),
            _ => None,
        };
        let help = match same.or_else(|| nearest(name, words.into_iter())) {
            Some(near) => format!("did you mean `{near}`? the metrics are {METRICS}"),
            None => format!("the metrics are {METRICS}"),
        };
        Self::new(
            format!("`{name}` is not a known metric"),
            span,
            "unknown metric",
            help,
        )
    }

    /// The problem as a diagnostic in a text that is added to the sources.
    #[must_use]
    pub fn diagnostic(&self, text: &str, sources: &mut Sources) -> Note {
        // Lines and control characters have no place in an expression; they must not reach a terminal either.
        let shown: String = text
            .chars()
            .flat_map(|c| {
                // As many bytes as before, so that the place stays right.
                std::iter::repeat_n(' ', if c.is_control() { c.len_utf8() } else { 0 })
                    .chain((!c.is_control()).then_some(c))
            })
            .collect();
        let source = sources.add("--slo", shown);
        Note::new(Code::BadSlo, &self.message)
            .at(Span::new(source, self.span.clone()), &self.label)
            .help(&self.help)
    }
}
