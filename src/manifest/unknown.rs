//! Objects of kinds that are not understood: remembered by name.

use super::decode::{At, Decoder};
use super::gateway_api::objects::GROUP;
use super::yaml::{Node, Value};
use super::{Manifests, Object, dialects, not_read};
use crate::diag::nearest::nearest;
use crate::diag::{Code, Note};

/// Remembers an object by its name, if it has one, and warns where another kind or group was probably meant.
pub(super) fn remember(
    node: &Node<'_>,
    kind: &At<String>,
    version: &At<String>,
    group: &str,
    manifests: &mut Manifests,
    decoder: &mut Decoder<'_>,
) {
    let metadata = node.get("metadata");
    let text = |key: &str| {
        metadata
            .and_then(|metadata| metadata.get(key))
            .and_then(|node| match &node.value {
                Value::Scalar { text, .. } => Some((text.to_string(), node.span)),
                _ => None,
            })
    };
    let (name, span) = text("name").unwrap_or_else(|| ("without a name".to_owned(), kind.span));
    manifests.objects.push(Object {
        api_version: version.value.clone(),
        kind: kind.value.clone(),
        name,
        namespace: text("namespace")
            .map_or_else(|| "default".to_owned(), |(namespace, _)| namespace),
        span,
        start: node.span,
    });
    let kinds = dialects()
        .filter(|dialect| dialect.group == group)
        .map(|dialect| dialect.kind);
    let elsewhere = dialects().find(|dialect| {
        let rules = ["VirtualService", "HTTPRoute", "GRPCRoute"];
        dialect.kind == kind.value && rules.contains(&dialect.kind)
    });
    if let Some(dialect) = elsewhere {
        let problem = Note::new(
            Code::UnknownGroup,
            format!(
                "{} {} of `{}` is not {} and is ignored",
                if kind.value.starts_with('H') {
                    "an"
                } else {
                    "a"
                },
                kind.value,
                version.value,
                match dialect.group {
                    GROUP => "the Gateway API's",
                    _ => "Istio's",
                }
            ),
        );
        decoder.report(
            problem
                .at(version.span, "")
                .help(format!("did you mean `{}/v1`?", dialect.group)),
        );
    } else if let Some(near) =
        nearest(&kind.value, kinds).filter(|near| meant(group, &kind.value, near))
    {
        let problem = Note::new(
            Code::UnknownKind,
            format!(
                "`{}` is no kind that resplit knows, and is ignored",
                kind.value
            ),
        );
        decoder.report(
            problem
                .at(kind.span, "")
                .help(format!("did you mean `{near}`?")),
        );
    } else {
        not_read::weights(node, kind, manifests, decoder);
    }
}

/// Istio has few kinds beside those that are read; the Gateway API has others that differ by two letters.
fn meant(group: &str, kind: &str, near: &str) -> bool {
    match group {
        "networking.istio.io" => true,
        GROUP => kind.eq_ignore_ascii_case(near),
        _ => false,
    }
}
