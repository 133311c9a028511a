//! Consul: `ServiceSplitter` objects, and `service-splitter` config entries as JSON or YAML. Not: routers and resolvers.

use super::{Declared, Host, HostName, Rule, Weighted, backends, required};
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::{Node, Scalar};
use crate::manifest::{Dialect, Manifests, Object};
use crate::route::Caveat;

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[Dialect {
    group: "consul.hashicorp.com",
    versions: &["v1alpha1"],
    kind: "ServiceSplitter",
    decode: |meta, fields, decoder, to| {
        if let Some(mut spec) = fields.map("spec", "a ServiceSplitter spec", decoder) {
            to.foreign
                .extend(splitter(meta, &mut spec, &OBJECT, decoder));
        }
    },
}];

/// How the fields are written.
struct Spelling {
    label: &'static str,
    name: &'static str,
    namespace: &'static str,
    splits: &'static str,
    weight: &'static str,
    service: &'static str,
    subset: &'static str,
}

const OBJECT: Spelling = Spelling {
    label: "spec.splits",
    name: "name",
    namespace: "namespace",
    splits: "splits",
    weight: "weight",
    service: "service",
    subset: "serviceSubset",
};

const ENTRY: Spelling = Spelling {
    label: "Splits",
    name: "Name",
    namespace: "Namespace",
    splits: "Splits",
    weight: "Weight",
    service: "Service",
    subset: "ServiceSubset",
};

/// A config entry, which has no `apiVersion`. Whether the node is one.
pub(in crate::manifest) fn entry(
    node: &Node<'_>,
    manifests: &mut Manifests,
    decoder: &mut Decoder<'_>,
) -> bool {
    let kind = |key: &str| {
        let text = node.get(key).and_then(Node::scalar);
        text == Some(Scalar::Text("service-splitter"))
    };
    let spelling = if kind("Kind") {
        &ENTRY
    } else if kind("kind") && node.get("apiVersion").is_none() {
        &Spelling {
            label: "splits",
            subset: "service_subset",
            ..OBJECT
        }
    } else {
        return false;
    };
    let Some(mut fields) = decoder.map(node, "a config entry") else {
        return true;
    };
    let Some(name) = required(&mut fields, spelling.name, decoder) else {
        return true;
    };
    let namespace = fields.text(spelling.namespace, decoder);
    let meta = Meta {
        kind: "service-splitter".to_owned(),
        name: name.value,
        namespace: namespace.map_or_else(|| "default".to_owned(), |namespace| namespace.value),
        created: None,
        labels: std::collections::BTreeMap::new(),
        annotations: std::collections::BTreeMap::new(),
        span: name.span,
    };
    manifests.objects.push(Object {
        api_version: "consul.hashicorp.com/v1alpha1".to_owned(),
        kind: meta.kind.clone(),
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        span: meta.span,
        start: fields.span,
    });
    let found = splitter(meta, &mut fields, spelling, decoder);
    manifests.foreign.extend(found);
    true
}

fn splitter(
    meta: Meta,
    spec: &mut Fields<'_, '_>,
    spelling: &Spelling,
    decoder: &mut Decoder<'_>,
) -> Option<Declared> {
    let place = spec.place(spelling.splits).unwrap_or(spec.span);
    let parts = backends(spec, spelling.splits, decoder, |node, decoder| {
        split(node, &meta, spelling, decoder)
    })?;
    let total: u64 = parts.iter().map(|part| u64::from(part.weight)).sum();
    if total != 10_000 {
        #[expect(clippy::cast_precision_loss, reason = "a sum of hundredths")]
        let sum = total as f64 / 100.0;
        let problem = Note::new(
            Code::WeightSum,
            format!("the weights of a service-splitter must add up to 100, and these make {sum}"),
        );
        decoder.report(
            problem
                .at(place, "")
                .help("Consul refuses this entry: correct a weight"),
        );
        return None;
    }
    let mut rule = Rule::new(spelling.label, place, parts);
    let elsewhere = rule
        .backends
        .iter()
        .find(|part| part.subset.is_none() && part.service != meta.name);
    if let Some(part) = elsewhere {
        let message = format!(
            "weights only: a splitter or resolver of `{}` could split its share further, and is not judged",
            part.service
        );
        rule.caveats
            .push(Caveat::about(Code::NotJudged, message, Some(part.span)));
    }
    let own = HostName::Service(meta.name.clone(), meta.namespace.clone());
    let consul = HostName::Dns(format!("{}.virtual.consul", meta.name));
    let hosts = [own, consul].map(|name| Host::new(name, meta.span, vec![rule.clone()]));
    Some(Declared::routes(meta, hosts.to_vec()))
}

fn split(
    node: &Node<'_>,
    meta: &Meta,
    spelling: &Spelling,
    decoder: &mut Decoder<'_>,
) -> Option<Weighted> {
    let mut item = decoder.map(node, "a split")?;
    let service = item.text(spelling.service, decoder);
    let service = service.filter(|service| !service.value.is_empty());
    let subset = item.text(spelling.subset, decoder);
    let namespace = item.text(spelling.namespace, decoder);
    let Some(written) = item.get(spelling.weight) else {
        required(&mut item, spelling.weight, decoder);
        return None;
    };
    let weight = hundredths(&decoder.number(written, spelling.weight)?, decoder)?;
    let service = service.map_or_else(|| meta.name.clone(), |service| service.value);
    let namespace = namespace.map_or_else(|| meta.namespace.clone(), |namespace| namespace.value);
    let mut part = Weighted::new(service, &namespace, weight, written.span);
    part.subset = subset
        .map(|subset| subset.value)
        .filter(|subset| !subset.is_empty());
    Some(part)
}

/// "float, 0.01 steps".
fn hundredths(weight: &At<f64>, decoder: &mut Decoder<'_>) -> Option<u32> {
    if !(0.0..=100.0).contains(&weight.value) {
        let message = format!(
            "a weight must be between 0 and 100, and this is {}",
            weight.value
        );
        decoder.report(Note::new(Code::OutOfRange, message).at(weight.span, ""));
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most a hundred, times a hundred"
    )]
    Some((weight.value * 100.0).round() as u32)
}
