//! Whether the weights that a controller says it has reached stand in the object that it writes them into.

use std::sync::Arc;

use super::declaration::{Declared, Role, Rule};
use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::manifest::mesh::WeightedBackend;
use crate::manifest::mesh::names::full_name;
use crate::route::{Action, AppliesTo, Backend, Route, RouteTable};

/// Adds a caveat to the routes of which a controller says other weights.
pub(in crate::manifest) fn compare(manifests: &Manifests, table: &mut RouteTable) {
    for declared in &manifests.canaries {
        let Role::Generates {
            into,
            reached: true,
        } = &declared.role
        else {
            continue;
        };
        let mut rules = declared.hosts.iter().flat_map(|host| &host.rules);
        let Some(rule) = rules.next() else { continue };
        for (kind, name) in into {
            let object = format!("{kind} {}/{name}", declared.meta.namespace);
            let routes = table
                .hosts
                .iter_mut()
                .flat_map(|host| host.routes.iter_mut());
            let own = routes.filter(|route| route.object == object);
            let written: Vec<(&mut Route, [u32; 2])> = own
                .filter_map(|route| written(route, rule).map(|weights| (route, weights)))
                .collect();
            // Other rules of the object may send some requests to one version alone.
            if written.iter().any(|(_, weights)| agrees(rule, *weights)) {
                continue;
            }
            for (route, weights) in written {
                let caveat = stuck(declared, rule, &object, weights);
                Arc::make_mut(&mut route.outcome).caveats.push(caveat);
            }
        }
    }
}

/// The weights of the stable version and of the canary in a route that splits between them.
fn written(route: &Route, rule: &Rule) -> Option<[u32; 2]> {
    let Action::Split(split) = &route.outcome.action else {
        return None;
    };
    let [stable, canary] = &rule.backends[..] else {
        return None;
    };
    let weight = |part: &WeightedBackend| {
        let mut all = split.backends().iter();
        all.find(|backend| is_meant(backend, part))
            .map(|backend| backend.weight)
    };
    Some([weight(stable)?, weight(canary)?])
}

fn is_meant(backend: &Backend, part: &WeightedBackend) -> bool {
    backend.destination.subset == part.subset
        // A subset is one of the host that the route names.
        && (part.subset.is_some()
            || backend.destination.host == full_name(&part.service, &part.namespace))
}

/// Whether two weights have the ratio that was reached.
fn agrees(rule: &Rule, [stable, canary]: [u32; 2]) -> bool {
    let [own_stable, own_canary] = &rule.backends[..] else {
        return true;
    };
    let product = |one: u32, other: u32| u64::from(one) * u64::from(other);
    product(stable, own_canary.weight) == product(canary, own_stable.weight)
        && (stable, canary) != (0, 0)
}

fn stuck(
    declared: &Declared,
    rule: &Rule,
    object: &str,
    [stable, canary]: [u32; 2],
) -> Note<AppliesTo> {
    let (kind, meta) = (declared.meta.kind.to_lowercase(), &declared.meta);
    let weights: Vec<String> = (rule.backends.iter())
        .map(|part| part.weight.to_string())
        .collect();
    let message = format!(
        "{meta} is at {} for the stable version and the canary, and {object} has {stable}/{canary}: the canary is stuck, or \
         something else writes the weights",
        weights.join("/")
    );
    let help = format!(
        "see what the controller says: `kubectl describe {kind} {} -n {}`",
        meta.name, meta.namespace
    );
    Note::about(Code::CanaryStuck, message, Some(rule.span)).help(help)
}
