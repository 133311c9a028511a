//! One match of a GRPCRoute: service, method and headers of a call, which is a `POST` of the path `/service/method`.

use super::http_match::below;
use super::matches::{Match, PathKind, headers};
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::Node;
use crate::route::{Condition, Test, TextMatch};

/// One segment of a path, whatever it is.
const ANY: &str = "[^/]+";

/// One item of `matches`.
pub(super) fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Match> {
    let mut fields = decoder.map(node, "a GRPCRoute match")?;
    let mut found = Match::every_call(node.span);
    method(&mut fields, &mut found, decoder);
    headers(&mut fields, &mut found, decoder);
    fields.finish(decoder);
    Some(found)
}

fn method(fields: &mut Fields<'_, '_>, found: &mut Match, decoder: &mut Decoder<'_>) {
    let Some(mut method) = fields.map("method", "a gRPC method match", decoder) else {
        return;
    };
    let kind = method.choice("type", &["Exact", "RegularExpression"], decoder);
    let given = |text: &At<String>| !text.value.is_empty();
    let service = method.text("service", decoder).filter(given);
    let name = method.text("method", decoder).filter(given);
    let span = method.span;
    let misspelt = method.misspelt("service") || method.misspelt("method");
    method.finish(decoder);
    let (Some(at), false) = (service.as_ref().or(name.as_ref()), misspelt) else {
        if !misspelt {
            let message = "a gRPC method match needs a `service`, a `method` or both";
            let problem = Note::new(Code::MissingField, message).at(span, "neither here");
            decoder.report(problem.help("leave `method` out to match every call"));
        }
        return;
    };
    let regex = kind.is_some_and(|kind| kind.value == "RegularExpression");
    let (rank, text) = if regex {
        let part = |text: &Option<At<String>>| match text {
            Some(text) => format!("(?:{})", text.value),
            None => ANY.to_owned(),
        };
        for one in [&service, &name].into_iter().flatten() {
            // Each part alone, so that the message points at the one that is wrong.
            if decoder.regex(one).is_none() {
                return;
            }
        }
        let pattern = format!("/{}/{}", part(&service), part(&name));
        (PathKind::Regex, pattern_of(pattern, at, decoder))
    } else {
        match (&service, &name) {
            (Some(service), Some(name)) => {
                let path = format!("/{}/{}", service.value, name.value);
                (PathKind::Exact, Some(TextMatch::exact(path)))
            }
            (Some(service), None) => {
                let prefix = format!("/{}/", service.value);
                (PathKind::Prefix, below(&prefix))
            }
            (_, name) => {
                let name = name.as_ref().map_or("", |name| &name.value);
                let pattern = format!("/{ANY}/{}", regex::escape(name));
                (PathKind::Regex, pattern_of(pattern, at, decoder))
            }
        }
    };
    let length =
        |text: &Option<At<String>>| text.as_ref().map_or(0, |text| text.value.chars().count());
    found.counts.path = rank;
    found.counts.service = length(&service);
    found.counts.method = length(&name);
    found.counts.characters = 2 + length(&service) + length(&name);
    found.conditions.extend(text.map(|text| Condition {
        field: "method".to_owned(),
        span: at.span,
        test: Test::Path(text),
    }));
}

fn pattern_of(pattern: String, at: &At<String>, decoder: &mut Decoder<'_>) -> Option<TextMatch> {
    let pattern = At {
        value: pattern,
        span: at.span,
    };
    decoder.regex(&pattern)
}
