//! From nodes to Rust values. Collects every problem instead of stopping at the first.

use std::ops::RangeInclusive;

use super::yaml::{Node, Scalar, Value};
use crate::diag::{Code, MAX_PROBLEMS, Note, Span};
use crate::route::TextMatch;

/// A regular expression that no text matches.
const NOTHING: &str = r"[^\s\S]";

/// A value with the place it was written at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// What.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// Collects problems while values are decoded.
#[derive(Debug)]
pub struct Decoder<'p> {
    problems: &'p mut Vec<Note>,
    count: usize,
}

impl<'p> Decoder<'p> {
    /// A decoder that appends to these problems.
    pub fn new(problems: &'p mut Vec<Note>) -> Self {
        Self { problems, count: 0 }
    }

    /// Adds a problem, unless there are more than anybody reads.
    pub fn report(&mut self, problem: Note) {
        self.count += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// How many problems were reported, to see whether something decoded without any.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// A node that must be a string.
    pub fn text(&mut self, node: &Node<'_>, what: &str) -> Option<At<String>> {
        if let Some(Scalar::Text(text)) = node.scalar() {
            return Some(At {
                value: text.to_owned(),
                span: node.span,
            });
        }
        let scalar = matches!(node.value, Value::Scalar { .. }) && !node.is_null();
        self.wrong_type(what, "a string", node, scalar.then_some("put it in quotes"));
        None
    }

    /// A node that must be a whole number in a range.
    pub fn integer(
        &mut self,
        node: &Node<'_>,
        what: &str,
        range: RangeInclusive<i64>,
    ) -> Option<At<i64>> {
        let found = match node.scalar() {
            Some(Scalar::Int(number)) => i64::try_from(number).ok(),
            Some(Scalar::Float(number)) if number.fract() == 0.0 => {
                format!("{number}").parse().ok()
            }
            Some(Scalar::Float(number)) if number.is_finite() => {
                self.wrong_type(what, "a whole number", node, None);
                return None;
            }
            Some(Scalar::Text(text)) if text.parse::<i64>().is_ok() => {
                self.wrong_type(what, "an integer", node, Some("remove the quotes"));
                return None;
            }
            _ => {
                self.wrong_type(what, "an integer", node, None);
                return None;
            }
        };
        match found {
            Some(value) if range.contains(&value) => Some(At {
                value,
                span: node.span,
            }),
            Some(value) if value < 0 && *range.start() == 0 => {
                self.report(
                    Note::new(
                        Code::OutOfRange,
                        format!("`{what}` must not be negative, and this is {value}"),
                    )
                    .at(node.span, ""),
                );
                None
            }
            _ => {
                let (low, high) = (range.start(), range.end());
                self.report(
                    Note::new(
                        Code::OutOfRange,
                        format!("`{what}` must be between {low} and {high}"),
                    )
                    .at(node.span, ""),
                );
                None
            }
        }
    }

    /// A node that must be a number.
    pub fn number(&mut self, node: &Node<'_>, what: &str) -> Option<At<f64>> {
        let value = match node.scalar() {
            #[expect(clippy::cast_precision_loss, reason = "percentages are small")]
            Some(Scalar::Int(number)) => number as f64,
            Some(Scalar::Float(number)) if number.is_finite() => number,
            Some(Scalar::Text(text)) if text.parse::<f64>().is_ok() => {
                self.wrong_type(what, "a number", node, Some("remove the quotes"));
                return None;
            }
            _ => {
                self.wrong_type(what, "a number", node, None);
                return None;
            }
        };
        Some(At {
            value,
            span: node.span,
        })
    }

    /// A node that must be `true` or `false`.
    pub fn boolean(&mut self, node: &Node<'_>, what: &str) -> Option<At<bool>> {
        if let Some(Scalar::Bool(value)) = node.scalar() {
            return Some(At {
                value,
                span: node.span,
            });
        }
        let quoted = matches!(node.scalar(), Some(Scalar::Text("true" | "false")));
        self.wrong_type(
            what,
            "true or false",
            node,
            quoted.then_some("remove the quotes"),
        );
        None
    }

    /// A regular expression for the whole of a text, as Envoy takes it.
    pub fn regex(&mut self, pattern: &At<String>) -> Option<TextMatch> {
        if pattern.value.is_empty() {
            self.report(
                Note::new(Code::BadRegex, "the regular expression is empty").at(pattern.span, ""),
            );
            return None;
        }
        match TextMatch::regex(&pattern.value) {
            Ok(text) => Some(text),
            Err(error) => {
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                let reason = reason.trim_start_matches("error: ").to_owned();
                let problem = Note::new(Code::BadRegex, "the regular expression does not compile");
                self.report(
                    problem
                        .at(pattern.span, reason)
                        .help("Envoy takes RE2 syntax (https://github.com/google/re2/wiki/Syntax) and matches all of the text"),
                );
                None
            }
        }
    }

    /// The same for a match: in place of one that does not compile stands one that nothing matches. Without the condition the
    /// match would be another one, and would seem to take every request.
    pub fn regex_or_nothing(&mut self, pattern: &At<String>) -> Option<TextMatch> {
        let regex = self.regex(pattern);
        regex.or_else(|| TextMatch::regex(NOTHING).ok())
    }

    pub(super) fn wrong_type(
        &mut self,
        what: &str,
        wanted: &str,
        node: &Node<'_>,
        help: Option<&str>,
    ) {
        let subject = if what.contains(' ') {
            what.to_owned()
        } else {
            format!("`{what}`")
        };
        let problem = Note::new(
            Code::WrongType,
            format!("{subject} must be {wanted}, not {}", found(node)),
        )
        .at(node.span, "");
        self.report(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
}

/// What a node is, as a message names it.
fn found(node: &Node<'_>) -> String {
    let short = |text: &str| {
        let mut cut: String = text.chars().take(40).collect();
        if cut.len() < text.len() {
            cut.push('…');
        }
        cut.replace(['\n', '\r'], " ")
    };
    match (node.scalar(), &node.value) {
        (Some(Scalar::Null), _) => "nothing".to_owned(),
        (Some(Scalar::Text(text)), Value::Scalar { plain: true, .. }) => {
            format!("the string `{}`", short(text))
        }
        (Some(Scalar::Text(text)), _) => format!("the string `\"{}\"`", short(text)),
        (Some(Scalar::Bool(_)), Value::Scalar { text, .. }) => format!("the boolean `{text}`"),
        (Some(_), Value::Scalar { text, .. }) => format!("the number `{}`", short(text)),
        (_, Value::List(_)) => "a list".to_owned(),
        _ => "a map".to_owned(),
    }
}
