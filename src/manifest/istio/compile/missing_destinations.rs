//! Why a destination does not exist for a proxy, or may not.

use super::destination_port::{Layer, port};
use super::index::Index;
use super::proxy_context::{ProxyContext, ProxyKind};
use super::subsets::private;
use crate::diag::nearest::nearest;
use crate::diag::{Code, Note, Severity};
use crate::manifest::decode::At;
use crate::manifest::istio::objects::{DestinationRule, Subset, WeightedDestination};
use crate::manifest::kube::selects;
use crate::manifest::mesh::names::service_of;
use crate::manifest::mesh::registry_service::RegistryService;
use crate::manifest::mesh::visibility::ROOT;
use crate::route::AppliesTo;

const LOST: &str = "so that its share is answered with 503 (NC)";

/// A near name is looked for among so many; a suggestion out of more helps nobody.
const MANY: usize = 200;

/// The same about a destination that gets copies: what comes back is never its response.
pub(super) fn of_mirror(caveat: Note<AppliesTo>) -> Note<AppliesTo> {
    let message = caveat
        .message
        .replace(LOST, "so that nothing is mirrored there");
    let message = message.replace(
        "its share is answered with 503 (NC)",
        "nothing is mirrored there",
    );
    Note {
        message: format!("a mirror: {message}"),
        severity: Severity::Warning,
        ..caveat
    }
}

/// A destination that exists and is exported to others only.
pub(super) fn hidden(
    index: &Index<'_>,
    item: &WeightedDestination,
    host: &str,
    caller: ProxyContext<'_>,
) -> Option<Note<AppliesTo>> {
    if index.registry.registered(host, caller.namespace).is_some() {
        return None;
    }
    let all = index.registry.all(host);
    let known = all.first()?.meta();
    let message = format!(
        "{known} is not exported to namespace {}, {LOST}",
        caller.namespace
    );
    Some(
        Note::about(Code::HiddenDestination, message, Some(item.host.span))
            .undeliverable()
            .help(format!(
                "add `{}` to its `exportTo`, or judge from another namespace with --from-namespace",
                caller.namespace
            )),
    )
}

/// A destination that is in no registry, as far as the manifests tell.
pub(super) fn missing(
    index: &Index<'_>,
    item: &WeightedDestination,
    host: &str,
    caller: ProxyContext<'_>,
) -> Option<Note<AppliesTo>> {
    if index.registry.registered(host, caller.namespace).is_some() {
        return None;
    }
    let span = Some(item.host.span);
    if let Some(full) = suggestion(index, host) {
        let message = format!("`{host}` is taken as it is and names no service, {LOST}");
        let caveat = Note::about(Code::UnknownDestination, message, span).undeliverable();
        return Some(caveat.help(format!("write `{full}`, or the name without dots")));
    }
    let unsure = |message: String| Note::about(Code::UnknownDestination, message, span);
    let Some((name, namespace)) = service_of(host) else {
        if host.ends_with(".cluster.local") || !index.registry.has_registry() {
            return None;
        }
        let message = format!(
            "no ServiceEntry in these manifests has the host `{host}`: if the mesh has none either, its share is answered with 503 (NC)"
        );
        let caveat = if index.registry.knows_entries() {
            unsure(message)
        } else {
            Note::about(Code::NoServiceEntry, message, span)
        };
        return Some(caveat.help("pass the file of its ServiceEntry too"));
    };
    let names: Vec<&str> = index
        .registry
        .services_in(namespace)
        .take(MANY + 1)
        .collect();
    if names.is_empty() {
        return index.registry.has_registry().then(|| {
            let message = format!(
                "these manifests hold Services, and none of namespace {namespace}: if the cluster has no Service {name} there, its share is answered with 503 (NC)"
            );
            let help = match near_host(index, host) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "pass the file of the Service too".to_owned(),
            };
            Note::about(Code::NoServiceEntry, message, span).help(help)
        });
    }
    let message = format!(
        "no Service {name} is among those of namespace {namespace} in these manifests: if the cluster has none either, its share is answered with 503 (NC)"
    );
    let near = Some(names)
        .filter(|names| names.len() <= MANY)
        .and_then(|names| nearest(name, names.into_iter()));
    Some(unsure(message).help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "pass the file of the Service too".to_owned(),
    }))
}

