//! ingress-nginx: an Ingress as written, with the annotations that make it the canary of another one.

use super::conditions::{assumed_condition, below, condition, length};
use super::declaration::{Canary, Declared, Host, HostName, Role, Rule, Settings};
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::dialect::Dialect;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::weighted_backend::{WeightedBackend, required};
use crate::manifest::yaml::{Node, Scalar, Value};
use crate::manifest::{Manifests, not_read};
use crate::route::{Condition, HeaderTest, Test, TextMatch};

pub(in crate::manifest) const DIALECTS: &[Dialect] =
    &[ingress("networking.k8s.io"), ingress("extensions")];

const fn ingress(group: &'static str) -> Dialect {
    Dialect {
        group,
        versions: &["v1", "v1beta1"],
        kind: "Ingress",
        decode: |meta, fields, decoder, to| {
            inert(&meta, fields, to, decoder);
            to.canaries.extend(decode(meta, fields, decoder));
        },
    }
}

const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// Weights in annotations that ingress-nginx does not look at.
fn inert(meta: &Meta, object: &mut Fields<'_, '_>, to: &mut Manifests, decoder: &mut Decoder<'_>) {
    let metadata = object.get("metadata");
    let Some(node) = metadata.and_then(|metadata| metadata.get("annotations")) else {
        return;
    };
    not_read::annotations(node, meta, to, decoder);
    let annotations = Annotations(Some(node));
    let on = annotations
        .text("canary")
        .is_some_and(|(text, _)| text == "true");
    let Some((_, span)) = annotations.text("canary-weight").filter(|_| !on) else {
        return;
    };
    let message = format!(
        "{meta} is not a canary: `canary-weight` has no effect without the annotation `{PREFIX}canary: \"true\"`"
    );
    let problem = Note::new(Code::CanaryWithoutFlag, message);
    let problem = problem
        .at(span, "")
        .help(format!("add `{PREFIX}canary: \"true\"`"));
    to.not_read.push(problem.clone());
    decoder.report(problem);
}

fn decode(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let annotations = Annotations(
        object
            .get("metadata")
            .and_then(|meta| meta.get("annotations")),
    );
    let canary = annotations
        .text("canary")
        .is_some_and(|(text, _)| text == "true");
    let mut spec = object.map("spec", "an Ingress spec", decoder)?;
    let class = spec.text("ingressClassName", decoder);
    let settings = annotations.settings(class.map(|class| class.value));
    let role = if canary {
        let canary = annotations.canary(settings, meta.span, decoder)?;
        Role::Canary(Box::new(canary))
    } else {
        Role::Primary(settings)
    };
    let mut hosts = Vec::new();
    for (index, node) in spec.items("rules", decoder).iter().enumerate() {
        let Some(mut item) = decoder.map(node, "a rule") else {
            continue;
        };
        let name = item
            .text("host", decoder)
            .filter(|host| !host.value.is_empty());
        let (name, span) = match name {
            Some(name) => (name.value, name.span),
            None => ("*".to_owned(), node.span),
        };
        let Some(mut http) = item.map("http", "`http`", decoder) else {
            continue;
        };
        let mut rules = Vec::new();
        for (number, node) in http.items("paths", decoder).iter().enumerate() {
            let label = format!("spec.rules[{index}].http.paths[{number}]");
            rules.extend(path(node, label, &meta.namespace, decoder));
        }
        if let Some((_, span)) = annotations
            .text("use-regex")
            .filter(|(text, _)| text == "true")
        {
            let unread =
                |rule: &mut Rule| rule.conditions = vec![assumed_condition("use-regex", span)];
            rules.iter_mut().for_each(unread);
        }
        hosts.push(Host::new(HostName::Dns(name), span, rules));
    }
    Some(Declared { meta, role, hosts })
}

fn path(node: &Node<'_>, label: String, home: &str, decoder: &mut Decoder<'_>) -> Option<Rule> {
    let mut item = decoder.map(node, "a path")?;
    let path = item.text("path", decoder);
    let kind = item.text("pathType", decoder);
    let mut backend = item.map("backend", "a backend", decoder)?;
    // Before `v1` the name of the service was a field of its own.
    let (name, port) = match backend.map("service", "a service", decoder) {
        Some(mut service) => {
            let name = required(&mut service, "name", decoder)?;
            let port = service.map("port", "a port", decoder);
            (name, port.and_then(|mut port| port.port("number", decoder)))
        }
        None => (backend.text("serviceName", decoder)?, None),
    };
    let port = port.map(|port| port.value);
    let mut backend = WeightedBackend::new(name.value, home, 1, name.span);
    backend.port = port;
    let mut rule = Rule::new(label, node.span, vec![backend]);
    rule.rank = vec![0, 0];
    let written = path.as_ref().map_or("", |path| path.value.as_str());
    let written = if written.is_empty() { "/" } else { written };
    let path_type = kind.as_ref().map(|kind| kind.value.as_str());
    let path_type = path_type.unwrap_or("ImplementationSpecific");
    rule.key = format!("{written} ({path_type})");
    if let Some(path) = path.filter(|path| !path.value.is_empty()) {
        let (exact, text) = match kind.as_ref().map(|kind| kind.value.as_str()) {
            Some("Exact") => (1, TextMatch::exact(&path.value)),
            Some("Prefix") => (0, below(&path.value)),
            _ => (0, TextMatch::prefix(&path.value)),
        };
        rule.rank = vec![exact, length(&path.value)];
        let on_path = condition("path", path.span, Test::Path(text));
        rule.conditions.push(on_path);
    }
    Some(rule)
}

