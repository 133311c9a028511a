//! The walk that reads the weights of an object along the paths of its row in the table.

use std::fmt::Write as _;

use super::kind::{By, Places, Step, WeightedKind};
use super::notation::{Notation, Written};
use super::{WeightedObject, WeightedSplit, Zero};
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::WeightedBackend;
use crate::manifest::mesh::weighted_backend::{port, required, total};

/// The splits of an object; nothing where it has none, nor any that is wrong.
pub(super) fn decode(
    kind: &WeightedKind,
    meta: Meta,
    object: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<WeightedObject> {
    let before = decoder.count();
    let mut splits = Vec::new();
    for places in kind.splits {
        each(
            object,
            places.at,
            &mut Vec::new(),
            decoder,
            &mut |fields, indices, decoder| {
                let label = label(places.label, indices);
                splits.extend(split(kind, places, label, &meta, fields, decoder));
            },
        );
    }
    // What is wrong with its weights is reported: it is not missing too.
    (!splits.is_empty() || decoder.count() > before).then_some(WeightedObject {
        meta,
        not_judged: kind.not_judged,
        splits,
    })
}

/// What is done at the end of each path, with the numbers of the items on the way.
type AtEnd<'f, 'n, 's> = &'f mut dyn FnMut(&mut Fields<'n, 's>, &[usize], &mut Decoder<'_>);

/// Follows a path through all items of its lists. What is absent ends it, unless it is misspelt.
fn each<'n, 's>(
    fields: &mut Fields<'n, 's>,
    path: &[Step],
    indices: &mut Vec<usize>,
    decoder: &mut Decoder<'_>,
    at_end: AtEnd<'_, 'n, 's>,
) {
    let Some((step, rest)) = path.split_first() else {
        at_end(fields, indices, decoder);
        return;
    };
    let (Step::In(key, what) | Step::Each(key, what)) = *step;
    if fields.get(key).is_none() {
        fields.misspellings(&[key], decoder);
        return;
    }
    if let Step::In(..) = step {
        if let Some(mut inner) = fields.map(key, what, decoder) {
            each(&mut inner, rest, indices, decoder, at_end);
        }
        return;
    }
    for (index, node) in fields.items(key, decoder).iter().enumerate() {
        indices.push(index);
        if let Some(mut inner) = decoder.map(node, what) {
            each(&mut inner, rest, indices, decoder, at_end);
        }
        indices.pop();
    }
}

/// `spec.to[0].rules[2]` of `spec.to[].rules[]`.
fn label(pattern: &str, indices: &[usize]) -> String {
    let mut indices = indices.iter();
    let mut parts = pattern.split("[]");
    let mut label = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(index) = indices.next() {
            let _ = write!(label, "[{index}]");
        }
        label += part;
    }
    label
}

/// The split at the end of a path.
fn split(
    kind: &WeightedKind,
    places: &Places,
    label: String,
    meta: &Meta,
    fields: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<WeightedSplit> {
    let in_list = places.at.iter().any(|step| matches!(step, Step::Each(..)));
    let first = places.backends.first().and_then(|path| path.first());
    let place = first.and_then(|step| fields.place(step.key()));
    let place = place.filter(|_| !in_list);
    let span = place.unwrap_or(fields.span);
    let found = backends(kind, places, (meta, span), fields, decoder)?;
    let is_set = found.iter().any(|(_, weight)| weight.is_set);
    let unset = found.iter().find(|(_, weight)| !weight.is_set && is_set);
    let unset = unset.map(|(_, weight)| (weight.span, weight.weight));
    let mut backends: Vec<WeightedBackend> = found.into_iter().map(|(one, _)| one).collect();
    let zero = checked(kind, &backends, span, decoder)?;
    if zero == Some(Zero::Even) {
        for backend in &mut backends {
            backend.weight = 1;
        }
    }
    Some(WeightedSplit {
        label,
        span,
        shares_out: backends.len() > 1 || is_set,
        backends,
        mechanism: places.mechanism,
        zero,
        unset: unset.filter(|_| zero.is_none()),
    })
}

/// The backends of a split with their weights; nothing where there is none, or too many, or one is wrong.
fn backends(
    kind: &WeightedKind,
    places: &Places,
    (meta, span): (&Meta, Span),
    fields: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<Vec<(WeightedBackend, Written)>> {
    let before = decoder.count();
    let mut found = Vec::new();
    for path in places.backends {
        let mut read = |item: &mut Fields<'_, '_>, _: &[usize], decoder: &mut Decoder<'_>| {
            found.extend(backend(kind, meta, item, decoder));
        };
        each(fields, path, &mut Vec::new(), decoder, &mut read);
    }
    if decoder.count() > before || found.is_empty() {
        return None;
    }
    let most = kind.most_backends;
    if found.len() > most {
        let message = format!("a {} shares out among at most {most} backends", meta.kind);
        let problem = Note::new(Code::TooManyBackends, message).at(span, "");
        let help = format!(
            "the cluster refuses this object: leave {most} of the {}",
            found.len()
        );
        decoder.report(problem.help(help));
        return None;
    }
    Some(found)
}

/// Whether the weights make shares, and what happens where they are all zero; a sum that is refused is reported.
#[expect(
    clippy::option_option,
    reason = "a refusal, or a split with or without shares"
)]
fn checked(
    kind: &WeightedKind,
    backends: &[WeightedBackend],
    span: Span,
    decoder: &mut Decoder<'_>,
) -> Option<Option<Zero>> {
    let total = total(backends);
    let (id, message, help) = match (total, kind.notation) {
        (Some(10_000), Notation::Percent) => return Some(None),
        (Some(hundredths), Notation::Percent) => (
            Code::WeightSum,
            format!(
                "the weights of a service-splitter must add up to 100, and these make {}",
                f64::from(hundredths) / 100.0
            ),
            "Consul refuses this entry: correct a weight",
        ),
        (Some(0), _) => return Some(Some(kind.zero)),
        (Some(_), _) => return Some(None),
        (None, _) => (
            Code::OutOfRange,
            "the weights add up to more than 4294967295".to_owned(),
            "write smaller weights: only their ratio counts",
        ),
    };
    decoder.report(Note::new(id, message).at(span, "").help(help));
    None
}