/// What to do about a host that nothing registers.
pub(super) fn correct_host(index: &Index<'_>, full: &str) -> String {
    let file = "pass the file of its Service or ServiceEntry too";
    match near_host(index, full) {
        Some(near) => format!("did you mean `{near}`? If not, {file}"),
        None => format!("{file}, or correct the host"),
    }
}

/// The host that was probably meant: another one of its namespace, or, outside of the cluster, any.
fn near_host(index: &Index<'_>, full: &str) -> Option<String> {
    if index.manifests.services.len() + index.manifests.service_entries.len() > MANY {
        return None;
    }
    let hosts = index.registry.hosts();
    let (name, namespace) = match service_of(full) {
        Some((name, namespace)) => (name, Some(namespace)),
        None => (full, None),
    };
    let candidates = hosts.iter().filter_map(|host| match service_of(host) {
        Some((name, home)) => (Some(home) == namespace).then_some(name),
        None => Some(host.as_str()),
    });
    nearest(name, candidates).map(str::to_owned)
}

/// The Service that `reviews.prod` or `reviews.prod.svc` was probably meant to name.
pub(super) fn suggestion(index: &Index<'_>, host: &str) -> Option<String> {
    let full = match host.split('.').collect::<Vec<_>>()[..] {
        [_, _] => format!("{host}.svc.cluster.local"),
        [_, _, "svc"] => format!("{host}.cluster.local"),
        _ => return None,
    };
    index.registry.service(&full).map(|_| full)
}

/// Why a subset is not defined for a caller; only that nothing is known where no rule is given.
pub(super) fn undefined(
    index: &Index<'_>,
    host: &str,
    subset: &At<String>,
    caller: ProxyContext<'_>,
) -> Note<AppliesTo> {
    let name = &subset.value;
    let subsets = index.subsets(host, caller);
    let defines =
        |rule: &&DestinationRule| rule.subsets.iter().any(|subset| subset.name.value == *name);
    let of_others = index.rules(host).iter().copied().find(defines);
    let beside = subsets.beside.iter().copied().find(defines);
    let span = Some(subset.span);
    match (subsets.rules.first(), beside.or(of_others)) {
        (None, None) if index.rules(host).is_empty() && subsets.beside.is_empty() => {
            let message = format!(
                "these manifests hold no DestinationRule for `{host}`, so its subsets are taken to exist"
            );
            Note::about(Code::NoDestinationRule, message, span).help("pass its file too")
        }
        (Some(rule), Some(other)) => {
            let message = format!(
                "subset `{name}` is defined by {}, which {} hides from this client, {LOST}",
                other.meta, rule.meta
            );
            let caveat = Note::about(Code::ShadowedSubset, message, span).undeliverable();
            caveat.help(format!(
                "define `{name}` in {} too, or delete that rule",
                rule.meta
            ))
        }
        (None, Some(other)) => {
            let why = unseen(other, host, caller);
            let message = format!(
                "subset `{name}` is defined by {}, {why}, {LOST}",
                other.meta
            );
            let home = service_of(host).map_or(ROOT, |(_, home)| home);
            let help = if home == caller.namespace {
                format!("define it in namespace {home}")
            } else {
                format!(
                    "define it in namespace {home}, exported to all, or in {}",
                    caller.namespace
                )
            };
            Note::about(Code::UnseenSubset, message, span)
                .undeliverable()
                .help(help)
        }
        (Some(rule), None) => {
            let names: Vec<&str> = subsets.names().collect();
            let help = match nearest(name, subsets.names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "it defines no subsets".to_owned(),
                None => format!("it defines {}", names.join(", ")),
            };
            let message = format!("subset `{name}` is not defined by {}, {LOST}", rule.meta);
            Note::about(Code::UnknownSubset, message, span)
                .undeliverable()
                .help(help)
        }
        (None, None) => {
            let message =
                format!("no DestinationRule that this client sees defines subset `{name}`, {LOST}");
            Note::about(Code::UnknownSubset, message, span).undeliverable()
        }
    }
}

