//! Attached objects from nodes. What is not understood in them is left alone: these kinds are read for what they select.

use std::collections::BTreeMap;

use super::access::Access;
use super::nodes::{items, text};
use super::peer_authentication::PeerAuthentication;
use super::{Attached, Body, Effect, Target};
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Value};

/// Fields of a spec that say what is selected, and not what is done.
const SELECTING: [&str; 6] = [
    "targetRef",
    "targetRefs",
    "targetSelectors",
    "selector",
    "workloadSelector",
    "podSelector",
];

/// An object of a group, if it is attached to something.
pub(in crate::manifest) fn read(node: &Node<'_>, group: &str, meta: Meta) -> Option<Attached> {
    let spec = node.get("spec");
    let targets = spec.map_or_else(Vec::new, targets);
    let effect = Effect::of(group, &meta.kind, !targets.is_empty())?;
    let patches = group == "networking.istio.io" && effect == Effect::Patch;
    let by_labels = effect.by_labels() || patches;
    Some(Attached {
        meta,
        selector: by_labels.then(|| spec.map_or_else(BTreeMap::new, selector)),
        body: body(effect, spec, patches),
        effect,
        targets,
    })
}

fn body(effect: Effect, spec: Option<&Node<'_>>, patches: bool) -> Body {
    match effect {
        Effect::Access => Body::Access(Access::read(spec)),
        Effect::PeerTls => Body::Peer(PeerAuthentication::read(spec)),
        Effect::Patch if patches => Body::Contexts(spec.map_or_else(Vec::new, contexts)),
        Effect::Guard | Effect::Door | Effect::Extension => {
            Body::Settings(spec.map_or_else(Vec::new, settings))
        }
        _ => Body::Settings(Vec::new()),
    }
}

fn labels(node: &Node<'_>) -> BTreeMap<String, String> {
    let Value::Map(entries) = &node.value else {
        return BTreeMap::new();
    };
    let pairs = entries.iter();
    pairs
        .filter_map(|entry| Some((entry.key.to_string(), text(&entry.value)?)))
        .collect()
}

/// The labels of the pods; none where all are meant.
fn selector(spec: &Node<'_>) -> BTreeMap<String, String> {
    let own = ["selector", "workloadSelector", "podSelector"];
    let selector = own.iter().find_map(|key| spec.get(key));
    let given = selector.and_then(|node| node.get("matchLabels").or_else(|| node.get("labels")));
    given.map_or_else(BTreeMap::new, labels)
}

fn targets(spec: &Node<'_>) -> Vec<Target> {
    let referred = |node: &Node<'_>| {
        let of = |key: &str| node.get(key).and_then(text);
        Some(Target {
            kind: of("kind")?,
            name: Some(of("name")?),
            section: of("sectionName"),
            labels: BTreeMap::new(),
        })
    };
    let selected = |node: &Node<'_>| {
        Some(Target {
            kind: node.get("kind").and_then(text)?,
            name: None,
            section: None,
            labels: node.get("matchLabels").map_or_else(BTreeMap::new, labels),
        })
    };
    let one = spec.get("targetRef").and_then(referred);
    let several = items(spec, "targetRefs").iter().filter_map(referred);
    let by_labels = items(spec, "targetSelectors").iter().filter_map(selected);
    one.into_iter().chain(several).chain(by_labels).collect()
}

/// Where the patches of an `EnvoyFilter` apply; none where one applies everywhere.
fn contexts(spec: &Node<'_>) -> Vec<String> {
    let patches = items(spec, "configPatches").iter();
    let context = |patch: &Node<'_>| {
        let context = patch.get("match").and_then(|one| one.get("context"));
        context.and_then(text).unwrap_or_else(|| "ANY".to_owned())
    };
    patches.map(context).collect()
}

/// The names of what is set.
fn settings(spec: &Node<'_>) -> Vec<String> {
    let Value::Map(entries) = &spec.value else {
        return Vec::new();
    };
    let names = entries.iter().map(|entry| entry.key.to_string());
    names
        .filter(|name| !SELECTING.contains(&name.as_str()))
        .collect()
}
