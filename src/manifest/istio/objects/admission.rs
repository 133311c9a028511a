//! What Istio's validating webhook refuses about lists of names: an object that it refuses never comes into effect.

use std::net::IpAddr;

use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::kube::Meta;
use crate::manifest::mesh::names::covers;
use crate::manifest::yaml::{Node, Value};

/// "duplicate hosts in virtual service": of two hosts none may be, or take, the other.
pub(super) fn hosts(hosts: &[At<String>], decoder: &mut Decoder<'_>) {
    for (at, host) in hosts.iter().enumerate() {
        let lower = host.value.to_lowercase();
        let meets = |other: &&At<String>| {
            let other = other.value.to_lowercase();
            covers(&other, &lower) || covers(&lower, &other)
        };
        let Some(first) = hosts[..at].iter().find(meets) else {
            continue;
        };
        let message = if first.value == host.value {
            format!("the host `{}` is given twice", host.value)
        } else {
            format!("the hosts `{}` and `{}` overlap", first.value, host.value)
        };
        let problem = Note::new(Code::DuplicateHost, message)
            .at(host.span, "again here")
            .at(first.span, "first here");
        decoder.report(problem.help("Istio refuses this object: keep one of them"));
    }
}

/// "destination rule with workload selector cannot have exportTo beyond current namespace"
pub(super) fn selective(exports: &[At<String>], meta: &Meta, decoder: &mut Decoder<'_>) {
    let beyond = |to: &&At<String>| to.value != "." && to.value != meta.namespace;
    if let Some(beyond) = exports.iter().find(beyond) {
        let message =
            "a DestinationRule with a `workloadSelector` cannot be exported to other namespaces";
        let problem = Note::new(Code::BadExport, message).at(beyond.span, "");
        decoder
            .report(problem.help("Istio refuses this object: write `.`, or leave `exportTo` out"));
    }
}

/// "SNI host is not a compatible subset of any of the virtual service hosts", which are compared as they are written.
pub(super) fn server_names(hosts: &[At<String>], tls: &[Node<'_>], decoder: &mut Decoder<'_>) {
    let matches = tls.iter().flat_map(|route| items(route, "match"));
    for node in matches.flat_map(|one| items(one, "sniHosts")) {
        let Value::Scalar { text, .. } = &node.value else {
            continue;
        };
        let name = text.to_lowercase();
        let takes = |host: &At<String>| {
            let host = host.value.to_lowercase();
            host == name || covers(&host, &name)
        };
        if hosts.is_empty() || hosts.iter().any(takes) || name.parse::<IpAddr>().is_ok() {
            continue;
        }
        let message =
            format!("`{name}` is none of the `hosts` of this VirtualService, as they are written");
        let problem = Note::new(Code::BadServerName, message).at(node.span, "");
        decoder.report(problem.help(format!(
            "Istio refuses this object: list `{name}` under `hosts` too"
        )));
    }
}

fn items<'n, 's>(node: &'n Node<'s>, key: &str) -> &'n [Node<'s>] {
    match node.get(key).map(|list| &list.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}
