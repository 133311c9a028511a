//! Objects of kinds that are not understood: remembered by name.

use std::collections::BTreeMap;

use super::attached::{self, Attached, Effect};
use super::decode::{At, Decoder};
use super::gateway_api::objects::GROUP;
use super::istio::MeshConfig;
use super::kube::Meta;
use super::yaml::{Node, Value};
use super::{Manifests, Object, dialects, envoy, not_read};
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
    if let Some(attached) = attached_to_something(node, group, manifests) {
        if attached.effect == Effect::Patch {
            let patches = envoy::patches(node, &attached.meta);
            manifests.patches.extend(patches);
        }
        manifests.attached.push(attached);
    }
    let mesh_config = manifests.objects.last().and_then(|object| {
        let name = [
            &object.api_version,
            &object.kind,
            &object.namespace,
            &object.name,
        ];
        MeshConfig::read(node, name.map(String::as_str), decoder)
    });
    manifests.mesh_configs.extend(mesh_config);
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
            format!("`{}` is not a known kind, and is ignored", kind.value),
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

/// The object that was remembered last, where it is attached to something.
fn attached_to_something(node: &Node<'_>, group: &str, manifests: &Manifests) -> Option<Attached> {
    let object = manifests.objects.last()?;
    let created = node
        .get("metadata")
        .and_then(|one| one.get("creationTimestamp"));
    let meta = Meta {
        kind: object.kind.clone(),
        name: object.name.clone(),
        namespace: object.namespace.clone(),
        created: created.and_then(|node| match &node.value {
            Value::Scalar { text, .. } => Some(text.to_string()),
            _ => None,
        }),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        span: object.span,
    };
    attached::read(node, group, meta)
}

/// Istio has few kinds beside those that are read; other groups have kinds that differ by two letters.
fn meant(group: &str, kind: &str, near: &str) -> bool {
    let singular = kind.strip_suffix(['s', 'S']).unwrap_or(kind);
    group == "networking.istio.io"
        || kind.eq_ignore_ascii_case(near)
        || singular.eq_ignore_ascii_case(near)
}
