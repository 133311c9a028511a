//! Kuma and Kong Mesh: the weights of `MeshHTTPRoute`. Not: filters, nor which proxies a route is for.

use super::{
    Declared, Host, HostName, Rule, Weighted, backends, below, condition, length, not_judged, port,
    required, unread, weight,
};
use crate::diag::{Code, Span};
use crate::manifest::Dialect;
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Value};
use crate::route::{Caveat, Condition, HeaderTest, Test, TextMatch};

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[Dialect {
    group: "kuma.io",
    versions: &["v1alpha1"],
    kind: "MeshHTTPRoute",
    decode: |meta, fields, decoder, to| to.foreign.extend(decode(meta, fields, decoder)),
}];

/// The rank of a match that asks for nothing, which is the path prefix `/`.
const ANY: [i64; 5] = [2, 1, 0, 0, 0];

fn decode(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let mut spec = object.map("spec", "a MeshHTTPRoute spec", decoder)?;
    let mut shared = Vec::new();
    if let Some(mut target) = spec.map("targetRef", "a target", decoder) {
        let whole = target
            .text("kind", decoder)
            .is_none_or(|kind| kind.value == "Mesh");
        if let (false, Some(span)) = (whole, spec.place("targetRef")) {
            let message =
                "weights only: the route is for some proxies, and which ones is not judged";
            shared.push(Caveat::about(Code::NotJudged, message, Some(span)));
        }
    }
    let mut hosts = Vec::new();
    for (index, node) in spec.items("to", decoder).iter().enumerate() {
        let Some(mut to) = decoder.map(node, "an item of `to`") else {
            continue;
        };
        let names = names(&mut to, &meta, node.span, decoder);
        let mut rules = Vec::new();
        for (number, node) in to.items("rules", decoder).iter().enumerate() {
            let label = format!("spec.to[{index}].rules[{number}]");
            rules.extend(rule(node, &label, &meta, decoder).into_iter().flatten());
        }
        hosts.extend(names.into_iter().map(|(name, span)| Host {
            caveats: shared.clone(),
            ..Host::new(name, span, rules.clone())
        }));
    }
    Some(Declared::routes(meta, hosts))
}

/// The hosts of an item of `to`: those it lists, else its service.
fn names(
    to: &mut Fields<'_, '_>,
    meta: &Meta,
    place: Span,
    decoder: &mut Decoder<'_>,
) -> Vec<(HostName, Span)> {
    let listed = to.texts("hostnames", decoder);
    if !listed.is_empty() {
        let dns = listed.into_iter();
        return dns
            .map(|host| (HostName::Dns(host.value), host.span))
            .collect();
    }
    let any = || vec![(HostName::Dns("*".to_owned()), place)];
    let Some(mut target) = to.map("targetRef", "a target", decoder) else {
        return any();
    };
    let Some((service, namespace, _)) = service(&mut target, meta, decoder) else {
        return any();
    };
    vec![(HostName::Service(service, namespace), target.span)]
}

/// Name, namespace and port of a reference; older ones are one word, `backend_kuma-demo_svc_3001`.
fn service(
    reference: &mut Fields<'_, '_>,
    meta: &Meta,
    decoder: &mut Decoder<'_>,
) -> Option<(String, String, Option<u16>)> {
    let name = if let Some(name) = reference.text("name", decoder) {
        name.value
    } else {
        let mut labels = reference.labels("labels", decoder);
        labels.remove("kuma.io/display-name")?
    };
    let namespace = reference.text("namespace", decoder);
    if let [service, namespace, "svc", port] = name.split('_').collect::<Vec<_>>()[..] {
        return Some((service.to_owned(), namespace.to_owned(), port.parse().ok()));
    }
    let namespace = namespace.map_or_else(|| meta.namespace.clone(), |namespace| namespace.value);
    Some((name, namespace, port(reference, decoder)))
}