/// A backend with its weight; a mirror gets copies and no share.
fn backend(
    kind: &WeightedKind,
    meta: &Meta,
    item: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<(WeightedBackend, Written)> {
    let named = match kind.by {
        By::Name(key) => by_name(key, meta, item, decoder),
        By::Consul {
            service,
            subset,
            namespace,
        } => Some(of_consul([service, subset, namespace], meta, item, decoder)),
        By::Kuma => of_kuma(meta, item, decoder),
    };
    let weight = kind.notation.read(kind.weight, item, decoder);
    let is_mirror = item.boolean("mirror", decoder);
    let (named, weight) = (named?, weight?);
    let backend = WeightedBackend {
        weight: weight.weight,
        span: weight.span,
        ..named
    };
    (!is_mirror.is_some_and(|mirror| mirror.value)).then_some((backend, weight))
}

fn by_name(
    key: &'static str,
    meta: &Meta,
    item: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<WeightedBackend> {
    let name = required(item, key, decoder);
    let namespace = item.text("namespace", decoder);
    let port = port(item, decoder);
    let namespace = namespace.map_or_else(|| meta.namespace.clone(), |namespace| namespace.value);
    Some(WeightedBackend {
        port,
        ..WeightedBackend::new(name?.value, &namespace, 0, item.span)
    })
}

fn of_consul(
    keys: [&'static str; 3],
    meta: &Meta,
    item: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> WeightedBackend {
    let mut text = |key| {
        let text = item.text(key, decoder).map(|text| text.value);
        text.filter(|text| !text.is_empty())
    };
    let [service, subset, namespace] = keys.map(&mut text);
    let service = service.unwrap_or_else(|| meta.name.clone());
    let namespace = namespace.unwrap_or_else(|| meta.namespace.clone());
    WeightedBackend {
        subset,
        ..WeightedBackend::new(service, &namespace, 0, item.span)
    }
}

fn of_kuma(
    meta: &Meta,
    item: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<WeightedBackend> {
    let name = match item.text("name", decoder) {
        Some(name) => Some(name.value),
        None => (item.labels("labels", decoder)).remove("kuma.io/display-name"),
    };
    let Some(name) = name else {
        required(item, "name", decoder);
        return None;
    };
    let namespace = item.text("namespace", decoder);
    let port = port(item, decoder);
    let parts: Vec<&str> = name.split('_').collect();
    let mut backend = if let [service, namespace, "svc", port] = parts[..] {
        WeightedBackend {
            port: port.parse().ok(),
            ..WeightedBackend::new(service, namespace, 0, item.span)
        }
    } else {
        let namespace = namespace.map_or_else(|| meta.namespace.clone(), |one| one.value);
        WeightedBackend {
            port,
            ..WeightedBackend::new(name, &namespace, 0, item.span)
        }
    };
    let tags = item.labels("tags", decoder);
    if !tags.is_empty() {
        let pairs = tags.iter().map(|(key, value)| format!("{key}={value}"));
        backend.subset = Some(match tags.get("version") {
            Some(version) if tags.len() == 1 => version.clone(),
            _ => pairs.collect::<Vec<_>>().join(","),
        });
        backend.identifiers.labels.extend(tags.into_values());
    }
    Some(backend)
}
