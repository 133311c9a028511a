//! Traefik: weighted `TraefikService` objects, and the weights of `IngressRoute`. Not: middlewares.

use super::traefik_match::alternatives;
use super::{
    BackendKind, Declared, Host, HostName, Role, Rule, Weighted, backends, length, not_judged,
    port, required, weight,
};
use crate::diag::Code;
use crate::manifest::Dialect;
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;
use crate::route::Caveat;
use crate::split::Mechanism;

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[
    service_of("traefik.io"),
    service_of("traefik.containo.us"),
    route_of("traefik.io"),
    route_of("traefik.containo.us"),
];

const fn service_of(group: &'static str) -> Dialect {
    Dialect {
        group,
        versions: &["v1alpha1"],
        kind: "TraefikService",
        decode: |meta, fields, decoder, to| to.foreign.extend(service(meta, fields, decoder)),
    }
}

const fn route_of(group: &'static str) -> Dialect {
    Dialect {
        kind: "IngressRoute",
        decode: |meta, fields, decoder, to| to.foreign.extend(route(meta, fields, decoder)),
        ..service_of(group)
    }
}

/// A `TraefikService`: asked by routes that name it; by itself it takes what it is sent.
fn service(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let mut spec = object.map("spec", "a TraefikService spec", decoder)?;
    let mut weighted = spec.map("weighted", "a weighted service", decoder)?;
    let place = weighted.place("services").unwrap_or(weighted.span);
    let found = backends(&mut weighted, "services", decoder, |node, decoder| {
        backend(node, &meta.namespace, decoder)
    })?;
    let mut rule = Rule::new("spec.weighted", place, found);
    rule.mechanism = Mechanism::Wrr;
    not_judged(&mut weighted, &["sticky"], &mut rule.caveats);
    let host = Host::new(HostName::Dns("*".to_owned()), meta.span, vec![rule]);
    Some(Declared::routes(meta, vec![host]))
}

/// An `IngressRoute`: a list of rules, each with the hosts it is for.
fn route(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let mut spec = object.map("spec", "an IngressRoute spec", decoder)?;
    let mut hosts: Vec<Host> = Vec::new();
    for (index, node) in spec.items("routes", decoder).iter().enumerate() {
        let Some(mut item) = decoder.map(node, "a route") else {
            continue;
        };
        let written = required(&mut item, "match", decoder);
        let priority = item.integer("priority", i64::MIN..=i64::MAX, decoder);
        let found = backends(&mut item, "services", decoder, |node, decoder| {
            backend(node, &meta.namespace, decoder)
        });
        let (Some(written), Some(found)) = (written, found) else {
            continue;
        };
        let mut base = Rule::new(format!("spec.routes[{index}]"), node.span, found);
        base.mechanism = Mechanism::Wrr;
        base.rank = vec![match priority {
            Some(priority) if priority.value != 0 => priority.value,
            _ => length(&written.value),
        }];
        not_judged(&mut item, &["middlewares"], &mut base.caveats);
        let alternatives = alternatives(&written);
        let several = alternatives.len() > 1;
        for (number, mut one) in alternatives.into_iter().enumerate() {
            if one.hosts.is_empty() {
                one.hosts.push("*".to_owned());
            }
            let rule = Rule {
                alternative: several.then(|| format!("match[{number}]")),
                conditions: one.conditions,
                ..base.clone()
            };
            for host in one.hosts {
                let name = HostName::Dns(host);
                match hosts.iter_mut().find(|known| known.name == name) {
                    Some(known) => known.rules.push(rule.clone()),
                    None => hosts.push(Host::new(name, written.span, vec![rule.clone()])),
                }
            }
        }
    }
    Some(Declared::routes(meta, hosts))
}

fn backend(node: &Node<'_>, home: &str, decoder: &mut Decoder<'_>) -> Option<Weighted> {
    let mut item = decoder.map(node, "a service")?;
    let name = required(&mut item, "name", decoder);
    let namespace = item.text("namespace", decoder);
    let kind = item.text("kind", decoder);
    let (weight, span) = weight(&mut item, 1, i64::from(u32::MAX), decoder)?;
    let port = port(&mut item, decoder);
    let namespace = namespace.map_or_else(|| home.to_owned(), |namespace| namespace.value);
    let mut found = Weighted::new(name?.value, &namespace, weight, span);
    found.port = port;
    if kind.is_some_and(|kind| kind.value == "TraefikService") {
        found.kind = BackendKind::Splitter;
    }
    Some(found)
}

/// The routes with the weights of the services they name; a service that a route names is no rule of its own.
pub(super) fn followed(mut all: Vec<Declared>) -> Vec<Declared> {
    let services: Vec<Declared> = all
        .iter()
        .filter(|declared| declared.meta.kind == "TraefikService")
        .cloned()
        .collect();
    let found = |backend: &Weighted| {
        services.iter().find(|service| {
            let meta = &service.meta;
            backend.kind == BackendKind::Splitter
                && meta.name == backend.service
                && meta.namespace == backend.namespace
        })
    };
    let mut named: Vec<Meta> = Vec::new();
    for rule in all
        .iter_mut()
        .flat_map(|declared| &mut declared.hosts)
        .flat_map(|host| &mut host.rules)
    {
        // A service may stand for one service, and so on; more often than there are services it goes in a circle.
        for _ in 0..=services.len() {
            named.extend(
                rule.backends
                    .iter()
                    .filter_map(found)
                    .map(|one| one.meta.clone()),
            );
            let [only] = &rule.backends[..] else { break };
            let Some(inner) = found(only).and_then(|service| service.hosts[0].rules.first()) else {
                break;
            };
            rule.backends.clone_from(&inner.backends);
            rule.caveats.extend(inner.caveats.iter().cloned());
        }
        let further = rule.backends.iter();
        let further = further.filter(|backend| backend.kind == BackendKind::Splitter);
        rule.caveats.extend(further.map(|backend| {
            let message = format!(
                "weights only: how TraefikService {}/{} splits its share is not judged",
                backend.namespace, backend.service
            );
            Caveat::about(Code::NotJudged, message, Some(backend.span)).help("pass its file too")
        }));
    }
    for declared in &mut all {
        if named.contains(&declared.meta) {
            declared.role = Role::Named;
        } else if declared.meta.kind == "TraefikService" {
            let message = format!(
                "no IngressRoute names {}: it is taken to get the request",
                declared.meta
            );
            let caveat = Caveat::about(Code::AssumedHost, message, Some(declared.meta.span));
            declared.hosts[0]
                .caveats
                .push(caveat.help("pass the file with its IngressRoute too"));
        }
    }
    all
}
