//! A route as written: parents, hostnames, rules.

use std::net::IpAddr;

use super::matches::Match;
use super::parent_ref::ParentRef;
use super::route_kind::RouteKind;
use super::rule::Rule;
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;

/// A route of one of the kinds.
#[derive(Clone, Debug)]
pub struct ApiRoute {
    /// Its identity.
    pub meta: Meta,
    /// Which of them.
    pub kind: RouteKind,
    /// What it asks to be attached to.
    pub parents: Vec<ParentRef>,
    /// The hosts it is about; none means all that its parents have.
    pub hostnames: Vec<At<String>>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

impl ApiRoute {
    /// A route from the fields of its object.
    pub(in crate::manifest) fn decode(
        kind: RouteKind,
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let what = match kind {
            RouteKind::Http => "an HTTPRoute spec",
            RouteKind::Grpc => "a GRPCRoute spec",
            RouteKind::Tls => "a TLSRoute spec",
            RouteKind::Tcp => "a TCPRoute spec",
        };
        if object.get("spec").is_none() {
            let message = format!("{meta} has no `spec`");
            decoder.report(Note::new(Code::MissingField, message).at(object.span, ""));
            return None;
        }
        let mut spec = object.map("spec", what, decoder)?;
        let parents = spec.list("parentRefs", decoder, ParentRef::decode);
        let hostnames = match kind {
            RouteKind::Tcp => Vec::new(),
            _ => spec.texts("hostnames", decoder),
        };
        for name in &hostnames {
            check(name, decoder);
        }
        let mut rules = spec.list("rules", decoder, |node, decoder| {
            Rule::decode(kind, node, decoder)
        });
        // What the API server fills in: a rule that takes everything, and leads nowhere.
        if spec.get("rules").is_none() && kind == RouteKind::Http && !spec.misspelt("rules") {
            rules.push(Rule {
                matches: vec![Match::everything(spec.span)],
                ..Rule::empty(spec.span)
            });
        }
        spec.ignore(&["useDefaultGateways"]);
        spec.finish(decoder);
        Some(Self {
            meta,
            kind,
            parents,
            hostnames,
            rules,
        })
    }

    /// The route as an object is named: `HTTPRoute default/web`.
    #[must_use]
    pub fn object(&self) -> String {
        self.meta.to_string()
    }
}

/// "1. IPs are not allowed. 2. A hostname may be prefixed with a wildcard label (`*.`)."
pub(super) fn check(name: &At<String>, decoder: &mut Decoder<'_>) {
    let text = &name.value;
    let bare = text.strip_prefix("*.").unwrap_or(text);
    let label = |part: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !part.is_empty()
            && part.chars().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let (message, help) = if text.parse::<IpAddr>().is_ok() {
        (
            format!("the hostname `{text}` is an address"),
            "leave it out to take every host",
        )
    } else if text == "*" {
        (
            "the hostname `*` is not allowed".to_owned(),
            "leave it out to take every host",
        )
    } else if !bare.split('.').all(label) {
        (
            format!("`{text}` is not a valid hostname"),
            "it has neither scheme, port nor path, and a wildcard only as `*.` at its beginning",
        )
    } else {
        return;
    };
    let problem = Note::new(Code::BadHostname, message);
    decoder.report(problem.at(name.span, "").help(help));
}
