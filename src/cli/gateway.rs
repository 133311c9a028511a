//! `--gateway NAME`: the one gateway of that name in the manifests.

use std::collections::BTreeSet;

use super::failure::Failure;
use crate::diag::nearest::nearest;
use crate::manifest::Manifests;
use crate::route::{Origin, Vantage};

const KIND: &str = "Gateway";
/// Gateways that a message names.
const MOST_NAMED: usize = 5;

/// Refuses a gateway without a namespace, where there are no manifests to look it up in.
pub(super) fn without_manifests(vantage: &Vantage) -> Result<(), Failure> {
    match bare(vantage) {
        Some(name) => Err(Failure::usage(
            format!("`{name}` is not a valid gateway: it has no namespace"),
            "write it as --gateway NAMESPACE/NAME, or name the file of the Gateway with -f",
        )),
        None => Ok(()),
    }
}

/// The vantage with the namespace of its gateway, looked up where it was not typed.
pub(super) fn looked_up(vantage: &Vantage, manifests: &Manifests) -> Result<Vantage, Failure> {
    let Some(name) = bare(vantage) else {
        return Ok(vantage.clone());
    };
    let all = gateways(manifests);
    let named = |(namespace, own): &(String, String)| (own == name).then(|| namespace.clone());
    let found: Vec<String> = all.iter().filter_map(named).collect();
    match &found[..] {
        [namespace] => Ok(Vantage {
            origin: Origin::Gateway {
                namespace: namespace.clone(),
                name: name.to_owned(),
            },
            ..vantage.clone()
        }),
        [] => Err(Failure::usage(
            format!("the manifests name no gateway `{name}`"),
            unknown(name, &all),
        )),
        several => {
            let options: Vec<String> = (several.iter())
                .map(|namespace| format!("--gateway {namespace}/{name}"))
                .collect();
            Err(Failure::usage(
                format!(
                    "`{name}` could mean {} gateways: the manifests name it in several namespaces",
                    several.len()
                ),
                format!("choose one: {}", options.join(" or ")),
            ))
        }
    }
}

/// The name of a gateway that was typed without a namespace.
fn bare(vantage: &Vantage) -> Option<&str> {
    match &vantage.origin {
        Origin::Gateway { namespace, name } if namespace.is_empty() => Some(name),
        _ => None,
    }
}

/// Namespaces and names of all gateways that are given, or that a rule is bound to.
fn gateways(manifests: &Manifests) -> BTreeSet<(String, String)> {
    let given = (manifests.objects.iter())
        .filter(|object| object.kind == KIND)
        .map(|object| (object.namespace.clone(), object.name.clone()));
    let bound = manifests.virtual_services.iter().flat_map(|service| {
        let names = service.gateways.iter().filter(|name| name.value != "mesh");
        names.map(|name| match name.value.split_once('/') {
            Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
            None => (service.meta.namespace.clone(), name.value.clone()),
        })
    });
    given.chain(bound).collect()
}

fn unknown(name: &str, all: &BTreeSet<(String, String)>) -> String {
    let near = nearest(name, all.iter().map(|(_, own)| own.as_str()));
    let likely: Vec<String> = (all.iter())
        .filter(|(_, own)| near.is_none_or(|near| own == near))
        .map(|(namespace, own)| format!("--gateway {namespace}/{own}"))
        .collect();
    match &likely[..] {
        [] => "name the file of the Gateway with -f, or write it as --gateway NAMESPACE/NAME"
            .to_owned(),
        several if near.is_some() => format!("did you mean {}?", several.join(" or ")),
        several => {
            let named = several.iter().take(MOST_NAMED).cloned();
            format!("choose one: {}", named.collect::<Vec<_>>().join(" or "))
        }
    }
}
