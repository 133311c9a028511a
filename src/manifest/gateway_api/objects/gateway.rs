//! A Gateway of the Gateway API as written: its listeners, and which routes they allow.

use super::api_route::check;
use super::route_kind::RouteKind;
use super::selector::Selector;
use crate::diag::{Code, Note, Span};
use crate::manifest::attached::nodes::text;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Value};

/// A Gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its identity.
    pub meta: Meta,
    /// Its class, which says who implements it.
    pub class: Option<At<String>>,
    /// Its listeners.
    pub listeners: Vec<Listener>,
    /// The namespaces whose sets of listeners are added to them.
    pub sets_from: From,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name, which is the `sectionName` of parents.
    pub name: At<String>,
    /// The `ListenerSet` that it is of, where it is of one.
    pub set: Option<Meta>,
    /// The hosts it takes, perhaps with a wildcard; `None` for all.
    pub hostname: Option<At<String>>,
    /// Its port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or one of an implementation.
    pub protocol: At<String>,
    /// Whether TLS passes through it.
    pub passthrough: bool,
    /// The namespaces of the routes it takes.
    pub from: From,
    /// The kinds of the routes it takes; none means all that its protocol allows.
    pub kinds: Vec<At<String>>,
    /// The Secrets with its certificates: each a name, and a namespace where it is not that of the Gateway.
    pub certificates: Vec<(String, Option<String>)>,
}

/// The namespaces whose routes a listener takes.
#[derive(Clone, Debug)]
pub enum From {
    /// That of the Gateway.
    Same,
    /// All.
    All,
    /// None.
    Nobody,
    /// Those with these labels.
    Selected(Selector),
}

impl Gateway {
    /// A Gateway from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a Gateway spec", decoder)?;
        let class = spec.text("gatewayClassName", decoder);
        let listeners = spec.list("listeners", decoder, |node, decoder| {
            Listener::decode(node, None, decoder)
        });
        let mut sets_from = From::Nobody;
        if let Some(mut allowed) = spec.map("allowedListeners", "allowed listeners", decoder) {
            sets_from = namespaces(&mut allowed, From::Nobody, decoder);
            allowed.finish(decoder);
        }
        spec.ignore(&[
            "addresses",
            "infrastructure",
            "tls",
            "backendTLS",
            "defaultScope",
        ]);
        spec.finish(decoder);
        Some(Self {
            meta,
            class,
            listeners,
            sets_from,
        })
    }
}

impl Listener {
    pub(super) fn decode(
        node: &Node<'_>,
        set: Option<&Meta>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut fields = decoder.map(node, "a listener")?;
        let name = fields.required("name", decoder);
        let hostname = fields
            .text("hostname", decoder)
            .filter(|text| !text.value.is_empty());
        if let Some(hostname) = &hostname {
            check(hostname, decoder);
        }
        if fields.get("port").is_none() && !fields.misspelt("port") {
            let problem = Note::new(Code::MissingField, "a listener needs a `port`");
            decoder.report(problem.at(fields.span, "no `port` here"));
        }
        let port = fields.port("port", decoder);
        let protocol = fields.required("protocol", decoder);
        let (from, kinds) = allowed(&mut fields, decoder);
        let tls = fields.get("tls");
        let mode = tls.and_then(|tls| tls.get("mode")).and_then(text);
        let passthrough = mode.is_some_and(|mode| mode == "Passthrough");
        let certificates = tls.map_or_else(Vec::new, certificates);
        fields.finish(decoder);
        Some(Self {
            certificates,
            name: name?,
            set: set.cloned(),
            passthrough,
            hostname,
            port: port?.value,
            protocol: protocol?,
            from,
            kinds,
        })
    }

    /// The scheme of the requests that it hands to routes, if it hands any to them.
    #[must_use]
    pub fn scheme(&self) -> Option<&'static str> {
        match self.protocol.value.as_str() {
            "HTTP" => Some("http"),
            "HTTPS" => Some("https"),
            _ => None,
        }
    }

    /// The hosts it takes, lower case; `*` for all.
    #[must_use]
    pub fn domain(&self) -> String {
        let hostname = self.hostname.as_ref();
        hostname.map_or_else(|| "*".to_owned(), |text| text.value.to_lowercase())
    }

    /// Whether it hands routes of a kind what they are about: "`TLSRoute` can be used to handle connections by their SNI", "a
    /// `TCPRoute` forwards connections on the port specified by the listener".
    #[must_use]
    pub fn serves(&self, kind: RouteKind) -> bool {
        let protocol = self.protocol.value.as_str();
        match kind {
            RouteKind::Http | RouteKind::Grpc => self.scheme().is_some(),
            RouteKind::Tls => protocol == "TLS",
            RouteKind::Tcp => protocol == "TCP" || (protocol == "TLS" && !self.passthrough),
        }
    }

    /// Whether it leaves nothing for another listener: the port and, where names tell listeners apart, the hostname.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        let sealed = |one: &Self| matches!(one.protocol.value.as_str(), "HTTPS" | "TLS");
        let named = |one: &Self| one.protocol.value == "HTTP" || sealed(one);
        let apart = named(self)
            && named(other)
            && sealed(self) == sealed(other)
            && self.domain() != other.domain();
        self.port == other.port && !apart
    }

    /// Where it is.
    #[must_use]
    pub fn span(&self) -> Span {
        self.name.span
    }
}

/// The Secrets that a listener that ends TLS names.
fn certificates(tls: &Node<'_>) -> Vec<(String, Option<String>)> {
    let text = |node: &Node<'_>, key| match &node.get(key)?.value {
        Value::Scalar { text, .. } => Some(text.to_string()),
        _ => None,
    };
    let Some(Value::List(references)) = tls.get("certificateRefs").map(|list| &list.value) else {
        return Vec::new();
    };
    let secret = |one: &&Node<'_>| text(one, "kind").is_none_or(|kind| kind == "Secret");
    let named = references.iter().filter(secret);
    named
        .filter_map(|one| Some((text(one, "name")?, text(one, "namespace"))))
        .collect()
}

/// `allowedRoutes`: by default routes of the namespace of the Gateway, of every kind.
fn allowed(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> (From, Vec<At<String>>) {
    let Some(mut allowed) = fields.map("allowedRoutes", "allowed routes", decoder) else {
        return (From::Same, Vec::new());
    };
    let from = namespaces(&mut allowed, From::Same, decoder);
    let kinds = allowed.list("kinds", decoder, |node, decoder| {
        let mut kind = decoder.map(node, "an allowed kind")?;
        kind.text("group", decoder);
        let name = kind.required("kind", decoder);
        kind.finish(decoder);
        name
    });
    allowed.finish(decoder);
    (from, kinds)
}

/// `namespaces`, and what is meant where it does not say.
fn namespaces(allowed: &mut Fields<'_, '_>, default: From, decoder: &mut Decoder<'_>) -> From {
    let Some(mut namespaces) = allowed.map("namespaces", "allowed namespaces", decoder) else {
        return default;
    };
    let choice = namespaces.choice("from", &["Same", "All", "Selector", "None"], decoder);
    let selector = namespaces.map("selector", "a label selector", decoder);
    let selector = selector.map(|selector| Selector::decode(selector, decoder));
    namespaces.finish(decoder);
    match choice.map(|choice| choice.value) {
        Some("All") => From::All,
        Some("None") => From::Nobody,
        Some("Selector") => From::Selected(selector.unwrap_or_default()),
        Some(_) => From::Same,
        None => default,
    }
}
