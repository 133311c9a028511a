//! What has a host in the mesh, and the workloads behind it, by what refers to them: Services and service entries as a
//! client sees them.

use std::collections::{BTreeSet, HashMap};

use super::names::{full_name, service_of};
use super::registry_service::RegistryService;
use super::service_entry::ServiceEntry;
use super::visibility::visibility;
use crate::manifest::Manifests;
use crate::manifest::endpoints::{Address, ByService, Endpoints, socket};
use crate::manifest::kube::{Service, Workload};

/// What stands behind the hosts of routes.
#[derive(Debug)]
pub(in crate::manifest) struct Registry<'m> {
    manifests: &'m Manifests,
    // By namespace and name.
    services: HashMap<(&'m str, &'m str), &'m Service>,
    names: HashMap<&'m str, Vec<&'m str>>,
    // By namespace, label and value.
    workloads: HashMap<(&'m str, &'m str, &'m str), Vec<&'m Workload>>,
    // By host; those with a wildcard by what follows the `*`.
    entries: HashMap<String, Vec<&'m ServiceEntry>>,
    wild_entries: HashMap<String, Vec<&'m ServiceEntry>>,
    // By namespace and Service.
    addresses: ByService<'m>,
    // ExternalName Services by the host they stand for.
    aliases: HashMap<String, Vec<&'m Service>>,
}

impl<'m> Registry<'m> {
    /// Reads all manifests once.
    pub(in crate::manifest) fn new(manifests: &'m Manifests) -> Self {
        let mut registry = Self {
            manifests,
            services: HashMap::new(),
            names: HashMap::new(),
            workloads: HashMap::new(),
            entries: HashMap::new(),
            wild_entries: HashMap::new(),
            addresses: ByService::new(&manifests.endpoints),
            aliases: HashMap::new(),
        };
        for service in &manifests.services {
            let meta = &service.meta;
            let name = (meta.namespace.as_str(), meta.name.as_str());
            registry.services.entry(name).or_insert(service);
            registry.names.entry(name.0).or_default().push(name.1);
            if let Some(target) = &service.external_name {
                let target = target.value.to_lowercase();
                registry.aliases.entry(target).or_default().push(service);
            }
        }
        for entry in &manifests.service_entries {
            for host in &entry.hosts {
                let host = host.value.to_lowercase();
                let (map, key) = match host.strip_prefix('*') {
                    Some(suffix) => (&mut registry.wild_entries, suffix.to_owned()),
                    None => (&mut registry.entries, host),
                };
                map.entry(key).or_default().push(entry);
            }
        }
        for workload in &manifests.workloads {
            for (key, value) in &workload.labels {
                let label = (
                    workload.meta.namespace.as_str(),
                    key.as_str(),
                    value.as_str(),
                );
                registry.workloads.entry(label).or_default().push(workload);
            }
        }
        registry
    }