/// A rule, once for each of its matches.
fn rule(node: &Node<'_>, label: &str, meta: &Meta, decoder: &mut Decoder<'_>) -> Option<Vec<Rule>> {
    let mut item = decoder.map(node, "a rule")?;
    let mut default = item.map("default", "a `default`", decoder)?;
    let mut caveats = Vec::new();
    not_judged(&mut default, &["filters"], &mut caveats);
    if default.get("backendRefs").is_none() {
        default.misspellings(&["backendRefs"], decoder);
        return None;
    }
    let found = backends(&mut default, "backendRefs", decoder, |node, decoder| {
        backend(node, meta, decoder)
    })?;
    let base = Rule {
        caveats,
        rank: ANY.to_vec(),
        ..Rule::new(label, node.span, found)
    };
    let matches = item.items("matches", decoder);
    if matches.is_empty() {
        return Some(vec![base]);
    }
    let several = matches.len() > 1;
    let one = |(number, node): (usize, &Node<'_>)| {
        let (conditions, rank) = conditions(node, decoder)?;
        Some(Rule {
            alternative: several.then(|| format!("matches[{number}]")),
            conditions,
            rank,
            ..base.clone()
        })
    };
    Some(matches.iter().enumerate().filter_map(one).collect())
}

fn backend(node: &Node<'_>, meta: &Meta, decoder: &mut Decoder<'_>) -> Option<Weighted> {
    let mut item = decoder.map(node, "a backend")?;
    let (weight, span) = weight(&mut item, 1, i64::from(u32::MAX), decoder)?;
    let Some((service, namespace, port)) = service(&mut item, meta, decoder) else {
        required(&mut item, "name", decoder);
        return None;
    };
    let tags = item.labels("tags", decoder);
    let mut found = Weighted::new(service, &namespace, weight, span);
    found.port = port;
    if !tags.is_empty() {
        let pairs: Vec<String> = tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        found.subset = Some(match tags.get("version") {
            Some(version) if tags.len() == 1 => version.clone(),
            _ => pairs.join(","),
        });
        found.clues.labels.extend(tags.into_values());
    }
    Some(found)
}

/// The conditions of a match and their rank: path, then method, then how many headers, then how many parameters.
fn conditions(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<(Vec<Condition>, Vec<i64>)> {
    let mut item = decoder.map(node, "a match")?;
    let mut found = Vec::new();
    let mut rank = ANY.to_vec();
    if let Some(mut path) = item.map("path", "a path match", decoder) {
        let kind = required(&mut path, "type", decoder)?;
        let value = required(&mut path, "value", decoder)?;
        rank[1] = length(&value.value);
        let text = match kind.value.as_str() {
            "Exact" => (3, TextMatch::exact(value.value)),
            "PathPrefix" => (2, below(&value.value)),
            _ => {
                rank[0] = 1;
                found.push(unread("path", value.span));
                (1, TextMatch::Present)
            }
        };
        if text.0 > 1 {
            rank[0] = text.0;
            found.push(condition("path", value.span, Test::Path(text.1)));
        }
    }
    if let Some(method) = item.text("method", decoder) {
        rank[2] = 1;
        let test = Test::Method(TextMatch::exact(method.value));
        found.push(condition("method", method.span, test));
    }
    for node in item.items("headers", decoder) {
        rank[3] += 1;
        found.extend(header(node, decoder));
    }
    if let Some(node) = item.get("queryParams") {
        if let Value::List(items) = &node.value {
            rank[4] = i64::try_from(items.len()).unwrap_or(i64::MAX);
        }
        found.push(unread("queryParams", node.span));
    }
    Some((found, rank))
}

fn header(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Condition> {
    let mut item = decoder.map(node, "a header match")?;
    let name = required(&mut item, "name", decoder)?;
    let field = format!("headers.{}", name.value);
    let kind = item.text("type", decoder);
    let value = item.text("value", decoder).map(|value| value.value);
    let value = value.unwrap_or_default();
    let name = name.value.to_lowercase();
    let test = match kind.as_ref().map_or("Exact", |kind| &kind.value) {
        "Exact" => HeaderTest::with(name, TextMatch::exact(value)),
        "Prefix" => HeaderTest::with(name, TextMatch::prefix(value)),
        "Present" => HeaderTest::with(name, TextMatch::Present),
        "Absent" => HeaderTest::without(name, TextMatch::Present),
        _ => return Some(unread(&field, node.span)),
    };
    Some(condition(field, node.span, Test::Header(test)))
}
