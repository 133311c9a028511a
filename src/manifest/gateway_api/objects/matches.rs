//! One alternative of a rule: its conditions, and what its precedence is counted from.

use std::collections::HashSet;

use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::Node;
use crate::route::{AppliesTo, Condition, HeaderTest, Test, TextMatch};

/// One item of `matches`: all of its conditions must hold.
#[derive(Clone, Debug)]
pub struct Match {
    /// Where it begins.
    pub span: Span,
    /// What it asks of the request.
    pub conditions: Vec<Condition>,
    /// What its precedence is counted from.
    pub counts: Counts,
}

/// What the precedence of a match is counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How it compares the path.
    pub path: PathKind,
    /// Characters of the path it compares with.
    pub characters: usize,
    /// Characters of the gRPC service.
    pub service: usize,
    /// Characters of the gRPC method.
    pub method: usize,
    /// Whether it asks for an HTTP method.
    pub verb: bool,
    /// How many headers it asks for.
    pub headers: usize,
    /// How many of them by their whole value.
    pub exact_headers: usize,
    /// How many query parameters it asks for.
    pub parameters: usize,
}

/// How a match compares the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathKind {
    /// Not at all.
    #[default]
    Any,
    /// By a prefix.
    Prefix,
    /// By a regular expression.
    Regex,
    /// By the whole of it.
    Exact,
}

impl Match {
    /// What the API server fills in: "the default is a prefix path match on "/", which has the effect of matching every
    /// HTTP request".
    pub(super) fn everything(span: Span) -> Self {
        Self {
            span,
            conditions: Vec::new(),
            counts: Counts {
                path: PathKind::Prefix,
                characters: 1,
                ..Counts::default()
            },
        }
    }

    /// Every call of a GRPCRoute, whose path is not looked at.
    pub(super) fn every_call(span: Span) -> Self {
        Self {
            span,
            conditions: Vec::new(),
            counts: Counts::default(),
        }
    }
}

const TYPES: &[&str] = &["Exact", "RegularExpression"];

/// The conditions on headers. "If multiple entries specify equivalent header names, only the first entry with an
/// equivalent name MUST be considered for a match."
pub(super) fn headers(fields: &mut Fields<'_, '_>, found: &mut Match, decoder: &mut Decoder<'_>) {
    let mut seen = HashSet::new();
    let mut spelt = HashSet::new();
    for node in fields.items("headers", decoder) {
        let Some((name, value)) = named(node, "a header match", decoder) else {
            continue;
        };
        let lower = name.value.to_lowercase();
        let new = spelt.insert(name.value.clone());
        if !seen.insert(lower.clone()) {
            if new {
                let test = Test::Assumed(spelt_twice(&name));
                found.conditions.push(Condition {
                    field: format!("headers.{}", name.value),
                    span: name.span,
                    test,
                });
            }
            continue;
        }
        found.counts.headers += 1;
        found.counts.exact_headers += usize::from(matches!(value, TextMatch::Exact { .. }));
        found.conditions.push(Condition {
            field: format!("headers.{}", name.value),
            span: name.span,
            test: Test::Header(HeaderTest::with(lower, value)),
        });
    }
}

/// "If multiple entries specify equivalent header names, only the first entry MUST be considered."
fn spelt_twice(name: &At<String>) -> Note<AppliesTo> {
    let message = format!(
        "the header `{}` is asked for before in another spelling, which alone counts by the specification; Istio asks for both values, which no request has",
        name.value
    );
    Note::about(Code::RepeatedHeader, message, Some(name.span)).help("keep one of them")
}

/// The conditions on query parameters; of several for one name the first counts.
pub(super) fn parameters(
    fields: &mut Fields<'_, '_>,
    found: &mut Match,
    decoder: &mut Decoder<'_>,
) {
    let mut seen = HashSet::new();
    for node in fields.items("queryParams", decoder) {
        let Some((name, value)) = named(node, "a query parameter match", decoder) else {
            continue;
        };
        if !seen.insert(name.value.clone()) {
            continue;
        }
        found.counts.parameters += 1;
        found.conditions.push(Condition {
            field: format!("queryParams.{}", name.value),
            span: name.span,
            test: Test::Query {
                name: name.value,
                value,
            },
        });
    }
}

/// `{name, value, type}`.
fn named(
    node: &Node<'_>,
    what: &'static str,
    decoder: &mut Decoder<'_>,
) -> Option<(At<String>, TextMatch)> {
    let mut item = decoder.map(node, what)?;
    let kind = item.choice("type", TYPES, decoder);
    let name = item.required("name", decoder);
    let value = item.required("value", decoder);
    item.finish(decoder);
    let value = value?;
    let value = match kind {
        Some(kind) if kind.value == "RegularExpression" => decoder.regex_or_nothing(&value)?,
        _ => TextMatch::exact(value.value),
    };
    Some((name?, value))
}
