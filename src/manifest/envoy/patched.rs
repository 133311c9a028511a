//! Routes that patches insert, and the clusters of those.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Dump;
use super::action::Compiler;
use super::clusters::RawCluster;
use super::patch::Patch;
use super::route_configs::{RawRoute, Route as Inserted};
use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::route::{AppliesTo, Origin, Route, RouteTable, Vantage, VirtualHost};

/// Inserts the routes of patches for the proxies of a Gateway of Envoy Gateway, where it is clear into which host they go.
pub(in crate::manifest) fn apply(manifests: &Manifests, vantage: &Vantage, table: &mut RouteTable) {
    let Origin::Gateway { namespace, name } = &vantage.origin else {
        return;
    };
    let ours = |patch: &&Patch| patch.gateway == *name && patch.meta.namespace == *namespace;
    let own: Vec<&Patch> = manifests.patches.iter().filter(ours).collect();
    let [host] = table.hosts.as_mut_slice() else {
        return;
    };
    if own.is_empty() {
        return;
    }
    let clusters = own.iter().filter(|patch| patch.path.is_empty());
    let clusters = clusters.filter_map(|patch| {
        let cluster: RawCluster = serde_json::from_value(patch.added.clone()).ok()?;
        Some(cluster.into_cluster())
    });
    let dump = Dump {
        clusters: clusters.collect::<BTreeMap<_, _>>(),
        ..Dump::default()
    };
    let compiler = Compiler {
        dump: &dump,
        clusters: None,
        session: None,
    };
    for patch in own {
        let Some((at, text)) = place(&patch.path, host.routes.len()).zip(raw(patch)) else {
            continue;
        };
        let (span, conditions) = (patch.span, text.r#match.conditions(patch.span));
        let inserted = Inserted { span, text };
        let object = patch.meta.to_string();
        if !host.objects.contains(&object) {
            host.objects.push(object.clone());
        }
        let route = Route {
            object,
            rule: format!("patch {}", patch.path),
            alternative: None,
            name: None,
            span,
            conditions,
            outcome: Arc::new(compiler.outcome(&inserted, None)),
        };
        host.routes.insert(at, route);
        if patch.whole {
            judged(host, patch);
        }
    }
}

/// Takes away that a policy is not judged, of which all is.
fn judged(host: &mut VirtualHost, patch: &Patch) {
    let by_policy = |caveat: &Note<AppliesTo>| {
        caveat.code == Code::AttachedPolicy && caveat.place() == Some(patch.meta.span)
    };
    for route in host.routes.iter_mut() {
        if route.outcome.caveats.iter().any(by_policy) {
            let outcome = Arc::make_mut(&mut route.outcome);
            outcome.caveats.retain(|caveat| !by_policy(caveat));
        }
    }
}

fn raw(patch: &Patch) -> Option<RawRoute> {
    // A number of a text in JSON borrows from it, so that there has to be a text.
    serde_json::from_str(&patch.added.to_string()).ok()
}

/// The position that a path names in the routes of the only host.
fn place(path: &str, routes: usize) -> Option<usize> {
    let at = path.strip_prefix("/virtual_hosts/0/routes/")?;
    let at = if at == "-" { routes } else { at.parse().ok()? };
    (at <= routes).then_some(at)
}