/// The annotations of an object.
struct Annotations<'n, 's>(Option<&'n Node<'s>>);

impl Annotations<'_, '_> {
    fn text(&self, key: &str) -> Option<(String, Span)> {
        let node = self.0?.get(&format!("{PREFIX}{key}"))?;
        match &node.value {
            Value::Scalar { text, .. } if !text.is_empty() => Some((text.to_string(), node.span)),
            _ => None,
        }
    }

    /// A number, the default where none is written; nothing where something else is.
    fn number(&self, key: &str, default: At<u32>, decoder: &mut Decoder<'_>) -> Option<At<u32>> {
        let Some((text, span)) = self.text(key) else {
            return Some(default);
        };
        if let Ok(value) = text.parse() {
            return Some(At { value, span });
        }
        let message =
            format!("the annotation `{key}` must be a whole number in quotes, not `{text}`");
        decoder.report(Note::new(Code::WrongType, message).at(span, ""));
        None
    }

    /// What every Ingress may say; its class is a field, or the annotation of old.
    fn settings(&self, class: Option<String>) -> Settings {
        let old = || {
            let node = self.0?.get("kubernetes.io/ingress.class")?;
            match &node.value {
                Value::Scalar { text, .. } => Some(text.to_string()),
                _ => None,
            }
        };
        let affinity = self.text("affinity").filter(|(kind, _)| kind == "cookie");
        Settings {
            class: class.or_else(old),
            affinity: affinity.map(|(_, span)| span),
            ignores_affinity: self
                .text("affinity-canary-behavior")
                .is_some_and(|(text, _)| text == "legacy"),
        }
    }

    fn canary(&self, settings: Settings, place: Span, decoder: &mut Decoder<'_>) -> Option<Canary> {
        self.quoted(decoder);
        let overrides = self.overrides(decoder)?;
        let or = |value| At { value, span: place };
        let weight = self.number("canary-weight", or(0), decoder)?;
        let total = self.number("canary-weight-total", or(100), decoder)?;
        let most = total.value;
        if most == 0 {
            let problem = Note::new(Code::ZeroTotal, "the total of the canary's weight is zero");
            let help = "give `canary-weight-total` the number that `canary-weight` is a part of; 100 is the default";
            decoder.report(problem.at(total.span, "").help(help));
            return None;
        }
        if weight.value > most {
            let message = format!("`canary-weight` must be between 0 and {most}");
            let problem = Note::new(Code::OutOfRange, message).at(weight.span, "");
            decoder.report(problem.help("`canary-weight-total` sets what it is a part of"));
            return None;
        }
        Some(Canary {
            settings,
            overrides,
            weight,
            total: most,
        })
    }

    /// "Annotation keys and values can only be strings".
    fn quoted(&self, decoder: &mut Decoder<'_>) {
        let Some(Value::Map(entries)) = self.0.map(|node| &node.value) else {
            return;
        };
        for entry in entries.iter().filter(|entry| entry.key.starts_with(PREFIX)) {
            if !matches!(entry.value.scalar(), Some(Scalar::Text(_))) {
                decoder.text(&entry.value, &entry.key);
            }
        }
    }

    /// Header before cookie; a header is compared with a value, else with a pattern, else with `always` and `never`.
    fn overrides(&self, decoder: &mut Decoder<'_>) -> Option<Vec<(Condition, bool)>> {
        let mut found = Vec::new();
        if let Some((name, span)) = self.text("canary-by-header") {
            let header = |text| Test::Header(HeaderTest::with(name.to_lowercase(), text));
            let mut add = |field, span, text, canary| {
                found.push((condition(field, span, header(text)), canary));
            };
            if let Some((value, span)) = self.text("canary-by-header-value") {
                add(
                    "canary-by-header-value",
                    span,
                    TextMatch::exact(value),
                    true,
                );
            } else if let Some((pattern, span)) = self.text("canary-by-header-pattern") {
                // A pattern need not match all of the value.
                let Ok(text) = TextMatch::regex(&format!("(?s:.*)(?:{pattern})(?s:.*)")) else {
                    let message =
                        format!("the regular expression `{pattern}` does not compile here");
                    decoder.report(Note::new(Code::BadRegex, message).at(span, ""));
                    return None;
                };
                add("canary-by-header-pattern", span, text, true);
            } else {
                add("canary-by-header", span, TextMatch::exact("always"), true);
                add("canary-by-header", span, TextMatch::exact("never"), false);
            }
        }
        if let Some((name, span)) = self.text("canary-by-cookie") {
            for (value, canary) in [("always", true), ("never", false)] {
                let cookie = format!("(?:.*; *)?{}={value}(?:;.*)?", regex::escape(&name));
                let text = TextMatch::regex(&cookie).expect("a name without special characters");
                let header = Test::Header(HeaderTest::with("cookie", text));
                found.push((condition("canary-by-cookie", span, header), canary));
            }
        }
        Some(found)
    }
}