    /// The Service behind a full host name.
    pub(in crate::manifest) fn service(&self, host: &str) -> Option<&'m Service> {
        let (name, namespace) = service_of(host)?;
        self.services.get(&(namespace, name)).copied()
    }

    /// Everything that has a host, whoever sees it.
    pub(in crate::manifest) fn all(&self, host: &str) -> Vec<RegistryService<'m>> {
        let service = self.service(host).map(RegistryService::Service);
        let exact = self.entries.get(host);
        let entries = match host.strip_prefix('*') {
            Some(suffix) => self.wild_entries.get(suffix),
            None if exact.is_some() || self.wild_entries.is_empty() => exact,
            None => {
                let mut suffixes = (1..host.len()).filter_map(|start| host.get(start..));
                suffixes.find_map(|suffix| self.wild_entries.get(suffix))
            }
        };
        let entries = entries.into_iter().flatten().copied();
        service
            .into_iter()
            .chain(entries.map(RegistryService::Entry))
            .collect()
    }

    /// What has a host for a client: that of its own namespace first, then a Service, then the oldest entry.
    pub(in crate::manifest) fn registered(
        &self,
        host: &str,
        client: &str,
    ) -> Option<RegistryService<'m>> {
        let seen = self.all(host).into_iter().filter(|one| {
            let home = one.meta().namespace.as_str();
            visibility(one.export_to(), home, client).is_some()
        });
        seen.min_by_key(|one| {
            let meta = one.meta();
            let entry = matches!(one, RegistryService::Entry(_));
            (
                meta.namespace != client,
                entry,
                &meta.created,
                &meta.namespace,
                &meta.name,
            )
        })
    }

    /// Every host without a wildcard that is registered.
    pub(in crate::manifest) fn hosts(&self) -> Vec<String> {
        let services = self.manifests.services.iter();
        let named = services.map(|service| full_name(&service.meta.name, &service.meta.namespace));
        let mut hosts: Vec<String> = named.chain(self.entries.keys().cloned()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// Whether the manifests say anything about hosts outside of the cluster.
    pub(in crate::manifest) fn knows_entries(&self) -> bool {
        !self.entries.is_empty() || !self.wild_entries.is_empty()
    }

    /// Whether the manifests say anything about which hosts there are.
    pub(in crate::manifest) fn has_registry(&self) -> bool {
        !self.manifests.services.is_empty() || self.knows_entries()
    }

    /// The hosts of `ExternalName` Services that stand for a host.
    pub(in crate::manifest) fn aliases(&self, host: &str) -> impl Iterator<Item = String> {
        let services = self.aliases.get(host).into_iter().flatten();
        services.map(|service| full_name(&service.meta.name, &service.meta.namespace))
    }

    /// The host that an `ExternalName` Service stands for in the end, with the Service that says so.
    pub(in crate::manifest) fn resolve_alias(&self, host: &str) -> Option<(String, &'m Service)> {
        // A ring of aliases stands for nothing; nobody writes a chain of more than a few.
        const LONGEST: usize = 8;
        let mut found: Option<(String, &'m Service)> = None;
        for _ in 0..LONGEST {
            let at = found.as_ref().map_or(host, |(target, _)| target);
            let Some(service) = self.service(at) else {
                return found;
            };
            let Some(target) = &service.external_name else {
                return found;
            };
            let first = found.as_ref().map_or(service, |(_, first)| *first);
            found = Some((target.value.to_lowercase(), first));
        }
        None
    }

    /// The names of the Services of a namespace, for a message about one that is not there.
    pub(in crate::manifest) fn services_in<'r>(
        &'r self,
        namespace: &str,
    ) -> impl Iterator<Item = &'m str> + use<'r, 'm> {
        let names = self.names.get(namespace).into_iter().flatten();
        names.copied()
    }

    /// The workloads that a Service selects.
    pub(in crate::manifest) fn selected(&self, service: &Service) -> Vec<&'m Workload> {
        self.workloads(&service.meta.namespace, service.selector.iter())
    }

    /// The objects that hold the addresses of a Service.
    pub(in crate::manifest) fn endpoints_of(&self, service: &Service) -> Vec<&'m Endpoints> {
        let meta = &service.meta;
        self.addresses.of(&meta.namespace, &meta.name).to_vec()
    }

    /// How many addresses of a Service take requests, where the manifests hold them.
    pub(in crate::manifest) fn addresses(&self, service: &Service) -> Option<usize> {
        let objects = self.endpoints_of(service);
        let ready = objects.iter().map(|one| one.ready.len());
        (!objects.is_empty()).then(|| ready.sum())
    }

    /// The addresses of a port of a Service that take requests, each with its pod where that is known; `None` where the
    /// manifests hold neither its endpoints nor the addresses of its pods.
    pub(in crate::manifest) fn sockets(
        &self,
        service: &Service,
        port: u16,
    ) -> Option<Vec<(String, Option<String>)>> {
        let own = service.ports.iter().find(|one| one.port.value == port)?;
        let objects = self.endpoints_of(service);
        if objects.is_empty() {
            let target = own.target.as_deref();
            return sockets(&self.selected(service), target, port);
        }
        let name = own.name.as_ref().map(|name| name.value.as_str());
        let addresses = objects.into_iter().flat_map(|one| &one.ready);
        let socket = |one: &Address| Some((one.socket(name)?, one.pod.clone()));
        addresses.map(socket).collect()
    }

    /// A pod by its name.
    pub(in crate::manifest) fn pod(&self, namespace: &str, name: &str) -> Option<&'m Workload> {
        let mut pods = self.manifests.workloads.iter();
        pods.find(|one| one.pod.runs && one.meta.name == name && one.meta.namespace == namespace)
    }

    /// The Services between which controllers of canaries move pods: their selectors are completed in the cluster.
    pub(in crate::manifest) fn steered(&self) -> BTreeSet<(&'m str, &'m str)> {
        let hosts = self.manifests.canaries.iter().flat_map(|one| &one.hosts);
        let rules = hosts.flat_map(|host| &host.rules);
        let backends = rules.flat_map(|rule| &rule.backends);
        backends
            .map(|one| (one.namespace.as_str(), one.service.as_str()))
            .collect()
    }

    /// How many endpoints stand behind a Service, where the manifests hold its endpoints or the workloads it selects.
    pub(in crate::manifest) fn endpoints(&self, service: &Service) -> Option<u64> {
        if let Some(addresses) = self.addresses(service) {
            return u64::try_from(addresses).ok();
        }
        let workloads = self.selected(service);
        (!workloads.is_empty()).then(|| workloads.iter().map(|one| one.replicas).sum())
    }

    /// The workloads of a namespace whose pods carry all of these labels; none where no label is asked for.
    pub(in crate::manifest) fn workloads<'l>(
        &self,
        namespace: &str,
        labels: impl Iterator<Item = (&'l String, &'l String)>,
    ) -> Vec<&'m Workload> {
        let labels: Vec<_> = labels.collect();
        // All of the labels must be there, so the rarest one leaves the least to look at.
        let rarest = labels
            .iter()
            .map(|(key, value)| {
                let label = (namespace, key.as_str(), value.as_str());
                self.workloads.get(&label).map_or(&[][..], Vec::as_slice)
            })
            .min_by_key(|found| found.len());
        let all = |workload: &&Workload| {
            let mut labels = labels.iter();
            labels.all(|(key, value)| workload.labels.get(*key) == Some(*value))
        };
        rarest
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(all)
            .collect()
    }
}

