//! The rules of manifests as they are written, found by where they begin: what they do beside choosing destinations stands there.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::diag::{Sources, Span};
use crate::manifest::yaml::{Node, Scalar, Value, documents, json};

/// A rule as it is written.
#[derive(Clone, Debug)]
pub(super) struct RuleText {
    /// `VirtualService default/reviews`
    pub(super) object: String,
    /// `http[0]`
    pub(super) rule: String,
    /// What it says.
    pub(super) text: Json,
    /// The delegate that it leaves its requests to.
    pub(super) delegate: Option<String>,
}

/// The rules of all texts.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleTexts {
    rules: BTreeMap<Span, RuleText>,
}

/// The kinds with rules, the field that holds them, and whether they are those of Istio.
const KINDS: [(&str, &str, &str); 3] = [
    ("networking.istio.io", "VirtualService", "http"),
    ("gateway.networking.k8s.io", "HTTPRoute", "rules"),
    ("gateway.networking.k8s.io", "GRPCRoute", "rules"),
];

impl RuleTexts {
    /// Reads all texts.
    pub(super) fn new(sources: &Sources) -> Self {
        let mut found = Self::default();
        for (id, source) in sources.iter() {
            documents(id, source.text(), &mut Vec::new(), &mut |document, _| {
                found.object(&document);
            });
        }
        found
    }

    /// The rule that begins at a place.
    pub(super) fn at(&self, span: Span) -> Option<&RuleText> {
        self.rules.get(&span)
    }

    /// All rules with their places, but for those that leave their requests to a delegate.
    pub(super) fn all(&self) -> impl Iterator<Item = (Span, &RuleText)> {
        let own = self
            .rules
            .iter()
            .filter(|(_, rule)| rule.delegate.is_none());
        own.map(|(span, rule)| (*span, rule))
    }

    /// The rules that leave their requests to an object.
    pub(super) fn delegating_to(&self, object: &str) -> Vec<&RuleText> {
        let all = self.rules.values();
        all.filter(|rule| rule.delegate.as_deref() == Some(object))
            .collect()
    }

    fn object(&mut self, node: &Node<'_>) {
        let word = |node: &Node<'_>, key: &str| match node.get(key)?.scalar()? {
            Scalar::Text(text) => Some(text.to_owned()),
            _ => None,
        };
        let kind = word(node, "kind").unwrap_or_default();
        if kind.ends_with("List") {
            for item in list(node, "items") {
                self.object(item);
            }
            return;
        }
        let version = word(node, "apiVersion").unwrap_or_default();
        let group = version.split('/').next().unwrap_or_default();
        let known = KINDS
            .iter()
            .find(|(own, name, _)| *own == group && *name == kind);
        let (Some((_, _, field)), Some(meta), Some(spec)) =
            (known, node.get("metadata"), node.get("spec"))
        else {
            return;
        };
        let home = word(meta, "namespace").unwrap_or_else(|| "default".to_owned());
        let Some(name) = word(meta, "name") else {
            return;
        };
        for (at, rule) in list(spec, field).iter().enumerate() {
            let delegate = rule.get("delegate").and_then(|delegate| {
                let name = word(delegate, "name")?;
                let namespace = word(delegate, "namespace").filter(|name| !name.is_empty());
                let namespace = namespace.unwrap_or_else(|| home.clone());
                Some(format!("{kind} {namespace}/{name}"))
            });
            let text = RuleText {
                object: format!("{kind} {home}/{name}"),
                rule: format!("{field}[{at}]"),
                text: json(rule),
                delegate,
            };
            self.rules.insert(rule.span, text);
        }
    }
}

/// The items of a list, none where there is no list.
fn list<'n, 's>(node: &'n Node<'s>, key: &str) -> &'n [Node<'s>] {
    match node.get(key).map(|list| &list.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}
