//! The proxies of a gateway: where they stand, and which other gateways they serve too.

use super::lower::Compiler;
use crate::diag::{Code, Note};
use crate::manifest::istio::objects::Gateway;
use crate::manifest::kube::selects;
use crate::manifest::mesh::visibility::ROOT;
use crate::route::AppliesTo;

/// The label of the ingress and the egress gateway that Istio installs, in its own namespace.
const INSTALLED: &str = "istio";

/// What the names of the namespaces that Istio's guides give its gateways begin with: `istio-ingress`.
const OWN: &str = "istio-";

/// Where the proxies of a gateway stand.
pub(super) struct Home {
    pub(super) namespace: String,
    /// What had to be assumed.
    pub(super) caveat: Option<Note<AppliesTo>>,
}

impl<'m> Compiler<'m> {
    /// The namespace whose configuration the proxies of a gateway see: that of the proxies, which the selector finds in
    /// any namespace, and not that of the Gateway.
    pub(super) fn proxies_of(&self, namespace: &str, gateway: Option<&Gateway>) -> Home {
        let at = |namespace: &str| Home {
            namespace: namespace.to_owned(),
            caveat: None,
        };
        if let Some(said) = &self.vantage.proxies {
            return at(said);
        }
        let Some(gateway) = gateway.filter(|gateway| !gateway.selector.is_empty()) else {
            return at(namespace);
        };
        if let Some(found) = self.selected(gateway) {
            return at(found);
        }
        let installed = gateway.selector.get(INSTALLED);
        let installed = installed.is_some_and(|value| value.ends_with("gateway"));
        if !installed || namespace == ROOT {
            return at(namespace);
        }
        // A Gateway beside the proxies, in a namespace that is made for them.
        if namespace.starts_with(OWN) {
            let message = format!(
                "the proxies of {} are taken to stand in its namespace {namespace}: what is exported to other namespaces only does not reach them",
                gateway.meta
            );
            let caveat = Note::about(Code::GatewayNamespace, message, Some(gateway.meta.span));
            return Home {
                namespace: namespace.to_owned(),
                caveat: Some(caveat.help("say where they stand with --from-namespace NS")),
            };
        }
        let message = format!(
            "the proxies of {} are taken to stand in namespace {ROOT}, as the gateways that Istio installs do: what is exported to other namespaces only does not reach them",
            gateway.meta
        );
        let caveat = Note::about(Code::GatewayNamespace, message, Some(gateway.meta.span));
        Home {
            namespace: ROOT.to_owned(),
            caveat: Some(caveat.help("say where they stand with --from-namespace NS")),
        }
    }

    /// The namespace of the pods that a gateway selects, or of the Service in front of them.
    fn selected(&self, gateway: &Gateway) -> Option<&'m str> {
        let manifests = self.index.manifests;
        let workloads = manifests.workloads.iter();
        let pods = workloads.map(|one| (&one.labels, one.meta.namespace.as_str()));
        let services = manifests.services.iter();
        let fronts = services.map(|one| (&one.selector, one.meta.namespace.as_str()));
        let mut all = pods.chain(fronts);
        let found = all.find(|(labels, _)| selects(&gateway.selector, labels));
        found.map(|(_, namespace)| namespace)
    }

    /// The gateways that the same proxies serve, in the order in which their servers count; the one that is asked about is
    /// among them, given or not.
    pub(super) fn same_proxies(
        &self,
        namespace: &str,
        name: &str,
    ) -> Vec<(String, Option<&'m Gateway>)> {
        let place = |gateway: &Gateway| format!("{}/{}", gateway.meta.namespace, gateway.meta.name);
        let asked = self.index.gateway(namespace, name);
        let Some(own) = asked.filter(|gateway| !gateway.selector.is_empty()) else {
            return vec![(format!("{namespace}/{name}"), asked)];
        };
        let mut all: Vec<&Gateway> = self.index.selecting(&own.selector).to_vec();
        all.sort_by_key(|one| (&one.meta.created, &one.meta.name, &one.meta.namespace));
        all.into_iter().map(|one| (place(one), Some(one))).collect()
    }
}

impl Compiler<'_> {
    /// Where the Service in front of a gateway maps the port that is dialled to another one of its pods.
    pub(super) fn mapped_in_front(&self, gateway: Option<&Gateway>) -> Option<Note<AppliesTo>> {
        let (port, gateway) = (self.vantage.port?, gateway?);
        let mut services = self.index.manifests.services.iter();
        let front = services.find(|service| {
            !gateway.selector.is_empty() && selects(&gateway.selector, &service.selector)
        })?;
        let mut ports = front.ports.iter();
        let own = ports.find(|one| one.port.value == port)?;
        let target: u16 = own.target.as_ref()?.parse().ok()?;
        (target != port).then(|| {
            let message = format!(
                "{} maps port {port} to port {target} of the gateway: the request is taken to be sent to the Service",
                front.meta
            );
            Note::about(Code::MappedPort, message, Some(own.port.span))
        })
    }
}

/// A port that no server of a gateway has leads to one all the same where something in front of it maps ports.
pub(super) fn mapped(
    port: Option<u16>,
    gateways: &[(String, Option<&Gateway>)],
) -> Option<Note<AppliesTo>> {
    let port = port?;
    let given = || gateways.iter().filter_map(|(_, gateway)| *gateway);
    let mut ports: Vec<u16> = given()
        .flat_map(|gateway| &gateway.servers)
        .filter_map(|server| server.port.as_ref())
        .map(|port| port.value)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    if ports.is_empty() || ports.contains(&port) {
        return None;
    }
    let first = given().next()?;
    let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
    let message = format!(
        "{} has no server on port {port} (it has {}): taken to be mapped to one of them by what stands in front of it",
        first.meta,
        numbers.join(", ")
    );
    Some(Note::about(
        Code::MappedPort,
        message,
        Some(first.meta.span),
    ))
}
