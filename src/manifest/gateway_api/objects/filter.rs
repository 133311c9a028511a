//! Filters of rules and of backends, as far as they change who answers.

use super::route_kind::RouteKind;
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::{Node, Value};
use crate::route::AppliesTo;

/// What a filter does to the split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// The proxy answers with a redirect.
    Redirect(u16),
    /// An object of an implementation: its kind and name, and what is said where nobody knows what it does.
    Extension([String; 2], Note<AppliesTo>),
    /// Something is to be said about it.
    Noted(Note<AppliesTo>),
    /// Nothing.
    Harmless,
}

// The type of a filter and the field that goes with it.
const HTTP: &[(&str, &str)] = &[
    ("RequestHeaderModifier", "requestHeaderModifier"),
    ("ResponseHeaderModifier", "responseHeaderModifier"),
    ("RequestMirror", "requestMirror"),
    ("RequestRedirect", "requestRedirect"),
    ("URLRewrite", "urlRewrite"),
    ("CORS", "cors"),
    ("ExternalAuth", "externalAuth"),
    ("ExtensionRef", "extensionRef"),
];
const GRPC: &[(&str, &str)] = &[
    ("RequestHeaderModifier", "requestHeaderModifier"),
    ("ResponseHeaderModifier", "responseHeaderModifier"),
    ("RequestMirror", "requestMirror"),
    ("ExtensionRef", "extensionRef"),
];

/// The first filter of a list whose type is not one of these, as it is written.
pub(super) fn other_than(
    fields: &mut Fields<'_, '_>,
    types: &[&str],
    decoder: &mut Decoder<'_>,
) -> Option<At<String>> {
    let filters = fields.items("filters", decoder);
    let mut written = filters.iter().filter_map(|filter| {
        let node = filter.get("type")?;
        match &node.value {
            Value::Scalar { text, .. } => Some(At {
                value: text.to_string(),
                span: node.span,
            }),
            _ => None,
        }
    });
    written.find(|kind| !types.contains(&kind.value.as_str()))
}

/// The filters of a rule or a backend.
pub(super) fn filters(
    fields: &mut Fields<'_, '_>,
    kind: RouteKind,
    decoder: &mut Decoder<'_>,
) -> Vec<At<Filter>> {
    let known = match kind {
        RouteKind::Http => HTTP,
        RouteKind::Grpc => GRPC,
        RouteKind::Tls | RouteKind::Tcp => &[],
    };
    fields.list("filters", decoder, |node, decoder| {
        filter(node, known, decoder)
    })
}

fn filter(
    node: &Node<'_>,
    known: &[(&'static str, &'static str)],
    decoder: &mut Decoder<'_>,
) -> Option<At<Filter>> {
    let mut fields = decoder.map(node, "a filter")?;
    let types: Vec<&'static str> = known.iter().map(|(name, _)| *name).collect();
    if fields.get("type").is_none() && !fields.misspelt("type") {
        let problem = Note::new(Code::MissingField, "a filter needs a `type`");
        decoder.report(problem.at(fields.span, "no `type` here"));
    }
    let kind = fields.choice("type", &types, decoder);
    for (_, key) in known {
        fields.ignore(&[key]);
    }
    let filter = kind.and_then(|kind| {
        let (_, key) = known.iter().find(|(name, _)| *name == kind.value)?;
        let Some(span) = fields.place(key) else {
            let message = format!("a filter of type `{}` needs `{key}`", kind.value);
            decoder.report(Note::new(Code::MissingField, message).at(kind.span, ""));
            return None;
        };
        let value = applied(key, &mut fields, decoder)?;
        Some(At { value, span })
    });
    fields.finish(decoder);
    filter
}

fn applied(
    key: &'static str,
    fields: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<Filter> {
    let span = fields.place(key);
    let mut body = fields.map(key, "a filter", decoder)?;
    let applied = match key {
        "requestRedirect" => {
            for name in ["scheme", "hostname"] {
                body.text(name, decoder);
            }
            body.ignore(&["path"]);
            body.port("port", decoder);
            let status = body.integer("statusCode", 300..=399, decoder);
            let status = status.map_or(302, |status| status.value);
            u16::try_from(status).ok().map(Filter::Redirect)
        }
        "urlRewrite" => {
            body.ignore(&["hostname", "path"]);
            Some(Filter::Harmless)
        }
        "requestMirror" => {
            body.ignore(&["backendRef", "percent", "fraction"]);
            Some(Filter::Harmless)
        }
        "cors" => {
            let message = "a CORS preflight is answered by the proxy and reaches no destination";
            let caveat =
                Note::about(Code::Cors, message, span).limited_to(AppliesTo::Method("OPTIONS"));
            return Some(Filter::Noted(caveat));
        }
        "externalAuth" => {
            let message = "an external server may refuse requests, which then reach no destination";
            return Some(Filter::Noted(Note::about(
                Code::FilterNotJudged,
                message,
                span,
            )));
        }
        "extensionRef" => {
            let kind = body.required("kind", decoder);
            let name = body.required("name", decoder);
            body.text("group", decoder);
            let (kind, name) = (kind?, name?);
            let message = format!(
                "{} {} is not judged: it may answer requests itself (a direct response, a redirect) or change where they go",
                kind.value, name.value
            );
            let caveat = Note::about(Code::FilterNotJudged, message, span);
            Some(Filter::Extension([kind.value, name.value], caveat))
        }
        _ => {
            body.ignore(&["set", "add", "remove"]);
            Some(Filter::Harmless)
        }
    };
    body.finish(decoder);
    applied
}
