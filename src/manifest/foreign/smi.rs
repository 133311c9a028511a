//! SMI: `TrafficSplit` of all versions. Not: route groups, of which only the presence is noted.

use super::{Declared, Host, HostName, Rule, Weighted, backends, required, unread};
use crate::diag::{Code, Note, Span};
use crate::manifest::Dialect;
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Scalar};

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[Dialect {
    group: "split.smi-spec.io",
    versions: &["v1alpha4", "v1alpha3", "v1alpha2", "v1alpha1"],
    kind: "TrafficSplit",
    decode: |meta, fields, decoder, to| to.foreign.extend(decode(meta, fields, decoder)),
}];

fn decode(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let mut spec = object.map("spec", "a TrafficSplit spec", decoder)?;
    let service = required(&mut spec, "service", decoder);
    let place = spec.place("backends").unwrap_or(spec.span);
    let found = backends(&mut spec, "backends", decoder, |node, decoder| {
        backend(node, &meta.namespace, decoder)
    });
    let (service, found) = (service?, found?);
    let mut rule = Rule::new("spec.backends", place, found);
    if let Some(span) = spec.place("matches") {
        rule.conditions.push(unread("matches", span));
    }
    // The name may be a full one.
    let mut labels = service.value.split('.');
    let name = labels.next().unwrap_or_default().to_owned();
    let namespace = labels.next().unwrap_or(&meta.namespace).to_owned();
    let name = HostName::Service(name, namespace);
    let host = Host::new(name, service.span, vec![rule]);
    Some(Declared::routes(meta, vec![host]))
}

fn backend(node: &Node<'_>, namespace: &str, decoder: &mut Decoder<'_>) -> Option<Weighted> {
    let mut item = decoder.map(node, "a backend")?;
    let service = required(&mut item, "service", decoder);
    let Some(written) = item.get("weight") else {
        required(&mut item, "weight", decoder);
        return None;
    };
    let (weight, span) = (thousandths(written, decoder)?, written.span);
    Some(Weighted::new(service?.value, namespace, weight, span))
}

/// A weight in thousandths: the first version took quantities such as `900m`, the others take whole numbers.
fn thousandths(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<u32> {
    let found = match node.scalar() {
        Some(Scalar::Int(number)) => u32::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(1000)),
        Some(Scalar::Float(number)) => quantity(&number.to_string()),
        Some(Scalar::Text(text)) => quantity(text),
        _ => None,
    };
    if found.is_none() {
        wrong(node.span, decoder);
    }
    found
}

/// `1`, `0.5`, `900m` and `1k`, in thousandths.
fn quantity(text: &str) -> Option<u32> {
    let (number, thousandths) = match text.strip_suffix(['m', 'k']) {
        Some(number) if text.ends_with('m') => (number, 1.0),
        Some(number) => (number, 1_000_000.0),
        None => (text, 1000.0),
    };
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    let number: f64 = number.parse().ok().filter(|_| number.chars().all(plain))?;
    let found = (number * thousandths).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and compared with the greatest"
    )]
    (found <= f64::from(u32::MAX)).then_some(found as u32)
}

fn wrong(span: Span, decoder: &mut Decoder<'_>) {
    let message = "`weight` must be a number from 0 to 4294967, or a quantity such as `900m`";
    decoder.report(Note::new(Code::WrongType, message).at(span, ""));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_thousandths() {
        for (text, found) in [
            ("900m", Some(900)),
            ("1", Some(1000)),
            ("0.5", Some(500)),
            ("1k", Some(1_000_000)),
            ("-1", None),
            ("m", None),
            ("inf", None),
            ("5000000", None),
        ] {
            assert_eq!(quantity(text), found, "{text}");
        }
    }
}
