//! Services and service entries as parents of routes: the hosts and the port that they stand for.

use super::index::Index;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{ParentKind, ParentRef};
use crate::route::{Condition, Test, Vantage};

/// The hosts that a parent stands for.
pub(super) fn hosts_of(index: &Index<'_>, parent: &ParentRef, namespace: &str) -> Vec<String> {
    match parent.kind {
        ParentKind::ServiceEntry => index
            .entry(namespace, &parent.name.value)
            .map(|entry| {
                entry
                    .hosts
                    .iter()
                    .map(|host| host.value.to_lowercase())
                    .collect()
            })
            .unwrap_or_default(),
        _ => vec![format!(
            "{}.{namespace}.svc.cluster.local",
            parent.name.value
        )],
    }
}

/// "When the parent resource is a Service, this targets a specific port in the Service spec": `Err` says that another port
/// is dialled, a condition that it is not known.
pub(super) fn port(
    index: &Index<'_>,
    vantage: &Vantage,
    parent: &ParentRef,
    host: &str,
) -> Result<Option<Condition>, (Code, String)> {
    let service = index.registry.service(host);
    let of_name = parent.section.as_ref().and_then(|name| {
        let mut ports = service?.ports.iter();
        ports
            .find(|port| {
                port.name
                    .as_ref()
                    .is_some_and(|own| own.value == name.value)
            })
            .map(|port| port.port.value)
    });
    if let (Some(name), Some(service), None) = (&parent.section, service, of_name) {
        let why = format!(
            "asks for port `{}` of {}, which has none of that name",
            name.value, service.meta
        );
        return Err((Code::RefusedRule, why));
    }
    let asked = parent.port.as_ref().map(|port| port.value).or(of_name);
    if let (Some(asked), Some(service)) = (asked, service)
        && let Some(others) = service.others_than(asked)
    {
        let why = format!(
            "asks for port {asked} of {}, whose ports are {others}",
            service.meta
        );
        return Err((Code::RefusedRule, why));
    }
    if let (Some(dialled), Some(service)) = (vantage.port, service)
        && let Some(others) = service.others_than(dialled)
    {
        let why = format!(
            "applies to the ports of {}, which has {others} and no port {dialled}",
            service.meta
        );
        return Err((Code::DistantRule, why));
    }
    let Some(asked) = asked else {
        return Ok(None);
    };
    match (vantage.port, service.map(|service| &service.ports[..])) {
        (Some(dialled), _) if dialled == asked => Ok(None),
        (Some(dialled), _) => {
            let why = format!("is bound to port {asked} only, and port {dialled} is dialled");
            Err((Code::DistantRule, why))
        }
        (None, Some([only])) if only.port.value == asked => Ok(None),
        (None, _) => {
            let message =
                format!("the port of the service is not known from here; taken to be {asked}");
            let caveat = Note::about(Code::UnknownPort, message, Some(parent.span));
            Ok(Some(Condition {
                field: "parentRefs.port".to_owned(),
                span: parent.span,
                test: Test::Assumed(caveat),
            }))
        }
    }
}
