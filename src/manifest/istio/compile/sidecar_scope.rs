//! What a client sees of the mesh by the `Sidecar` that applies to it.

use super::index::Index;
use super::proxy_context::ProxyContext;
use crate::diag::{Code, Note};
use crate::manifest::istio::objects::{
    Egress, Import, MeshConfig, OutboundTrafficPolicy, Sidecar, VirtualService,
};
use crate::manifest::kube::selects;
use crate::manifest::mesh::names::{covers, full_name};
use crate::manifest::mesh::visibility::ROOT;
use crate::route::AppliesTo;

/// What one client imports.
pub(super) struct Scope<'m> {
    sidecar: Option<&'m Sidecar>,
    // None means everything.
    imports: Option<Vec<&'m Import>>,
    namespace: String,
    /// What becomes of hosts that nobody registers, and the object that says so.
    pub(super) outbound: Option<(&'m OutboundTrafficPolicy, String)>,
    /// What weakens every answer about this client.
    pub(super) caveats: Vec<Note<AppliesTo>>,
}

impl<'m> Scope<'m> {
    /// The scope of a client: its own `Sidecar`, else that of its namespace, else that of the root namespace.
    pub(super) fn of(index: &Index<'m>, caller: ProxyContext<'_>) -> Self {
        let own = index.sidecars(caller.namespace);
        let mut caveats = Vec::new();
        let selects = |sidecar: &&&Sidecar| {
            let carried = caller.labels;
            !sidecar.selector.is_empty()
                && carried.is_some_and(|labels| selects(&sidecar.selector, labels))
        };
        let general = |sidecar: &&&Sidecar| sidecar.selector.is_empty();
        let selecting = own.iter().find(selects);
        let unsure = own
            .iter()
            .find(|one| !general(one) && caller.labels.is_none());
        if let Some(unsure) = unsure {
            let pairs: Vec<String> = unsure
                .selector
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let message = format!(
                "{} selects clients by labels, and those of the client are not known: taken not to apply",
                unsure.meta
            );
            let caveat = Note::about(Code::SidecarScope, message, Some(unsure.meta.span));
            caveats.push(caveat.help(format!("give them with --from-labels {}", pairs.join(","))));
        }
        let sidecar = selecting
            .or_else(|| own.iter().find(general))
            .or_else(|| index.sidecars(ROOT).iter().find(general))
            .copied();
        let listeners = sidecar.map(|sidecar| Self::listeners(sidecar, caller.port));
        for unusual in listeners
            .iter()
            .flatten()
            .filter_map(|one| one.unusual.as_ref())
        {
            let message = format!(
                "`{}` of an egress listener changes which connections reach the proxy, and is not judged",
                unusual.value
            );
            caveats.push(Note::about(Code::SidecarScope, message, Some(unusual.span)));
        }
        let everything = sidecar.is_none_or(|sidecar| sidecar.egress.is_empty());
        let imports = listeners.filter(|_| !everything);
        let own = sidecar.and_then(|one| Some((one.outbound.as_ref()?, one.meta.to_string())));
        let of_mesh = || {
            let config = MeshConfig::in_effect(&index.manifests.mesh_configs)?;
            Some((config.outbound.as_ref()?, config.object.clone()))
        };
        Self {
            sidecar,
            outbound: own.or_else(of_mesh),
            imports: imports.map(|all| all.iter().flat_map(|one| &one.hosts).collect()),
            namespace: caller.namespace.to_owned(),
            caveats,
        }
    }

    /// The listeners of a port: those for exactly this one, else those for any.
    fn listeners(sidecar: &'m Sidecar, port: Option<u16>) -> Vec<&'m Egress> {
        let of = |wanted: Option<u16>| -> Vec<_> {
            let all = sidecar.egress.iter();
            all.filter(|one| one.port.as_ref().map(|port| port.value) == wanted)
                .collect()
        };
        match port {
            Some(_) => Some(of(port))
                .filter(|own| !own.is_empty())
                .unwrap_or_else(|| of(None)),
            None => sidecar.egress.iter().collect(),
        }
    }

    /// Whether something in a namespace with a host is imported.
    pub(super) fn sees(&self, namespace: &str, host: &str) -> bool {
        let Some(imports) = &self.imports else {
            return true;
        };
        let meets = |import: &Import| covers(&import.host, host) || covers(host, &import.host);
        let excluded = |import: &&&Import| import.namespace == "~" && covers(&import.host, host);
        if imports.iter().any(|import| excluded(&import)) {
            return false;
        }
        imports.iter().any(|import| {
            let from = match import.namespace.as_str() {
                "*" => true,
                "." => namespace == self.namespace,
                other => namespace == other,
            };
            from && meets(import)
        })
    }

    /// Whether a VirtualService is imported: by one of its hosts.
    pub(super) fn imports(&self, service: &VirtualService) -> bool {
        let home = &service.meta.namespace;
        self.imports.is_none()
            || (service.hosts.iter()).any(|host| self.sees(home, &full_name(&host.value, home)))
    }

    /// What makes the Sidecar import a rule.
    pub(super) fn help(&self, service: &VirtualService) -> Option<String> {
        let (home, host) = (&service.meta.namespace, service.hosts.first()?);
        self.help_for(home, &full_name(&host.value, home))
    }

    /// What makes the Sidecar import a host of something in a namespace.
    pub(super) fn help_for(&self, home: &str, host: &str) -> Option<String> {
        let from = if home == self.namespace { "." } else { home };
        let sidecar = &self.sidecar?.meta;
        Some(format!(
            "add `{from}/{host}` to the `hosts` of `egress` in {sidecar}"
        ))
    }

    /// Why something is not seen.
    pub(super) fn why(&self) -> String {
        let sidecar = self
            .sidecar
            .map_or_else(String::new, |one| one.meta.to_string());
        format!("is hidden by {sidecar}, whose egress hosts do not import it")
    }
}
