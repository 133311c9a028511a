//! What is wrong with an objective, and where in its text.

use std::ops::Range;

use crate::diag::nearest::nearest;
use crate::diag::{Code, Note, Sources, Span};

/// The metrics, as messages list them.
pub(super) const METRICS: &str = "p50, p90, p99, p99.9 (any pN), mean, max, errors, rps, share";
/// The forms that a test is known for.
const FORMS: &str = "there are: a metric against a value (canary.p99 < 200ms); a latency against a multiple of another \
                     target's (canary.p99 < stable.p99 * 1.1); errors against another target's plus a margin \
                     (canary.errors < stable.errors + 1%); any arithmetic of max and rps";

/// Why a text is no objective.
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

    /// A comparison without an exact test.
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
            _ => None,
        };
        let help = match same.or_else(|| nearest(name, words.into_iter())) {
            Some(near) => format!("did you mean `{near}`? the metrics are {METRICS}"),
            None => format!("the metrics are {METRICS}"),
        };
        Self::new(
            format!("`{name}` is no metric"),
            span,
            "unknown metric",
            help,
        )
    }

    pub(super) fn unknown_target(name: &str, span: Range<usize>, known: &[&str]) -> Self {
        let list: Vec<String> = known.iter().map(|name| super::lex::quoted(name)).collect();
        let list = if list.is_empty() {
            "`all`".to_owned()
        } else {
            format!("{}, and `all` for every request", list.join(", "))
        };
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!(
                "did you mean {}? the targets are {list}",
                super::lex::quoted(near)
            ),
            None => format!("the targets are {list}"),
        };
        Self::new(
            format!("`{name}` is no target"),
            span,
            "unknown target",
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
