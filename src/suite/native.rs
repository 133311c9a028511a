//! Suites of resplit: `cases` with `request` and `expect`.

use std::collections::BTreeMap;

use serde_json::Map;

use super::case::{Case, Expect, HttpVersion, LiveAddress, Suite};
use super::effects::EFFECTS;
use super::expectation::{Expectation, WantedTarget};
use crate::diag::{Code, Note, Sources, Span};
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::yaml::{Node, Scalar, json};
use crate::route::{Implementation, Origin, Probe, Proxy, Vantage};
use crate::split::Share;

/// Reads a suite; what is wrong with it is reported.
pub(super) fn suite(
    node: &Node<'_>,
    sources: &Sources,
    decoder: &mut Decoder<'_>,
) -> Option<Suite> {
    let mut fields = decoder.map(node, "a suite")?;
    let manifests = fields.texts("manifests", decoder);
    let strict = fields.boolean("strict", decoder);
    let from = fields.get("from").and_then(|node| vantage(node, decoder));
    let live = live_address(&mut fields, decoder);
    let cases = fields.list("cases", decoder, |node, decoder| {
        case(node, (from.as_ref(), &live), sources, decoder)
    });
    fields.finish(decoder);
    Some(Suite {
        manifests: manifests.into_iter().map(|path| path.value).collect(),
        strict: strict.is_some_and(|strict| strict.value),
        cases,
    })
}

fn case(
    node: &Node<'_>,
    (from, of_all): (Option<&Vantage>, &LiveAddress),
    sources: &Sources,
    decoder: &mut Decoder<'_>,
) -> Option<Case> {
    let mut fields = decoder.map(node, "a case")?;
    let name = fields.required("name", decoder);
    let own = fields.get("from").and_then(|node| vantage(node, decoder));
    let live = live_address(&mut fields, decoder);
    for (key, message) in [
        ("request", "a case needs a `request`"),
        ("expect", "a case needs an `expect`"),
    ] {
        if fields.get(key).is_none() && !fields.misspelt(key) {
            missing(message, fields.span, decoder);
        }
    }
    let probe = fields.get("request").map(|node| request(node, decoder));
    let expect = fields.get("expect").map(|node| expectation(node, decoder));
    fields.finish(decoder);
    Some(Case {
        name: name?.value,
        line: sources.position(node.span).0,
        from: own
            .or_else(|| from.cloned())
            .or_else(|| Some(Vantage::mesh(None, None))),
        probe: probe??,
        live: LiveAddress {
            address: live.address.or_else(|| of_all.address.clone()),
            version: live.version.or(of_all.version),
        },
        expect: Expect::Native(Box::new(expect??)),
    })
}

