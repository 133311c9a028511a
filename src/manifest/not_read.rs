//! Weights of objects that are not read: found and named, so that nobody takes them for absent or for judged.

use super::Manifests;
use super::decode::{At, Decoder};
use super::kube::Meta;
use super::yaml::{Entry, Node, Scalar, Value};
use crate::diag::{Code, Note, Span};

/// The fields that hold a weight: `percent` is Knative's.
const WEIGHTS: [&str; 2] = ["weight", "percent"];

/// Lists of preferences for the scheduler of pods have weights too.
const SCHEDULING: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Warns about an object of a kind that is not read if it holds weights.
pub(super) fn weights(
    node: &Node<'_>,
    kind: &At<String>,
    manifests: &mut Manifests,
    decoder: &mut Decoder<'_>,
) {
    let Some(object) = manifests.objects.last() else {
        return;
    };
    let subject = format!("{} {}/{}", kind.value, object.namespace, object.name);
    let Some(spec) = node.get("spec") else { return };
    let found = shared_out(spec).or_else(|| {
        let weight = spec.get("weight")?;
        Some((vec![number(weight)?], weight.span))
    });
    if let Some((weights, span)) = found {
        report(&subject, &weights, span, manifests, decoder);
    }
}

/// The same for the annotations by which controllers of an Ingress share out: AWS's and, of old, Traefik's.
pub(super) fn annotations(
    node: &Node<'_>,
    meta: &Meta,
    manifests: &mut Manifests,
    decoder: &mut Decoder<'_>,
) {
    let Value::Map(entries) = &node.value else {
        return;
    };
    for entry in entries {
        let Value::Scalar { text, .. } = &entry.value.value else {
            continue;
        };
        let weights = if entry.key.starts_with("alb.ingress.kubernetes.io/actions.") {
            digits_after(text, "\"weight\"")
        } else if entry.key == "traefik.ingress.kubernetes.io/service-weights" {
            digits_after(text, ":")
        } else {
            continue;
        };
        if weights.len() > 1 {
            let subject = format!("the annotation `{}` of {meta}", entry.key);
            report(&subject, &weights, entry.key_span, manifests, decoder);
        }
    }
}

fn report(
    subject: &str,
    weights: &[String],
    span: Span,
    manifests: &mut Manifests,
    decoder: &mut Decoder<'_>,
) {
    let message = match weights {
        _ if subject.starts_with("UDPRoute ") => {
            format!(
                "{subject} is about UDP: no HTTP request meets its weights {}",
                weights.join("/")
            )
        }
        [weight] => format!("{subject} is not read: its weight {weight} is not judged"),
        _ => format!(
            "{subject} is not read: its weights {} are not judged",
            weights.join("/")
        ),
    };
    let problem = Note::new(Code::NotRead, message)
        .at(span, "")
        .help("say them with --expect NAME=WEIGHT,…");
    manifests.not_read.push(problem.clone());
    decoder.report(problem);
}

/// The first list in which several items have a weight.
fn shared_out(node: &Node<'_>) -> Option<(Vec<String>, Span)> {
    match &node.value {
        Value::Scalar { .. } => None,
        Value::Map(entries) => entries.iter().find_map(in_entry),
        Value::List(items) => items.iter().find_map(shared_out),
    }
}

fn in_entry(entry: &Entry<'_>) -> Option<(Vec<String>, Span)> {
    if entry.key == SCHEDULING {
        return None;
    }
    if let Value::List(items) = &entry.value.value {
        let weight = |item: &Node<'_>| WEIGHTS.iter().find_map(|key| number(item.get(key)?));
        let weights: Vec<String> = items.iter().filter_map(weight).collect();
        if weights.len() > 1 {
            return Some((weights, entry.key_span));
        }
    }
    shared_out(&entry.value)
}

fn number(node: &Node<'_>) -> Option<String> {
    match node.scalar()? {
        Scalar::Int(number) => Some(number.to_string()),
        Scalar::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The whole numbers that follow a word, spaces, colons and quotes aside.
fn digits_after(text: &str, word: &str) -> Vec<String> {
    let number = |rest: &str| {
        let rest = rest.trim_start_matches([' ', ':', '"']);
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let digits = &rest[..end.unwrap_or(rest.len())];
        (!digits.is_empty()).then(|| digits.to_owned())
    };
    text.split(word).skip(1).filter_map(number).collect()
}
