//! Which objects apply: references to gateways, visibility, and order.

use super::virtual_service::VirtualService;
use crate::manifest::Manifests;
use crate::manifest::decode::At;
pub(in crate::manifest) use crate::manifest::mesh::names::{
    covers, domains, full_name, service_of,
};

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

/// How an object is exported to a client: privately, by name, to all, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Visibility {
    Private,
    Named,
    Public,
}

/// How a client sees an object of some namespace, if it does.
pub(super) fn visibility(export_to: &[At<String>], home: &str, client: &str) -> Option<Visibility> {
    let to = |name: &str| export_to.iter().any(|export| export.value == name);
    if export_to.is_empty() || to("*") {
        Some(Visibility::Public)
    } else if to("~") {
        None
    } else if client == home && (to(".") || to(home)) {
        Some(Visibility::Private)
    } else {
        to(client).then_some(Visibility::Named)
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

    /// ""*" wins over all others; "~" = nobody; "." = own ns".
    #[test]
    fn exports_decide_who_sees_an_object() {
        let to = |names: &[&str]| -> Vec<At<String>> {
            let span = crate::diag::Span::new(crate::diag::Sources::new().add("t", ""), 0..0);
            names
                .iter()
                .map(|name| At {
                    value: (*name).to_owned(),
                    span,
                })
                .collect()
        };
        assert_eq!(visibility(&to(&[]), "a", "b"), Some(Visibility::Public));
        assert_eq!(visibility(&to(&["."]), "a", "b"), None);
        assert_eq!(visibility(&to(&["."]), "a", "a"), Some(Visibility::Private));
        assert_eq!(visibility(&to(&["b"]), "a", "b"), Some(Visibility::Named));
        assert_eq!(visibility(&to(&["~"]), "a", "a"), None);
        assert_eq!(
            visibility(&to(&["*", "."]), "a", "b"),
            Some(Visibility::Public)
        );
    }
}