/// Why a client does not see a rule.
fn unseen(rule: &DestinationRule, host: &str, caller: ProxyContext<'_>) -> String {
    let home = &rule.meta.namespace;
    let service = service_of(host).map(|(_, namespace)| namespace);
    if rule.selective {
        "which selects other clients".to_owned()
    } else if private(rule) {
        format!("which is private to namespace {home}")
    } else if service != Some(home) && home != ROOT && home != caller.namespace {
        format!("in namespace {home}, which is neither that of the client nor that of the service")
    } else {
        format!("which is not exported to namespace {}", caller.namespace)
    }
}

/// "Subsets of a `ServiceEntry` that is resolved by DNS exist only where an endpoint carries their labels"; the host itself
/// carries none.
pub(super) fn without_endpoints(
    index: &Index<'_>,
    name: &At<String>,
    subset: &Subset,
    host: &str,
    caller: ProxyContext<'_>,
) -> Option<Note<AppliesTo>> {
    let Some(RegistryService::Entry(entry)) = index.registry.registered(host, caller.namespace)
    else {
        return None;
    };
    let resolution = entry.resolution.as_ref().map_or("NONE", |text| &text.value);
    let mut endpoints = entry.endpoints.iter();
    let selected =
        !entry.selector.is_empty() || endpoints.any(|labels| selects(&subset.labels, labels));
    if !resolution.starts_with("DNS") || subset.labels.is_empty() || selected {
        return None;
    }
    let message = format!(
        "no endpoint of {} carries the labels of subset `{}`: for a host that is resolved by DNS there is no such cluster, {LOST}",
        entry.meta, name.value
    );
    let caveat = Note::about(Code::SubsetWithoutPods, message, Some(name.span)).undeliverable();
    Some(caveat.help("list endpoints with these labels under `endpoints`"))
}

/// A port that the destination does not have leads nowhere.
pub(super) fn closed(
    index: &Index<'_>,
    item: &WeightedDestination,
    host: &str,
    (caller, layer): (ProxyContext<'_>, Layer),
) -> Option<Note<AppliesTo>> {
    let known = index.registry.registered(host, caller.namespace)?;
    let ports = known.ports();
    let numbers: Vec<String> = ports.iter().map(|one| one.number.to_string()).collect();
    let (list, meta) = (numbers.join(", "), known.meta());
    let has = |port: u16| ports.iter().any(|one| one.number == port);
    if let Some(written) = &item.port {
        if ports.is_empty() || has(written.value) {
            return None;
        }
        let message = format!("{meta} has no port {}, {LOST}", written.value);
        let caveat = Note::about(Code::ClosedPort, message, Some(written.span)).undeliverable();
        return Some(caveat.help(format!("its ports are {list}")));
    }
    let help = format!("write `port: {{number: …}}` with one of {list}");
    let at_gateway = caller.proxy == ProxyKind::Gateway;
    let Some(port) = port(index, host, caller, layer) else {
        // Which server of the gateway is meant is known only where a port is dialled.
        let unsure = at_gateway && ports.len() > 1;
        return unsure.then(|| {
            let message = format!(
                "the destination names no port, and {meta} has several ({list}): the gateway takes the port of its own server, and answers with 503 (NC) where that is none of them"
            );
            Note::about(Code::UnsetPort, message, Some(item.host.span)).help(help)
        });
    };
    if ports.is_empty() || has(port) {
        return None;
    }
    let which = if at_gateway {
        "on which the gateway listens"
    } else {
        "which is the one that is dialled"
    };
    let message =
        format!("the destination names no port, and {meta} has no port {port}, {which}, {LOST}");
    let caveat = Note::about(Code::UnsetPort, message, Some(item.host.span)).undeliverable();
    Some(caveat.help(help))
}
