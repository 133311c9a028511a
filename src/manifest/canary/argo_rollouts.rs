//! Argo Rollouts: the weight that a canary `Rollout` has reached.

use std::collections::BTreeMap;

use super::conditions::not_judged;
use super::declaration::{Declared, Host, HostName, Role, Rule};
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::dialect::Dialect;
use crate::manifest::fields::Fields;
use crate::manifest::kube::{Meta, Workload};
use crate::manifest::mesh::weighted_backend::{WeightedBackend, checked_split};
use crate::manifest::yaml::{Node, Scalar, Value};
use crate::route::AppliesTo;

pub(in crate::manifest) const DIALECTS: &[Dialect] = &[Dialect {
    group: "argoproj.io",
    versions: &["v1alpha1"],
    kind: "Rollout",
    decode: |meta, fields, decoder, to| {
        to.workloads
            .extend(Workload::decode(meta.clone(), fields, decoder));
        to.canaries.extend(decode(meta, fields, decoder));
    },
}];

/// Weights of canary and total with the place that says so, or why they are not known.
type Reached = Result<(u32, u32, Span), Note>;

fn decode(meta: Meta, object: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Declared> {
    let spec = object.get("spec")?;
    let strategy = spec.get("strategy").filter(|node| is_map(node))?;
    let canary = strategy.get("canary").filter(|node| is_map(node))?;
    let mut canary = decoder.map(canary, "a canary strategy")?;
    let routing = canary.map("trafficRouting", "traffic routing", decoder);
    let mut routing = Routing::decode(routing, &meta, decoder);
    let (apex, [stable, service]) = services(&mut canary, object, decoder);
    let status = object.get("status").filter(|node| is_map(node));
    let mut status = status.and_then(|node| decoder.map(node, "a status"));
    let reached = reached(&meta, &mut canary, status.as_mut(), routing.total, decoder)?;
    if !routing.declared {
        let message = "the Rollout has no `trafficRouting`: its weight is a ratio of pods, rounded to whole pods, and requests \
                       follow them only where the Service spreads them evenly";
        routing.caveats.push(Note::about(
            Code::ByReplicas,
            message,
            canary.place("steps"),
        ));
    }
    let apex = routing.apex.take().or(apex);
    let apex = apex.unwrap_or(At {
        value: meta.name.clone(),
        span: meta.span,
    });
    let weights = object.get("status").and_then(|status| status.get("canary"));
    let weights = weights.and_then(|canary| canary.get("weights"));
    if let Some(more) = weights.and_then(|weights| weights.get("additional")) {
        let message = "weights only: `additional` is not judged";
        let caveat = Note::about(Code::NotJudged, message, Some(more.span));
        routing.caveats.push(caveat);
    }
    let (rules, unsupported) = match reached {
        Ok((weight, total, span)) => {
            let hashes = hashes(status.as_mut(), decoder);
            let names = [("stable", stable), ("canary", service)];
            let weights = [total - weight, weight];
            let parts = names.into_iter().zip(weights).zip(hashes);
            let parts = parts.map(|(((role, service), weight), hash)| {
                let own = routing.subsets.remove(role);
                let subset = service.is_none().then(|| own.unwrap_or(role.to_owned()));
                let service = service.map_or_else(|| apex.value.clone(), |service| service.value);
                let hash = hash.unwrap_or_default();
                let part = WeightedBackend::new(service, &meta.namespace, weight, span);
                let mut part = part.called(&[role, &hash]);
                if subset.is_none() {
                    part.identifiers.names.insert(role.to_owned());
                }
                part.subset = subset;
                part
            });
            let parts = checked_split(parts.collect(), span, decoder)?;
            let rule = Rule {
                caveats: routing.caveats,
                ..Rule::new("spec.strategy.canary", span, parts)
            };
            (vec![rule], None)
        }
        Err(unsupported) => (Vec::new(), Some(unsupported)),
    };
    let name = HostName::Service(apex.value, meta.namespace.clone());
    let host = Host {
        unsupported,
        ..Host::new(name, apex.span, rules)
    };
    Some(Declared {
        hosts: vec![host],
        role: Role::Generates(routing.writes),
        meta,
    })
}

/// The Service that clients call, and those of the stable version and of the canary; of ping and pong the status says
/// which is which.
fn services(
    canary: &mut Fields<'_, '_>,
    object: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> (Option<At<String>>, [Option<At<String>>; 2]) {
    let own = ["stableService", "canaryService"].map(|key| canary.text(key, decoder));
    let Some(mut both) = canary.map("pingPong", "the two services", decoder) else {
        return (own[0].clone(), own);
    };
    let [first, second] = ["pingService", "pongService"].map(|key| both.text(key, decoder));
    let status = object.get("status").and_then(|status| status.get("canary"));
    let stable = status.and_then(|canary| canary.get("stablePingPong"));
    let [apex, _] = own;
    match stable.and_then(Node::scalar) {
        Some(Scalar::Text("ping")) => (apex, [first, second]),
        // Before the first change Argo Rollouts takes pong for the stable one.
        _ => (apex, [second, first]),
    }
}

fn is_map(node: &Node<'_>) -> bool {
    matches!(node.value, Value::Map(_))
}

/// What `trafficRouting` says.
struct Routing {
    declared: bool,
    total: u32,
    apex: Option<At<String>>,
    // The subsets of a DestinationRule, by what they are to the Rollout.
    subsets: BTreeMap<&'static str, String>,
    writes: Vec<(&'static str, String)>,
    caveats: Vec<Note<AppliesTo>>,
}

impl Routing {
    fn decode(fields: Option<Fields<'_, '_>>, meta: &Meta, decoder: &mut Decoder<'_>) -> Self {
        let mut routing = Self {
            declared: fields.is_some(),
            total: 100,
            apex: None,
            subsets: BTreeMap::new(),
            writes: Vec::new(),
            caveats: Vec::new(),
        };
        let Some(mut fields) = fields else {
            return routing;
        };
        let most = fields.integer("maxTrafficWeight", 1..=i64::from(u32::MAX), decoder);
        let most = most.and_then(|most| u32::try_from(most.value).ok());
        routing.total = most.unwrap_or(routing.total);
        not_judged(&mut fields, &["managedRoutes"], &mut routing.caveats);
        if let Some(istio) = fields.map("istio", "`istio`", decoder) {
            routing.istio(istio, decoder);
        }
        let mut to = |kind, name: Option<At<String>>| {
            routing.writes.extend(name.map(|name| (kind, name.value)));
        };
        if let Some(mut traefik) = fields.map("traefik", "`traefik`", decoder) {
            to(
                "TraefikService",
                traefik.text("weightedTraefikServiceName", decoder),
            );
        }
        if let Some(mut smi) = fields.map("smi", "`smi`", decoder) {
            let name = smi.text("trafficSplitName", decoder);
            let own = At {
                value: meta.name.clone(),
                span: meta.span,
            };
            to("TrafficSplit", name.or(Some(own)));
            routing.apex = smi.text("rootService", decoder);
        }
        let plugins = fields.map("plugins", "`plugins`", decoder);
        let plugin =
            plugins.and_then(|mut all| all.map("argoproj-labs/gatewayAPI", "a plugin", decoder));
        if let Some(mut plugin) = plugin {
            let name = plugin.text("httpRoute", decoder);
            routing
                .writes
                .extend(name.map(|name| ("HTTPRoute", name.value)));
            for node in plugin.items("httpRoutes", decoder) {
                let one = decoder.map(node, "an HTTPRoute");
                let name = one.and_then(|mut one| one.text("name", decoder));
                routing
                    .writes
                    .extend(name.map(|name| ("HTTPRoute", name.value)));
            }
        }
        routing
    }

    /// The `VirtualService`s that Argo Rollouts writes into, and the subsets of its `DestinationRule`.
    fn istio(&mut self, mut istio: Fields<'_, '_>, decoder: &mut Decoder<'_>) {
        let single = istio.map("virtualService", "a VirtualService", decoder);
        let several = istio.list("virtualServices", decoder, |node, decoder| {
            decoder.map(node, "a VirtualService")
        });
        for mut one in single.into_iter().chain(several) {
            let name = one.text("name", decoder);
            let written = name.map(|name| ("VirtualService", name.value));
            self.writes.extend(written);
        }
        if let Some(mut rule) = istio.map("destinationRule", "a DestinationRule", decoder) {
            for (role, key) in [
                ("stable", "stableSubsetName"),
                ("canary", "canarySubsetName"),
            ] {
                let name = rule.text(key, decoder);
                self.subsets.extend(name.map(|name| (role, name.value)));
            }
        }
    }
}

/// The weight: what the controller last wrote, else that of the step it is at.
fn reached(
    meta: &Meta,
    canary: &mut Fields<'_, '_>,
    status: Option<&mut Fields<'_, '_>>,
    total: u32,
    decoder: &mut Decoder<'_>,
) -> Option<Reached> {
    let before = decoder.count();
    let mut steps = Vec::new();
    for node in canary.items("steps", decoder) {
        let weight = decoder.map(node, "a step");
        let weight = weight.and_then(|mut step| {
            step.misspellings(&["setWeight"], decoder);
            step.integer("setWeight", 0..=i64::from(total), decoder)
        });
        steps.push(weight.and_then(|at| Some((u32::try_from(at.value).ok()?, at.span))));
    }
    let place = canary.place("steps").unwrap_or(canary.span);
    if decoder.count() > before {
        return None;
    }
    if let Some(status) = status {
        if let Some(written) = written(status, decoder) {
            return Some(Ok(written));
        }
        let hash = status
            .text("currentPodHash", decoder)
            .map(|hash| hash.value);
        let stable = status.text("stableRS", decoder).map(|hash| hash.value);
        let aborted = status
            .boolean("abort", decoder)
            .is_some_and(|abort| abort.value);
        if aborted || (hash.is_some() && hash == stable) {
            return Some(Ok((0, total, place)));
        }
        if let Some(index) = status.integer("currentStepIndex", 0..=i64::from(i32::MAX), decoder) {
            let index = usize::try_from(index.value).unwrap_or(usize::MAX);
            if index >= steps.len() {
                return Some(Ok((total, total, place)));
            }
            let last = steps[..=index].iter().rev().flatten().next();
            let (weight, span) = last.copied().unwrap_or((0, place));
            return Some(Ok((weight, total, span)));
        }
    }
    let mut weights = steps.iter().flatten();
    if let (Some((weight, span)), None) = (weights.next(), weights.next()) {
        return Some(Ok((*weight, total, *span)));
    }
    Some(Err(Note::new(Code::UnclearRules, format!(
            "{meta} does not say at which of its steps it is: it has no `status.currentStepIndex`"
        )).at(place, "").help(format!(
            "pass what the cluster holds, `kubectl get rollout {} -n {} -o yaml`, or the split with --expect stable=90,canary=10",
            meta.name, meta.namespace
        ))))
}

/// `status.canary.weights`: what the controller wrote last.
fn written(status: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<(u32, u32, Span)> {
    let mut canary = status.map("canary", "a canary status", decoder)?;
    let mut weights = canary.map("weights", "weights", decoder)?;
    let mut weight = |key| {
        let mut one = weights.map(key, "a weight", decoder)?;
        let weight = one.integer("weight", 0..=i64::from(i32::MAX), decoder)?;
        Some((u32::try_from(weight.value).ok()?, weight.span))
    };
    let ((canary, span), (stable, _)) = (weight("canary")?, weight("stable")?);
    Some((canary, stable.checked_add(canary)?, span))
}

/// The hashes in the names of pods, of the stable version and of the canary.
fn hashes(status: Option<&mut Fields<'_, '_>>, decoder: &mut Decoder<'_>) -> [Option<String>; 2] {
    let Some(status) = status else {
        return [None, None];
    };
    ["stableRS", "currentPodHash"].map(|key| status.text(key, decoder).map(|hash| hash.value))
}
