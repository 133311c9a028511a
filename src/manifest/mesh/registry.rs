//! Services and workloads by what refers to them, as every dialect asks for them. Not: rules.

use std::collections::HashMap;

use super::names::service_of;
use crate::manifest::Manifests;
use crate::manifest::kube::{Service, Workload};

/// What stands behind the hosts of routes.
#[derive(Debug)]
pub(in crate::manifest) struct Registry<'m> {
    // By namespace and name.
    services: HashMap<(&'m str, &'m str), &'m Service>,
    names: HashMap<&'m str, Vec<&'m str>>,
    // By namespace, label and value.
    workloads: HashMap<(&'m str, &'m str, &'m str), Vec<&'m Workload>>,
}

impl<'m> Registry<'m> {
    /// Reads all manifests once.
    pub(in crate::manifest) fn new(manifests: &'m Manifests) -> Self {
        let mut registry = Self {
            services: HashMap::new(),
            names: HashMap::new(),
            workloads: HashMap::new(),
        };
        for service in &manifests.services {
            let meta = &service.meta;
            let name = (meta.namespace.as_str(), meta.name.as_str());
            registry.services.entry(name).or_insert(service);
            registry.names.entry(name.0).or_default().push(name.1);
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

    /// The names of the Services of a namespace, for a message about one that is not there.
    pub(in crate::manifest) fn services_in<'r>(
        &'r self,
        namespace: &str,
    ) -> impl Iterator<Item = &'m str> + use<'r, 'm> {
        let names = self.names.get(namespace).into_iter().flatten();
        names.copied()
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
