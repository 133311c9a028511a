//! Rules that do not apply from where they are looked at, with why and what to do.

use crate::diag::{Code, Note};
use crate::manifest::istio::objects::VirtualService;
use crate::manifest::mesh::names::{domains, full_name};
use crate::route::InactiveRule;

/// A rule for other places than this one.
pub(super) fn bound_to_others(service: &VirtualService) -> InactiveRule {
    let bindings = service.bindings();
    let named: Vec<String> = bindings
        .iter()
        .map(|b| {
            if b == "mesh" {
                "the mesh".to_owned()
            } else {
                format!("gateway {b}")
            }
        })
        .collect();
    let why = format!("is bound to {} only", named.join(" and "));
    let help = match bindings.iter().find(|binding| *binding != "mesh") {
        Some(gateway) => format!(
            "judge the request from there with `--gateway {gateway}`; to have the rule in the mesh too, add `mesh` to its `gateways`"
        ),
        None => "judge the request from the mesh: leave out `--gateway`".to_owned(),
    };
    inactive_rule(service, Code::BoundElsewhere, &why, Some(help))
}

pub(super) fn inactive_rule(
    service: &VirtualService,
    code: Code,
    why: &str,
    help: Option<String>,
) -> InactiveRule {
    let object = service.object();
    let home = &service.meta.namespace;
    let domains = service
        .hosts
        .iter()
        .flat_map(|host| domains(&full_name(&host.value, home), home));
    InactiveRule {
        note: Note {
            help,
            ..Note::new(code, format!("{object} {why}"))
        },
        object,
        hosts: service
            .hosts
            .iter()
            .map(|host| host.value.clone())
            .collect(),
        domains: domains.collect(),
    }
}