/// `address` and `http`: how requests are sent.
fn live_address(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> LiveAddress {
    let address = fields.text("address", decoder);
    let version = fields.integer("http", 1..=2, decoder);
    LiveAddress {
        address: address.map(|address| address.value),
        version: version.map(|version| match version.value {
            2 => HttpVersion::Http2,
            _ => HttpVersion::Http1,
        }),
    }
}

fn missing(message: &str, span: Span, decoder: &mut Decoder<'_>) {
    decoder.report(Note::new(Code::MissingField, message).at(span, ""));
}

/// `from`: where requests start.
fn vantage(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Vantage> {
    let mut fields = decoder.map(node, "a vantage")?;
    let namespace = fields.text("namespace", decoder);
    let labels = fields.labels("labels", decoder);
    let gateway = fields.text("gateway", decoder);
    let waypoint = fields.boolean("waypoint", decoder);
    let istio = fields.text("istioVersion", decoder);
    let implementation = fields.choice(
        "implementation",
        &["istio", "envoy-gateway", "spec"],
        decoder,
    );
    fields.finish(decoder);
    let origin = match gateway {
        Some(gateway) => {
            let Some((namespace, name)) = gateway.value.split_once('/') else {
                let message = format!("the gateway `{}` names no namespace", gateway.value);
                let problem = Note::new(Code::BadHost, message).at(gateway.span, "");
                decoder.report(problem.help("write it as NAMESPACE/NAME"));
                return None;
            };
            Origin::Gateway {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }
        }
        None => Origin::Mesh {
            namespace: namespace.map(|namespace| namespace.value),
            labels: (!labels.is_empty()).then_some(labels),
            proxy: if waypoint.is_some_and(|waypoint| waypoint.value) {
                Proxy::Waypoint
            } else {
                Proxy::Sidecar
            },
        },
    };
    let version = istio.and_then(|text| {
        let version = text.value.parse().ok();
        if version.is_none() {
            let message = format!("`{}` is not a version of Istio such as 1.24", text.value);
            decoder.report(Note::new(Code::UnknownValue, message).at(text.span, ""));
        }
        version
    });
    Some(Vantage {
        istio: version,
        implementation: implementation.map(|word| match word.value {
            "istio" => Implementation::Istio,
            "envoy-gateway" => Implementation::EnvoyGateway,
            _ => Implementation::Spec,
        }),
        ..Vantage::at(origin)
    })
}

/// A URL, or a map with one.
fn request(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Probe> {
    if let Some(Scalar::Text(url)) = node.scalar() {
        return probe("GET", url, node.span, decoder);
    }
    let mut fields = decoder.map(node, "a request")?;
    let url = fields.required("url", decoder);
    let method = fields.text("method", decoder);
    let host = fields.text("host", decoder);
    let headers = fields.get("headers").map(|node| headers(node, decoder));
    fields.finish(decoder);
    let url = url?;
    let method = method.map_or_else(|| "GET".to_owned(), |method| method.value);
    let probe = probe(&method, &url.value, url.span, decoder)?;
    let probe = match host {
        Some(host) => probe.with_host(host.value),
        None => probe,
    };
    Some(Probe {
        headers: headers.unwrap_or_default(),
        ..probe
    })
}

/// A map of names and values, or of lists of values for headers that are sent several times.
fn headers(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Vec<(String, String)> {
    let crate::manifest::yaml::Value::Map(entries) = &node.value else {
        decoder.map(node, "headers");
        return Vec::new();
    };
    let mut headers = Vec::new();
    for entry in entries {
        let values = match &entry.value.value {
            crate::manifest::yaml::Value::List(items) => items.iter().collect(),
            _ => vec![&entry.value],
        };
        for value in values {
            if let Some(text) = decoder.text(value, &entry.key) {
                headers.push((entry.key.to_string(), text.value));
            }
        }
    }
    headers
}

/// The request for a URL.
fn probe(method: &str, url: &str, span: Span, decoder: &mut Decoder<'_>) -> Option<Probe> {
    let parsed = url.parse().ok().and_then(|uri| Probe::new(method, &uri));
    if parsed.is_none() {
        let message = format!("`{url}` is not an absolute URL");
        let problem = Note::new(Code::UnknownValue, message).at(span, "");
        decoder.report(problem.help("write it as http://reviews:9080/path"));
    }
    parsed
}

fn expectation(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Expectation> {
    let mut fields = decoder.map(node, "an expectation")?;
    let rule = fields.text("rule", decoder).map(|rule| rule.value);
    let destination = fields.text("destination", decoder);
    let destinations = fields
        .get("destinations")
        .is_some()
        .then(|| fields.list("destinations", decoder, wanted));
    let shares = fields.get("shares").and_then(|node| shares(node, decoder));
    let status = fields.integer("status", 100..=599, decoder);
    let passes = fields.boolean("passes", decoder);
    let asked = fields.get("notes").is_some();
    let notes = fields.texts("notes", decoder);
    let mut effects = Map::new();
    for name in EFFECTS {
        if let Some(node) = fields.get(name) {
            effects.insert(name.to_owned(), json(node));
        }
    }
    // That something must not be there is said with `none`.
    for name in EFFECTS {
        if effects.get(name).is_some_and(|value| value == "none") {
            effects.insert(name.to_owned(), serde_json::Value::Null);
        }
    }
    fields.finish(decoder);
    let only = destination.map(|name| vec![(name.value, Share::ONE)]);
    Some(Expectation {
        rule,
        destinations,
        shares: shares.or(only),
        status: status.and_then(|status| u16::try_from(status.value).ok()),
        passes: passes.map(|passes| passes.value),
        notes: asked.then(|| notes.into_iter().map(|note| note.value).collect()),
        effects,
    })
}

fn wanted(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<WantedTarget> {
    let mut fields = decoder.map(node, "a destination")?;
    let host = fields.text("host", decoder);
    let port = fields.port("port", decoder);
    let subset = fields.text("subset", decoder);
    // A dump may have a reply without a status, which its proxy would not take.
    let status = fields.integer("status", 0..=599, decoder);
    let share = share(&mut fields, decoder);
    if host.is_none() == status.is_none() {
        missing(
            "a destination has either a `host` or a `status`",
            fields.span,
            decoder,
        );
    }
    fields.finish(decoder);
    Some(WantedTarget {
        host: host.map(|host| host.value),
        port: port.map(|port| port.value),
        subset: subset.map(|subset| subset.value),
        status: status.and_then(|status| u16::try_from(status.value).ok()),
        share: share?,
    })
}

/// `share: 9/10`; all of it where none is written.
fn share(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Share> {
    let Some(text) = fields.text("share", decoder) else {
        return Some(Share::ONE);
    };
    let share = text.value.parse().ok();
    if share.is_none() {
        let message = format!("`{}` is not a share such as 9/10", text.value);
        decoder.report(Note::new(Code::UnknownValue, message).at(text.span, ""));
    }
    share
}

/// `{v1: 90, v2: 10}`: weights by short names.
fn shares(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Vec<(String, Share)>> {
    let crate::manifest::yaml::Value::Map(entries) = &node.value else {
        decoder.map(node, "shares");
        return None;
    };
    let mut weights = BTreeMap::new();
    for entry in entries {
        let weight = decoder.integer(&entry.value, &entry.key, 0..=i64::from(u32::MAX))?;
        weights.insert(entry.key.to_string(), u64::try_from(weight.value).ok()?);
    }
    let total: u64 = weights.values().sum();
    if total == 0 {
        missing("the weights of `shares` add up to 0", node.span, decoder);
        return None;
    }
    let share = |(name, weight): (String, u64)| Some((name, Share::new(weight, total)?));
    weights.into_iter().map(share).collect()
}
