//! `OpenShift`: the weights of a `Route`. Not: how its router balances inside a backend.

use super::{
    Declared, Host, HostName, Rule, Weighted, below, condition, length, required, weight, whole,
};
use crate::diag::{Code, Span};
use crate::manifest::Dialect;
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Value};
use crate::route::{Caveat, Test};
use crate::split::Mechanism;

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[route("route.openshift.io"), route("")];

const fn route(group: &'static str) -> Dialect {
    Dialect {
        group,
        versions: &["v1"],
        kind: "Route",
        decode: |meta, fields, decoder, to| to.foreign.extend(decode(meta, fields, decoder)),
    }
}

const BALANCE: &str = "haproxy.router.openshift.io/balance";
const COOKIES: &str = "haproxy.router.openshift.io/disable_cookies";

fn decode(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let mut spec = object.map("spec", "a Route spec", decoder)?;
    let before = decoder.count();
    if spec.get("to").is_none() {
        required(&mut spec, "to", decoder);
        return None;
    }
    let place = spec.place("to").unwrap_or(spec.span);
    let first = spec.get("to")?;
    let others = spec.items("alternateBackends", decoder);
    let nodes = std::iter::once(first).chain(others);
    let parts: Vec<Weighted> = nodes
        .filter_map(|node| backend(node, &meta.namespace, decoder))
        .collect();
    spec.misspellings(&["alternateBackends"], decoder);
    let host = spec.text("host", decoder);
    let path = spec.text("path", decoder);
    let parts = (decoder.count() == before)
        .then(|| whole(parts, place, decoder))
        .flatten()?;
    let mut rule = Rule::new("spec.to", place, parts);
    rule.mechanism = Mechanism::Wrr;
    if let Some(path) = path.filter(|path| !path.value.is_empty()) {
        rule.rank = vec![length(&path.value)];
        let test = Test::Path(below(&path.value));
        rule.conditions.push(condition("path", path.span, test));
    }
    if rule.backends.len() > 1 {
        rule.caveats = balancing(object.get("metadata"), place);
    }
    let (name, span) = match host.filter(|host| !host.value.is_empty()) {
        Some(host) => (host.value, host.span),
        None => ("*".to_owned(), meta.span),
    };
    let wildcard = spec.text("wildcardPolicy", decoder);
    let name = match (wildcard, name.split_once('.')) {
        (Some(policy), Some((_, domain))) if policy.value == "Subdomain" => format!("*.{domain}"),
        _ => name,
    };
    let host = Host::new(HostName::Dns(name), span, vec![rule]);
    Some(Declared::routes(meta, vec![host]))
}

fn backend(node: &Node<'_>, namespace: &str, decoder: &mut Decoder<'_>) -> Option<Weighted> {
    let mut item = decoder.map(node, "a backend")?;
    let name = required(&mut item, "name", decoder);
    let (weight, span) = weight(&mut item, 100, 256, decoder)?;
    Some(Weighted::new(name?.value, namespace, weight, span))
}

/// What keeps the router from handing out requests by weight.
fn balancing(metadata: Option<&Node<'_>>, place: Span) -> Vec<Caveat> {
    let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
    let annotation = |key: &str| {
        let node = annotations.and_then(|annotations| annotations.get(key))?;
        match &node.value {
            Value::Scalar { text, .. } => Some((text.to_string(), node.span)),
            _ => None,
        }
    };
    let mut caveats = Vec::new();
    match annotation(BALANCE) {
        Some((balance, _)) if balance == "roundrobin" => {}
        Some((balance, span)) => {
            let message = format!(
                "weights only: balancing by `{balance}` does not follow them request by request"
            );
            let caveat = Caveat::about(Code::Balancing, message, Some(span));
            caveats.push(caveat.help(format!("set the annotation `{BALANCE}: roundrobin`")));
        }
        None => {
            let message = format!(
                "the router follows weights where it balances by round robin, which the annotation \
                 `{BALANCE}: roundrobin` makes sure of"
            );
            caveats.push(Caveat::about(Code::Balancing, message, Some(place)));
        }
    }
    if annotation(COOKIES).is_none_or(|(disable, _)| !disable.eq_ignore_ascii_case("true")) {
        let message = "a client that sends the router's cookie back stays with its pod: weights hold for requests without it";
        caveats.push(Caveat::about(Code::Sticky, message, Some(place)));
    }
    caveats
}
