//! Test cases of istio-config-validator.

use super::case::{Case, Expect, LiveAddress, Suite};
use super::rule_assertion::RuleAssertion;
use crate::diag::{Code, Note, Sources};
use crate::manifest::decode::Decoder;
use crate::manifest::yaml::{Node, Value, json};
use crate::route::Probe;

/// The fields of a rule that are compared.
const FIELDS: [&str; 5] = ["route", "rewrite", "fault", "headers", "redirect"];

/// Reads a document of test cases.
pub(super) fn suite(
    node: &Node<'_>,
    sources: &Sources,
    decoder: &mut Decoder<'_>,
) -> Option<Suite> {
    let mut fields = decoder.map(node, "a file of test cases")?;
    let cases = fields.list("testCases", decoder, |node, decoder| {
        cases(node, sources, decoder)
    });
    fields.finish(decoder);
    Some(Suite {
        manifests: Vec::new(),
        strict: false,
        cases: cases.into_iter().flatten().collect(),
    })
}

/// A case for each combination of authority, method and URI.
fn cases(node: &Node<'_>, sources: &Sources, decoder: &mut Decoder<'_>) -> Option<Vec<Case>> {
    let mut fields = decoder.map(node, "a test case")?;
    let description = fields.text("description", decoder);
    let want_match = fields.boolean("wantMatch", decoder);
    let mut asserted = Vec::new();
    for name in FIELDS {
        if let Some(value) = fields.get(name) {
            asserted.push((name, json(value)));
        }
    }
    let assertion = RuleAssertion {
        want_match: want_match.is_some_and(|want| want.value),
        fields: asserted,
        delegate: fields.get("delegate").map(json),
    };
    let requests = fields.get("request").map(|node| requests(node, decoder));
    if requests.is_none() {
        let problem = Note::new(Code::MissingField, "a test case needs a `request`");
        decoder.report(problem.at(fields.span, ""));
    }
    fields.finish(decoder);
    let name = description.map_or_else(|| "test case".to_owned(), |text| text.value);
    let line = sources.position(node.span).0;
    let requests = requests??;
    let several = requests.len() > 1;
    let case = |probe: Probe| Case {
        name: if several {
            format!(
                "{name} [{} {}{}]",
                probe.method, probe.authority, probe.path
            )
        } else {
            name.clone()
        },
        line,
        from: None,
        probe,
        live: LiveAddress::default(),
        expect: Expect::Rule(Box::new(assertion.clone())),
    };
    Some(requests.into_iter().map(case).collect())
}

fn requests(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Vec<Probe>> {
    let mut fields = decoder.map(node, "a request")?;
    let mut list = |key: &'static str, decoder: &mut Decoder<'_>| {
        let texts = fields.texts(key, decoder);
        if texts.is_empty() {
            let message = format!("a request needs a list `{key}`");
            decoder.report(Note::new(Code::MissingField, message).at(fields.span, ""));
        }
        texts
    };
    let authorities = list("authority", decoder);
    let methods = list("method", decoder);
    let uris = list("uri", decoder);
    let headers: Vec<(String, String)> = match fields.get("headers").map(|node| &node.value) {
        Some(Value::Map(entries)) => {
            let pair = |entry: &crate::manifest::yaml::Entry<'_>| match &entry.value.value {
                Value::Scalar { text, .. } => Some((entry.key.to_string(), text.to_string())),
                _ => None,
            };
            entries.iter().filter_map(pair).collect()
        }
        _ => Vec::new(),
    };
    fields.finish(decoder);
    let mut probes = Vec::new();
    for uri in &uris {
        // As there, only the path of a URI counts.
        let path = uri.value.split(['?', '#']).next().unwrap_or_default();
        for authority in &authorities {
            for method in &methods {
                let url = format!("http://{}/", authority.value);
                let Some(probe) = url
                    .parse()
                    .ok()
                    .and_then(|uri| Probe::new(&method.value, &uri))
                else {
                    let message = format!("`{}` is not a valid authority", authority.value);
                    decoder.report(Note::new(Code::UnknownValue, message).at(authority.span, ""));
                    return None;
                };
                probes.push(Probe {
                    path: path.to_owned(),
                    headers: headers.clone(),
                    ..probe
                });
            }
        }
    }
    Some(probes)
}
