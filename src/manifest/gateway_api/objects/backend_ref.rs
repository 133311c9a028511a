//! One item of `backendRefs` as written.

use super::filter::{Filter, filters, other_than};
use super::route_kind::RouteKind;
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::yaml::Node;
use crate::route::AppliesTo;

/// One item of `backendRefs`.
#[derive(Clone, Debug)]
pub struct BackendRef {
    /// Where it begins.
    pub span: Span,
    /// The group of what it names, empty for the core group.
    pub group: String,
    /// The kind of what it names.
    pub kind: At<String>,
    /// The name.
    pub name: At<String>,
    /// The namespace; `None` for that of the route.
    pub namespace: Option<At<String>>,
    /// The port.
    pub port: Option<At<u16>>,
    /// The weight: 1 where none is written.
    pub weight: u32,
    /// A filter of its own that does more than change headers.
    pub special: Option<At<String>>,
    /// Whether it has filters of its own.
    pub filtered: bool,
    /// What is to be said about those filters.
    pub caveats: Vec<Note<AppliesTo>>,
}

/// The filters of a backend that Istio supports.
const MODIFIERS: [&str; 2] = ["RequestHeaderModifier", "ResponseHeaderModifier"];

impl BackendRef {
    pub(super) fn decode(
        kind: RouteKind,
        node: &Node<'_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut fields = decoder.map(node, "a backendRef")?;
        let group = fields.text("group", decoder);
        let referent = fields.text("kind", decoder);
        let name = fields.required("name", decoder);
        let namespace = fields.text("namespace", decoder);
        let port = fields.port("port", decoder);
        let weight = fields.integer("weight", 0..=1_000_000, decoder);
        let special = other_than(&mut fields, &MODIFIERS, decoder);
        let applied = filters(&mut fields, kind, decoder);
        fields.finish(decoder);
        let name = name?;
        Some(Self {
            span: node.span,
            group: group.map_or_else(String::new, |group| group.value),
            kind: referent.unwrap_or_else(|| At {
                value: "Service".to_owned(),
                span: name.span,
            }),
            name,
            namespace: namespace.filter(|text| !text.value.is_empty()),
            port: port.filter(|port| port.value != 0),
            weight: weight.map_or(1, |weight| u32::try_from(weight.value).unwrap_or(1)),
            special,
            filtered: !applied.is_empty(),
            caveats: applied.into_iter().filter_map(noted).collect(),
        })
    }

    /// The namespace of what a route in namespace `home` names.
    #[must_use]
    pub fn namespace<'r>(&'r self, home: &'r str) -> &'r str {
        self.namespace.as_ref().map_or(home, |text| &text.value)
    }
}

fn noted(filter: At<Filter>) -> Option<Note<AppliesTo>> {
    match filter.value {
        Filter::Redirect(_) => {
            let message = "a redirect of a single backend is not judged: implementations refuse it, or redirect its share";
            Some(Note::about(
                Code::FilterNotJudged,
                message,
                Some(filter.span),
            ))
        }
        Filter::Noted(caveat) | Filter::Extension(_, caveat) => Some(caveat),
        Filter::Harmless => None,
    }
}
