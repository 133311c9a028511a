//! What a route asks to be attached to: one item of `parentRefs`, with what the API server fills in.

use super::GROUP;
use crate::diag::Span;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::Node;

/// One item of `parentRefs`.
#[derive(Clone, Debug)]
pub struct ParentRef {
    /// Where it begins.
    pub span: Span,
    /// What it is.
    pub kind: ParentKind,
    /// Its name.
    pub name: At<String>,
    /// Its namespace; `None` for that of the route.
    pub namespace: Option<At<String>>,
    /// A listener of a Gateway, or a port of a Service by name.
    pub section: Option<At<String>>,
    /// The port of a listener or of a Service.
    pub port: Option<At<u16>>,
}

/// What a route can be attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParentKind {
    /// A Gateway of the Gateway API.
    Gateway,
    /// Listeners that are added to those of a Gateway.
    ListenerSet,
    /// A Service: the route is one of the mesh.
    Service,
    /// Istio's `ServiceEntry`: the route is one of the mesh.
    ServiceEntry,
    /// Something that resplit does not know: group and kind.
    Other(String),
}

impl ParentRef {
    pub(super) fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut fields = decoder.map(node, "a parentRef")?;
        let kind = kind(&mut fields, decoder);
        let name = fields.required("name", decoder);
        let namespace = fields.text("namespace", decoder);
        let section = fields.text("sectionName", decoder);
        let port = fields.port("port", decoder);
        fields.finish(decoder);
        Some(Self {
            span: node.span,
            kind,
            name: name?,
            namespace: namespace.filter(|text| !text.value.is_empty()),
            section: section.filter(|text| !text.value.is_empty()),
            port: port.filter(|port| port.value != 0),
        })
    }

    /// The namespace of the parent of a route in namespace `home`.
    #[must_use]
    pub fn namespace<'r>(&'r self, home: &'r str) -> &'r str {
        self.namespace.as_ref().map_or(home, |text| &text.value)
    }

    /// Whether it makes the route one of the mesh.
    #[must_use]
    pub fn in_mesh(&self) -> bool {
        matches!(self.kind, ParentKind::Service | ParentKind::ServiceEntry)
    }

    /// As a message names it: `gateway infra/web`, `Service default/web`.
    #[must_use]
    pub fn called(&self, home: &str) -> String {
        let kind = match &self.kind {
            ParentKind::Gateway => "gateway",
            ParentKind::ListenerSet => "ListenerSet",
            ParentKind::Service => "Service",
            ParentKind::ServiceEntry => "ServiceEntry",
            ParentKind::Other(kind) => kind,
        };
        format!("{kind} {}/{}", self.namespace(home), self.name.value)
    }
}

/// "When unspecified, `gateway.networking.k8s.io` is inferred"; the kind is `Gateway` then.
fn kind(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> ParentKind {
    let group = fields.text("group", decoder);
    let kind = fields.text("kind", decoder);
    let group = group.as_ref().map_or(GROUP, |group| &group.value);
    let kind = kind.as_ref().map_or("Gateway", |kind| &kind.value);
    match (group, kind) {
        (GROUP, "Gateway") => ParentKind::Gateway,
        (GROUP, "ListenerSet") | ("gateway.networking.x-k8s.io", "XListenerSet") => {
            ParentKind::ListenerSet
        }
        ("", "Service") => ParentKind::Service,
        ("networking.istio.io", "ServiceEntry") => ParentKind::ServiceEntry,
        ("", kind) => ParentKind::Other(kind.to_owned()),
        (group, kind) => ParentKind::Other(format!("{group} {kind}")),
    }
}
