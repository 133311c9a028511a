//! Which objects apply: references to gateways, visibility, and order.

use crate::manifest::Manifests;
use crate::manifest::istio::objects::VirtualService;
pub(super) use crate::manifest::mesh::names::{covers, domains, full_name, service_of};
pub(super) use crate::manifest::mesh::visibility::{Visibility, visibility};

/// The namespace whose configuration counts for everybody.
pub(super) const ROOT: &str = "istio-system";

/// A gateway reference as `namespace/name`; the word `mesh` stays.
pub(crate) fn gateway_name(reference: &str, namespace: &str) -> String {
    if reference == "mesh" {
        return reference.to_owned();
    }
    match reference.split_once('/') {
        Some((".", name)) => format!("{namespace}/{name}"),
        Some(_) => reference.to_owned(),
        None => match reference.split('.').collect::<Vec<_>>()[..] {
            [name, namespace, ..] => format!("{namespace}/{name}"),
            _ => format!("{namespace}/{reference}"),
        },
    }
}

/// The virtual services a client sees, in the order in which they win: private, named, public; each by age, name, namespace.
/// Without a client namespace each is seen from its own.
pub(super) fn in_order<'m>(
    manifests: &'m Manifests,
    client: Option<&str>,
) -> Vec<&'m VirtualService> {
    let mut seen: Vec<(Visibility, &VirtualService)> = manifests
        .virtual_services
        .iter()
        .filter_map(|service| {
            let home = service.meta.namespace.as_str();
            visibility(&service.export_to, home, client.unwrap_or(home)).map(|how| (how, service))
        })
        .collect();
    seen.sort_by_key(|(how, service)| {
        let meta = &service.meta;
        (
            if client.is_some() {
                *how
            } else {
                Visibility::Public
            },
            &meta.created,
            &meta.name,
            &meta.namespace,
        )
    });
    seen.into_iter().map(|(_, service)| service).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "`name` -> ns/name; `./name` -> ns/name; `a.b[.svc..]` legacy FQDN -> `b/a`; `ns/name` as is; `mesh` untouched".
    #[test]
    fn gateway_references_become_namespace_and_name() {
        for (reference, name) in [
            ("gw", "prod/gw"),
            ("./gw", "prod/gw"),
            ("gw.infra", "infra/gw"),
            ("gw.infra.svc.cluster.local", "infra/gw"),
            ("infra/gw", "infra/gw"),
            ("mesh", "mesh"),
        ] {
            assert_eq!(gateway_name(reference, "prod"), name);
        }
    }
}
