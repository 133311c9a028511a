//! The names under which a client's sidecar knows a host, and those that it does not know.

use super::dialled_port::ANY_HOST_PORT;
use super::inactive_rules::inactive_rule;
use super::index::Index;
use super::lower::Compiler;
use super::missing_destinations::{correct_host, suggestion};
use crate::diag::{Code, Note, Span};
use crate::manifest::istio::objects::VirtualService;
use crate::manifest::kube::{Carries, Service};
use crate::manifest::mesh::names::{domains, full_name, service_of};
use crate::manifest::mesh::registry_service::RegistryService;
use crate::route::{AppliesTo, InactiveRule, RouteTable};

impl Compiler<'_> {
    /// The names under which a client reaches a host.
    pub(super) fn domains(
        &self,
        full: &str,
        client: &str,
        known: Option<RegistryService<'_>>,
    ) -> Vec<String> {
        let mut names = domains(full, client);
        for alias in self.index.registry.aliases(full) {
            names.extend(domains(&alias, client));
        }
        if let Some(known) = known {
            // "Headless k8s adds "*."+each."
            if matches!(known, RegistryService::Service(_)) && known.picked_by_client().is_some() {
                let deeper: Vec<String> = names.iter().map(|name| format!("*.{name}")).collect();
                names.extend(deeper);
            }
            names.extend(known.addresses().into_iter().map(str::to_owned));
        }
        names
    }

    /// "VS host that is no registry service: only gets a vhost on port 80."
    pub(super) fn unregistered(
        &self,
        (full, client): (&str, &str),
        span: Span,
        alias: Option<&(String, &Service)>,
    ) -> Option<Note<AppliesTo>> {
        if !self.index.registry.has_registry() || full.contains('*') {
            return None;
        }
        if alias.is_none() && !self.is_unregistered(full) {
            return service_of(full).map(|host| not_given(&self.index, full, host, span));
        }
        let only = "is routed on port 80 only";
        let deaf = self.vantage.port.is_none() && !self.index.listens(ANY_HOST_PORT, client);
        let silent = match self.vantage.port {
            Some(port) => port == ANY_HOST_PORT,
            None if deaf => false,
            // The name of a Service that there is not has no address either.
            None => alias.is_none() && (service_of(full).is_none() || !self.is_unregistered(full)),
        };
        if silent && suggestion(&self.index, full).is_none() {
            return None;
        }
        let (id, message, help) = match (alias, suggestion(&self.index, full)) {
            (Some((target, service)), _) => (
                Code::UnknownHost,
                format!(
                    "{} stands for `{target}`, whose routes its requests take: a rule for `{full}` {only}",
                    service.meta
                ),
                format!("name `{target}` under `hosts`"),
            ),
            (None, Some(suggestion)) => (
                Code::ShortDottedHost,
                format!("`{full}` is taken as it is and names no service: such a host {only}"),
                format!("write `{suggestion}`, or the name without dots"),
            ),
            (None, None) if deaf => (
                Code::UnknownHost,
                format!(
                    "no Service or ServiceEntry that this client sees has the host `{full}`: such a host {only}, and none of them has an HTTP port {ANY_HOST_PORT}"
                ),
                correct_host(&self.index, full),
            ),
            (None, None) => (
                Code::UnknownHost,
                format!(
                    "no Service or ServiceEntry that this client sees has the host `{full}`: such a host {only}"
                ),
                correct_host(&self.index, full),
            ),
        };
        Some(Note::about(id, message, Some(span)).help(help))
    }

    /// "Auto-detected service with a VIP: Host header is not consulted, only the destination IP:port."
    pub(super) fn by_address(&self, client: Option<&str>, table: &mut RouteTable) {
        for full in self.index.registry.hosts() {
            let home = service_of(&full).map_or("default", |(_, home)| home);
            let client = client.unwrap_or(home);
            let Some(known) = self.index.registry.registered(&full, client) else {
                continue;
            };
            let port = known.dialled(self.vantage.port);
            let sniffed = port.is_some_and(|port| self.carries(&port) == Carries::Undetermined);
            if sniffed && known.has_address() {
                table
                    .matched_by_address
                    .extend(self.domains(&full, client, Some(known)));
            }
        }
    }
}

/// A Service that is taken to exist, because nothing of its namespace is given.
fn not_given(
    index: &Index<'_>,
    full: &str,
    (name, namespace): (&str, &str),
    span: Span,
) -> Note<AppliesTo> {
    let message = format!(
        "these manifests hold Services, and none of namespace {namespace}: if the cluster has no Service {name} there, `{full}` is routed under its full name only, on port {ANY_HOST_PORT}"
    );
    // A short name means the namespace of the rule, whatever that of the Service is.
    let mut services = index.manifests.services.iter();
    let elsewhere = services.find(|service| service.meta.name == name);
    let help = match elsewhere.map(|service| service.meta.namespace.as_str()) {
        Some(home) => format!("did you mean `{}`?", full_name(name, home)),
        None => "pass the file of the Service too".to_owned(),
    };
    Note::about(Code::NoServiceEntry, message, Some(span)).help(help)
}

/// The shorter names of a host that nobody registers: a proxy does not know them.
pub(super) fn short_names(
    index: &Index<'_>,
    service: &VirtualService,
    (full, written): (&str, &str),
    client: &str,
) -> Option<InactiveRule> {
    let mut domains = domains(full, client);
    domains.retain(|name| name != full);
    let why = format!(
        "has the host `{full}`, which no Service or ServiceEntry that this client sees has: such a host is routed under its full name only, on port {ANY_HOST_PORT}"
    );
    let help = correct_host(index, full);
    (!domains.is_empty()).then(|| InactiveRule {
        hosts: vec![written.to_owned()],
        domains,
        ..inactive_rule(service, Code::DistantRule, &why, Some(help))
    })
}
