//! How a request may name the endpoint that gets it, by the policies and backends of a rule.

use super::backends::Found;
use super::index::Index;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{BackendType, EnvoyBackend, TrafficPolicy};
use crate::manifest::mesh::registry::sockets;
use crate::route::{AppliesTo, EndpointPick, PickEndpoint, PickMechanism, PickSource};

/// How a request may name an endpoint of the cluster that the backends make together.
pub(super) fn endpoint_pick(
    index: &Index<'_>,
    policy: Option<&TrafficPolicy>,
    found: &[Found<'_>],
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Option<EndpointPick> {
    let by_policy = policy.and_then(|policy| {
        let own = policy.endpoint_override.as_ref()?;
        Some((own.sources.clone(), own.span))
    });
    let mut backends = found
        .iter()
        .filter_map(|one| backend(index, one).zip(Some(one)));
    let by_backend = backends.find_map(|(backend, (reference, ..))| match &backend.kind {
        BackendType::HostOverride(sources) => Some((sources.clone(), reference.name.span)),
        _ => None,
    });
    let (sources, span) = by_policy
        .or(by_backend)
        .filter(|(own, _)| !own.is_empty())?;
    let pick = EndpointPick {
        mechanism: PickMechanism::OverrideHost,
        sources,
        fallback: policy
            .and_then(|policy| policy.balancer.as_ref())
            .map(|balancer| balancer.value.clone()),
        endpoints: endpoints(index, found),
    };
    caveats.push(pick.caveat(Some(span)));
    Some(pick)
}

/// The endpoints of all backends, where the manifests hold all of them.
fn endpoints(index: &Index<'_>, found: &[Found<'_>]) -> Option<Vec<PickEndpoint>> {
    let mut all = Vec::new();
    let asked = found.iter().enumerate();
    for (position, one) in asked.filter(|(_, (backend, ..))| backend.weight > 0) {
        for (address, pod) in addresses(index, one)? {
            all.push(PickEndpoint {
                address,
                backend: Some(position),
                pod,
            });
        }
    }
    Some(all)
}

/// The addresses of a backend, each with its pod.
fn addresses(index: &Index<'_>, found: &Found<'_>) -> Option<Vec<(String, Option<String>)>> {
    if let Some(own) = backend(index, found) {
        let addresses = own.addresses.as_ref()?.iter();
        return Some(addresses.map(|address| (address.clone(), None)).collect());
    }
    let (_, referent, _) = found;
    let port = referent.port?;
    if let Some(service) = referent.service {
        return index.registry.sockets(service, port);
    }
    let labels = referent.selector.into_iter().flatten();
    let pods = index.registry.workloads(&referent.namespace, labels);
    sockets(&pods, None, port)
}

/// The Backend of Envoy Gateway that a reference leads to.
pub(super) fn backend<'m>(index: &Index<'m>, found: &Found<'_>) -> Option<&'m EnvoyBackend> {
    let (reference, referent, _) = found;
    let is_backend = reference.kind.value == "Backend";
    let name = is_backend.then_some(reference.name.value.as_str())?;
    index.envoy_backend(&referent.namespace, name)
}

/// What is to be known about a Backend: one that goes by the `Host` header leads wherever a client likes.
pub(super) fn of_backend(backend: &EnvoyBackend, caveats: &mut Vec<Note<AppliesTo>>) {
    if backend.kind != BackendType::DynamicResolver {
        return;
    }
    let message = format!(
        "{} connects to whatever the `Host` header names: any client that sets it picks the address",
        backend.meta
    );
    let caveat = Note::about(Code::ClientPicksEndpoint, message, Some(backend.meta.span));
    caveats.push(caveat.help("limit the `hostnames` of the route to those that are meant"));
}

/// The sources of a policy in words: ``the header `x-custom-host` ``.
pub(super) fn words(sources: &[PickSource]) -> String {
    let one = |source: &PickSource| match source {
        PickSource::Header(name) => format!("the header `{name}`"),
        PickSource::Cookie(name) => format!("the cookie `{name}`"),
        PickSource::Metadata(path) => format!("the metadata `{path}`"),
    };
    let all: Vec<String> = sources.iter().map(one).collect();
    all.join(", ")
}
