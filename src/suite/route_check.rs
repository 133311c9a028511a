//! Tests of Envoy's route table check tool.

use super::case::{Case, Expect, LiveAddress, Suite};
use super::route_assertion::RouteAssertion;
use crate::diag::{Code, Note, Sources};
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::yaml::{Node, Value};
use crate::route::Probe;

/// What is compared.
const COMPARED: [&str; 6] = [
    "cluster_name",
    "virtual_host_name",
    "host_rewrite",
    "path_rewrite",
    "path_redirect",
    "code_redirect",
];
/// What is asserted and not modelled, with why.
const NOT_MODELLED: [(&str, &str); 6] = [
    ("virtual_cluster_name", "virtual clusters are not modelled"),
    (
        "request_header_matches",
        "the headers that routes add are not modelled",
    ),
    (
        "response_header_matches",
        "the headers that routes add are not modelled",
    ),
    (
        "request_header_fields",
        "the headers that routes add are not modelled",
    ),
    (
        "response_header_fields",
        "the headers that routes add are not modelled",
    ),
    (
        "header_fields",
        "the headers that routes add are not modelled",
    ),
];

/// Reads a file of tests, or a list of them as older files have it.
pub(super) fn suite(
    node: &Node<'_>,
    sources: &Sources,
    decoder: &mut Decoder<'_>,
) -> Option<Suite> {
    let cases = if let Value::List(items) = &node.value {
        items
            .iter()
            .filter_map(|node| case(node, sources, decoder))
            .collect()
    } else {
        let mut fields = decoder.map(node, "a file of tests")?;
        fields.ignore(&["runtime"]);
        let cases = fields.list("tests", decoder, |node, decoder| {
            case(node, sources, decoder)
        });
        fields.finish(decoder);
        cases
    };
    Some(Suite {
        manifests: Vec::new(),
        strict: false,
        cases,
    })
}

fn case(node: &Node<'_>, sources: &Sources, decoder: &mut Decoder<'_>) -> Option<Case> {
    let mut fields = decoder.map(node, "a test")?;
    let name = fields.text("test_name", decoder);
    let input = fields.map("input", "an input", decoder);
    let validate = fields.map("validate", "an assertion", decoder);
    let span = fields.span;
    fields.finish(decoder);
    let (Some(input), Some(validate)) = (input, validate) else {
        let problem = Note::new(
            Code::MissingField,
            "a test needs an `input` and a `validate`",
        );
        decoder.report(problem.at(span, ""));
        return None;
    };
    let mut skipped = Vec::new();
    let (probe, random) = input_of(input, &mut skipped, decoder)?;
    let wanted = asserted(validate, &mut skipped, decoder);
    Some(Case {
        name: name.map_or_else(|| "test".to_owned(), |name| name.value),
        line: sources.position(node.span).0,
        from: None,
        probe,
        live: LiveAddress::default(),
        expect: Expect::Route(Box::new(RouteAssertion {
            wanted,
            skipped,
            random,
        })),
    })
}

/// The request, and the number that picks among weighted clusters.
fn input_of(
    mut input: Fields<'_, '_>,
    skipped: &mut Vec<String>,
    decoder: &mut Decoder<'_>,
) -> Option<(Probe, u64)> {
    let mut either = |new: &'static str, old: &'static str, decoder: &mut Decoder<'_>| {
        let own = input.text(new, decoder);
        own.or_else(|| input.text(old, decoder))
            .map(|text| text.value)
    };
    let authority = either("authority", ":authority", decoder);
    let path = either("path", ":path", decoder);
    let method = either("method", ":method", decoder).unwrap_or_else(|| "GET".to_owned());
    let ssl = input.boolean("ssl", decoder).is_some_and(|ssl| ssl.value);
    let internal = input
        .boolean("internal", decoder)
        .is_some_and(|internal| internal.value);
    let random = input.integer("random_value", 0..=i64::MAX, decoder);
    let mut headers = vec![("x-forwarded-proto".to_owned(), scheme(ssl).to_owned())];
    if internal {
        headers.push(("x-envoy-internal".to_owned(), "true".to_owned()));
    }
    for key in ["additional_request_headers", "additional_headers"] {
        for item in input.items(key, decoder) {
            let text =
                |names: [&str; 2]| names.iter().find_map(|name| item.get(name)).and_then(plain);
            if let (Some(name), Some(value)) = (text(["key", "field"]), text(["value", "value"])) {
                headers.push((name, value));
            }
        }
    }
    input.ignore(&["additional_response_headers"]);
    for key in ["runtime", "dynamic_metadata"] {
        if input.get(key).is_some() {
            skipped.push(format!("`{key}` of a request is not modelled"));
        }
    }
    let span = input.span;
    input.finish(decoder);
    let (Some(authority), Some(path)) = (authority, path) else {
        let problem = Note::new(
            Code::MissingField,
            "an input needs an `authority` and a `path`",
        );
        decoder.report(problem.at(span, ""));
        return None;
    };
    let url = format!("{}://{authority}/", scheme(ssl)).parse().ok();
    let Some(probe) = url.and_then(|url| Probe::new(&method, &url)) else {
        let message = format!("`{authority}` is not a valid authority");
        decoder.report(Note::new(Code::UnknownValue, message).at(span, ""));
        return None;
    };
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (path, None),
    };
    let random = random
        .and_then(|random| u64::try_from(random.value).ok())
        .unwrap_or(0);
    Some((
        Probe {
            authority,
            path,
            query,
            headers,
            ..probe
        },
        random,
    ))
}

fn scheme(ssl: bool) -> &'static str {
    if ssl { "https" } else { "http" }
}

fn plain(node: &Node<'_>) -> Option<String> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text.to_string()),
        _ => None,
    }
}

fn asserted(
    mut validate: Fields<'_, '_>,
    skipped: &mut Vec<String>,
    decoder: &mut Decoder<'_>,
) -> Vec<(&'static str, String)> {
    let mut wanted = Vec::new();
    for name in COMPARED {
        // A `null` counts as absent; an empty text asserts that there is nothing.
        if let Some(text) = validate.get(name).and_then(plain) {
            wanted.push((name, text));
        }
    }
    for (name, why) in NOT_MODELLED {
        if validate.get(name).is_some() {
            skipped.push(format!("`{name}`: {why}"));
        }
    }
    if validate.get("custom_header_fields").is_some() {
        skipped.push(
            "`custom_header_fields`: the headers that routes add are not modelled".to_owned(),
        );
    }
    validate.finish(decoder);
    wanted
}