/// The addresses of running pods for a port, which may be a name that they give it.
pub(in crate::manifest) fn sockets(
    pods: &[&Workload],
    target: Option<&str>,
    port: u16,
) -> Option<Vec<(String, Option<String>)>> {
    let of = |one: &&Workload| {
        let ip = one.pod.ip.as_ref().filter(|_| one.pod.runs)?;
        let named = |name: &str| {
            let mut ports = one.pod.ports.iter();
            let found = ports.find(|own| own.name.as_deref() == Some(name))?;
            Some(found.number)
        };
        let port = match target {
            None => port,
            Some(target) => target.parse().ok().or_else(|| named(target))?,
        };
        Some((socket(ip, port)?, Some(one.meta.name.clone())))
    };
    let all: Option<Vec<_>> = pods.iter().map(of).collect();
    all.filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::diag::Sources;
    use crate::manifest::parse;

    /// What is looked at for one question must not grow with the cluster, or a cluster takes the square of its size.
    #[test]
    fn a_thousand_workloads_offer_one_candidate() {
        let mut text = String::new();
        for number in 0..1000 {
            let _ = write!(
                text,
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: s{number}}}\nspec:\n  template:\n    \
                 metadata: {{labels: {{app: s{number}, tier: web}}}}\n---\n"
            );
        }
        let mut sources = Sources::new();
        sources.add("t.yaml", text);
        let (manifests, problems) = parse(&sources);
        assert_eq!(problems, []);
        let registry = Registry::new(&manifests);
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let labels = [label("tier", "web"), label("app", "s7")];
        let pairs = labels.iter().map(|(key, value)| (key, value));
        assert_eq!(registry.workloads("default", pairs).len(), 1);
        let common = ("default", "tier", "web");
        assert_eq!(
            registry.workloads[&common].len(),
            1000,
            "and these are not looked at"
        );
        assert!(
            registry.workloads("default", [].into_iter()).is_empty(),
            "no label is no selector"
        );
    }
}
