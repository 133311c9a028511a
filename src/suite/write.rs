//! A suite of what manifests declare now, so that a later change shows as a case that fails.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::actual::{Actual, Passes};
use super::check::NO_RULE;
use super::world::World;
use crate::route::{Origin, Probe, Proxy, Vantage};
use crate::split::{Target, TargetShare};

/// A suite that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The text of the file.
    pub text: String,
    /// How many cases it has.
    pub cases: usize,
}

/// Writes the suite of what becomes of requests from a place, or from everywhere. `manifests` are the paths that it names.
#[must_use]
pub fn write(world: &World, manifests: &[String], from: Option<&Vantage>) -> Written {
    let mut text = String::from(
        "# What the manifests declared when `resplit test --init` wrote this: a change of a rule shows as a case that fails.\n\
         # strict: what a case does not mention, such as a rewrite or a note of `resplit explain`, must not be there.\n\
         strict: true\nmanifests:\n",
    );
    for path in manifests {
        let _ = writeln!(text, "- {}", scalar(path));
    }
    text.push_str("cases:\n");
    let mut cases = 0;
    let mut names: HashMap<String, usize> = HashMap::new();
    for request in world.requests(from) {
        let vantage = request.from.clone().dialling(&request.probe);
        let Ok(actual) = world.actual(&vantage, &request.probe) else {
            continue;
        };
        cases += 1;
        // Whoever keeps results tells cases apart by their names.
        let number = names.entry(request.name.clone()).or_default();
        *number += 1;
        let name = match number {
            1 => request.name,
            number => format!("{} ({number})", request.name),
        };
        let _ = writeln!(text, "- name: {}", scalar(&name));
        if let Some(from) = place(&request.from) {
            let _ = writeln!(text, "  from: {from}");
        }
        let _ = writeln!(text, "  request: {}", sent(&request.probe));
        text.push_str("  expect:\n");
        expectation(&actual, &mut text);
    }
    if cases == 0 {
        text.push_str("  []\n");
    }
    Written { text, cases }
}

fn expectation(actual: &Actual, text: &mut String) {
    let rule = actual.rule.as_ref();
    let rule = rule.map_or_else(
        || NO_RULE.to_owned(),
        |rule| format!("{} {}", rule.object, rule.label),
    );
    let _ = writeln!(text, "    rule: {}", scalar(&rule));
    if actual.passes == Passes::Through {
        text.push_str("    passes: true\n");
    }
    if !actual.shares.is_empty() {
        text.push_str("    destinations:\n");
        for own in &actual.shares {
            let _ = writeln!(text, "    - {}", target(own));
        }
    }
    if !actual.notes.is_empty() {
        let notes: Vec<&str> = actual.notes.iter().copied().collect();
        let _ = writeln!(text, "    notes: {}", json!(notes));
    }
    for (name, value) in actual.effects.iter().flatten() {
        let _ = writeln!(text, "    {name}: {value}");
    }
}

fn target(own: &TargetShare) -> Json {
    let mut entry = Map::new();
    match &own.target {
        Target::Destination(one) => {
            entry.insert("host".to_owned(), json!(one.host));
            if let Some(port) = one.port {
                entry.insert("port".to_owned(), json!(port));
            }
            if let Some(subset) = &one.subset {
                entry.insert("subset".to_owned(), json!(subset));
            }
        }
        Target::LocalReply(reply) => {
            entry.insert("status".to_owned(), json!(reply.status));
        }
        Target::Named(name) => {
            entry.insert("host".to_owned(), json!(name));
        }
    }
    entry.insert("share".to_owned(), json!(own.share.to_string()));
    Json::Object(entry)
}

/// The request as it is typed.
fn sent(probe: &Probe) -> Json {
    let query = probe
        .query
        .as_ref()
        .map_or_else(String::new, |query| format!("?{query}"));
    let host = if probe.address.contains(':') {
        format!("[{}]", probe.address)
    } else {
        probe.address.clone()
    };
    let url = format!(
        "{}://{host}:{}{}{query}",
        probe.scheme, probe.port, probe.path
    );
    let mut entry = Map::new();
    entry.insert("url".to_owned(), json!(url));
    if probe.method != "GET" {
        entry.insert("method".to_owned(), json!(probe.method));
    }
    let usual = url.parse().ok().and_then(|url| Probe::new("GET", &url));
    if usual.is_none_or(|usual| usual.authority != probe.authority) {
        entry.insert("host".to_owned(), json!(probe.authority));
    }
    if !probe.headers.is_empty() {
        let mut headers: Map<String, Json> = Map::new();
        for (name, value) in &probe.headers {
            match headers.get_mut(name) {
                None => drop(headers.insert(name.clone(), json!(value))),
                Some(Json::Array(values)) => values.push(json!(value)),
                Some(first) => *first = json!([first.clone(), value]),
            }
        }
        entry.insert("headers".to_owned(), Json::Object(headers));
    }
    Json::Object(entry)
}

/// The place as `from` has it; none for a client with a sidecar, wherever the rule is.
fn place(from: &Vantage) -> Option<Json> {
    let mut entry = Map::new();
    match &from.origin {
        Origin::Gateway { namespace, name } => {
            entry.insert("gateway".to_owned(), json!(format!("{namespace}/{name}")));
        }
        Origin::Mesh {
            namespace,
            labels,
            proxy,
        } => {
            if let Some(namespace) = namespace {
                entry.insert("namespace".to_owned(), json!(namespace));
            }
            if let Some(labels) = labels {
                entry.insert("labels".to_owned(), json!(labels));
            }
            if *proxy == Proxy::Waypoint {
                entry.insert("waypoint".to_owned(), json!(true));
            }
        }
    }
    if let Some(version) = from.istio {
        entry.insert("istioVersion".to_owned(), json!(version.to_string()));
    }
    (!entry.is_empty()).then_some(Json::Object(entry))
}

/// A text as YAML has it: in quotes unless nothing in it could mean something else.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " ./_-()[]".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let ends = text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == ')' || c == ']');
    if begins && ends && text.chars().all(plain) && text.contains([' ', '/', '.']) {
        return text.to_owned();
    }
    Json::from(text).to_string()
}
