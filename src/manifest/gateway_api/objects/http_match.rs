//! One match of an HTTPRoute: path, method, headers and query parameters, with what the API server fills in.

use super::matches::{Match, PathKind, headers, parameters};
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::Node;
use crate::route::{Condition, Test, TextMatch};

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// One item of `matches`.
pub(super) fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Match> {
    let mut fields = decoder.map(node, "an HTTPRoute match")?;
    let mut found = Match::everything(node.span);
    path(&mut fields, &mut found, decoder);
    if let Some(method) = fields.choice("method", METHODS, decoder) {
        found.counts.verb = true;
        found.conditions.push(Condition {
            field: "method".to_owned(),
            span: method.span,
            test: Test::Method(TextMatch::exact(method.value)),
        });
    }
    headers(&mut fields, &mut found, decoder);
    parameters(&mut fields, &mut found, decoder);
    fields.finish(decoder);
    Some(found)
}

fn path(fields: &mut Fields<'_, '_>, found: &mut Match, decoder: &mut Decoder<'_>) {
    let Some(mut path) = fields.map("path", "a path match", decoder) else {
        return;
    };
    let types = ["Exact", "PathPrefix", "RegularExpression"];
    let kind = path.choice("type", &types, decoder);
    let kind = kind.map_or("PathPrefix", |kind| kind.value);
    let value = path.text("value", decoder).unwrap_or_else(|| At {
        value: "/".to_owned(),
        span: path.span,
    });
    path.finish(decoder);
    if kind != "RegularExpression" && !valid(&value, decoder) {
        return;
    }
    found.counts.characters = value.value.chars().count();
    let (rank, text) = match kind {
        "Exact" => (PathKind::Exact, Some(TextMatch::exact(&value.value))),
        "RegularExpression" => (PathKind::Regex, decoder.regex_or_nothing(&value)),
        _ => (PathKind::Prefix, below(&value.value)),
    };
    found.counts.path = rank;
    found.conditions.extend(text.map(|text| Condition {
        field: "path".to_owned(),
        span: value.span,
        test: Test::Path(text),
    }));
}

/// "Matches based on a URL path prefix split by `/`. When specified, a trailing `/` is ignored." The root takes every
/// path.
pub(super) fn below(prefix: &str) -> Option<TextMatch> {
    let text = prefix.trim_end_matches('/');
    (!text.is_empty()).then(|| TextMatch::Below {
        text: text.to_owned(),
        ignore_case: false,
    })
}

/// What the API server says about paths that are no regular expressions.
fn valid(path: &At<String>, decoder: &mut Decoder<'_>) -> bool {
    let text = &path.value;
    let (message, help) = if text.starts_with('/') {
        let Some(wrong) = ["//", "/./", "/../", "%2f", "%2F", "#", "?"]
            .into_iter()
            .find(|part| text.contains(part))
        else {
            return true;
        };
        (
            format!("a path cannot hold `{wrong}`"),
            "a request is matched by its path alone, after it was normalised".to_owned(),
        )
    } else {
        (
            format!("the path `{text}` does not begin with `/`"),
            format!("write `/{text}`, or `type: RegularExpression` if it is one"),
        )
    };
    let problem = Note::new(Code::BadPath, message).at(path.span, "");
    decoder.report(problem.help(help));
    false
}
