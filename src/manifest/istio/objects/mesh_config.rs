//! The configuration of a mesh: text in a `ConfigMap` of the control plane, or a part of an `IstioOperator`.

use super::outbound_policy::OutboundTrafficPolicy;
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::Decoder;
use crate::manifest::mesh::visibility::ROOT;
use crate::manifest::yaml::{Entry, Node, Value, documents};

/// What of the configuration of a mesh changes where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshConfig {
    /// The object that holds it, such as `ConfigMap istio-system/istio`.
    pub object: String,
    /// What becomes of hosts that nobody registers.
    pub outbound: Option<OutboundTrafficPolicy>,
}

/// Fields that change which rules a client sees or what they match, with the values of each that are taken for granted.
const TAKEN_FOR_GRANTED: [(&str, &[&str]); 6] = [
    ("defaultDestinationRuleExportTo", &["*"]),
    ("defaultServiceExportTo", &["*"]),
    ("defaultVirtualServiceExportTo", &["*"]),
    ("discoverySelectors", &[]),
    ("pathNormalization", &["BASE", "DEFAULT"]),
    ("rootNamespace", &[ROOT]),
];

impl MeshConfig {
    /// The mesh config that an object holds, if it is one that does: `ConfigMap` `istio` or `istio-REVISION` of the control
    /// plane with the key `mesh`, or an `IstioOperator`.
    pub(in crate::manifest) fn read(
        node: &Node<'_>,
        [version, kind, namespace, name]: [&str; 4],
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let object = format!("{kind} {namespace}/{name}");
        match (version, kind) {
            ("v1", "ConfigMap") => {
                let of_istio = name == "istio" || name.starts_with("istio-");
                let data = node.get("data").filter(|_| of_istio && namespace == ROOT)?;
                let Value::Map(entries) = &data.value else {
                    return None;
                };
                let mesh = entries.iter().find(|entry| entry.key == "mesh")?;
                Self::of_text(&object, mesh, decoder)
            }
            (version, "IstioOperator") if version.starts_with("install.istio.io/") => {
                let config = node.get("spec")?.get("meshConfig")?;
                Self::of(object, config, decoder)
            }
            _ => None,
        }
    }

    /// Of text in a text: places in it are not places of the file, so that all of it stands at its key.
    fn of_text(name: &str, mesh: &Entry<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let Value::Scalar { text, .. } = &mesh.value.value else {
            return None;
        };
        let place = mesh.key_span;
        let (mut problems, mut found) = (Vec::new(), None);
        documents(
            place.source,
            text,
            &mut problems,
            &mut |config, problems| {
                found = Self::of(name.to_owned(), &config, &mut Decoder::new(problems));
            },
        );
        for problem in problems {
            decoder.report(
                Note {
                    message: format!("in the text of `mesh` in {name}: {}", problem.message),
                    labels: Vec::new(),
                    ..problem
                }
                .at(place, ""),
            );
        }
        found.map(|config| config.standing_at(place))
    }

    fn of(object: String, config: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = decoder.map(config, "a mesh config")?;
        for (key, usual) in TAKEN_FOR_GRANTED {
            let Some(node) = fields.get(key).filter(|node| !is(node, usual)) else {
                continue;
            };
            let message =
                format!("the mesh config has a `{key}`, which is not read: judged as without it");
            decoder.report(Note::new(Code::NotJudged, message).at(node.span, ""));
        }
        let outbound = OutboundTrafficPolicy::decode(&mut fields, decoder);
        Some(Self { object, outbound })
    }

    fn standing_at(self, place: Span) -> Self {
        let outbound = self.outbound.map(|policy| OutboundTrafficPolicy {
            span: place,
            ..policy
        });
        Self { outbound, ..self }
    }

    /// The one that counts: that of the revision without a name first, as a `ConfigMap`, from which the control plane reads it.
    pub(in crate::manifest) fn in_effect(all: &[Self]) -> Option<&Self> {
        let named = format!("ConfigMap {ROOT}/istio");
        let default = all.iter().find(|config| config.object == named);
        default.or_else(|| all.first())
    }
}

/// Whether a value holds nothing but some of these words.
fn is(node: &Node<'_>, words: &[&str]) -> bool {
    match &node.value {
        Value::Scalar { text, .. } => words.contains(&text.as_ref()),
        Value::List(items) => items.iter().all(|item| is(item, words)),
        Value::Map(entries) => entries.iter().all(|entry| is(&entry.value, words)),
    }
}
