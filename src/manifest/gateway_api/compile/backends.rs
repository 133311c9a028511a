//! From one `backendRef` to a backend: whether it exists and may be asked, and how its answers may be recognised.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::index::{Index, service_host};
use crate::diag::nearest::nearest;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{ApiRoute, BackendRef, RouteKind, Rule};
use crate::manifest::kube::Service;
use crate::manifest::mesh::names::called;
use crate::route::{AppliesTo, Backend, Implementation};
use crate::split::{Destination, Identifiers, LocalReply};

/// What a `backendRef` leads to.
pub(super) struct ResolvedBackend<'m> {
    /// The full name of the host.
    pub(super) host: String,
    /// The port, where one counts.
    pub(super) port: Option<u16>,
    /// The Service, if it is one and is given.
    pub(super) service: Option<&'m Service>,
    /// Whether a Service of this name is missing without proof.
    pub(super) assumed: bool,
    /// The labels of its pods.
    pub(super) selector: Option<&'m BTreeMap<String, String>>,
    /// The namespace of its pods.
    pub(super) namespace: String,
}

/// A backend, where it leads, and what is replied in its place.
pub(super) type Found<'m> = (&'m BackendRef, ResolvedBackend<'m>, Option<LocalReply>);

/// What becomes of a broken share of calls, of requests and of connections.
pub(super) const LOST: [&str; 3] = [
    "so that its share is answered with 500 (gRPC UNAVAILABLE)",
    "so that its share is answered with 500",
    "so that its share of the connections is closed",
];

/// From where references are followed.
pub(super) struct BackendResolver<'i, 'm> {
    pub(super) index: &'i Index<'m>,
    pub(super) route: &'m ApiRoute,
    pub(super) rule: &'m Rule,
    pub(super) implementation: Implementation,
    /// A mesh does not ask for grants.
    pub(super) mesh: bool,
}

impl<'m> BackendResolver<'_, 'm> {
    /// Where a reference leads; what is wrong with it comes as a caveat beside it: "500 status codes MUST be returned for
    /// requests that would have otherwise been routed to an invalid backend".
    pub(super) fn follow(
        &self,
        backend: &BackendRef,
    ) -> (ResolvedBackend<'m>, Option<Note<AppliesTo>>) {
        let home = &self.route.meta.namespace;
        let namespace = backend.namespace(home).to_owned();
        let port = backend.port.as_ref().map(|port| port.value);
        let mut referent = ResolvedBackend {
            host: service_host(backend, home),
            port,
            service: None,
            assumed: false,
            selector: None,
            namespace,
        };
        let name = &backend.name.value;
        let kind = (backend.group.as_str(), backend.kind.value.as_str());
        let mut needs_port = true;
        match kind {
            ("" | "core", "Service") => {
                referent.service = self.index.registry.service(&referent.host);
                referent.selector = referent.service.map(|service| &service.selector);
            }
            ("multicluster.x-k8s.io", "ServiceImport") => {
                referent.host = format!("{name}.{}.svc.clusterset.local", referent.namespace);
            }
            ("networking.istio.io", "Hostname") if self.implementation == Implementation::Istio => {
                referent.host = name.to_lowercase();
            }
            ("inference.networking.k8s.io" | "inference.networking.x-k8s.io", "InferencePool") => {
                needs_port = false;
                let pool = self.index.pool(&referent.namespace, name);
                referent.host = format!("{name}.{}.inferencepool", referent.namespace);
                referent.port = pool.and_then(|pool| pool.port);
                referent.selector = pool.map(|pool| &pool.selector);
            }
            ("gateway.envoyproxy.io", "Backend")
                if self.implementation == Implementation::EnvoyGateway =>
            {
                needs_port = false;
                referent.host = format!("{name}.{}.backend", referent.namespace);
            }
            _ => return (referent, Some(self.unsupported(backend))),
        }
        let wrong = self
            .refused(backend, &referent.namespace)
            .or_else(|| (needs_port && port.is_none()).then(|| self.portless(backend)))
            .or_else(|| match referent.service {
                Some(service) => port.and_then(|port| self.closed(backend, service, port)),
                None if kind.1 == "Service" => {
                    let missing = self.missing(backend, &referent.namespace);
                    referent.assumed = missing.is_none();
                    missing
                }
                None => None,
            });
        (referent, wrong)
    }

    /// What a broken share is answered with.
    fn lost(&self) -> &'static str {
        match self.route.kind {
            RouteKind::Http => LOST[1],
            RouteKind::Grpc => LOST[0],
            RouteKind::Tls | RouteKind::Tcp => LOST[2],
        }
    }

    fn unsupported(&self, backend: &BackendRef) -> Note<AppliesTo> {
        let group = match backend.group.as_str() {
            "" => String::new(),
            group => format!(" of `{group}`"),
        };
        let by = match self.implementation {
            Implementation::Istio => "Istio",
            Implementation::EnvoyGateway => "Envoy Gateway",
            Implementation::Spec | Implementation::RegexFirst => "the Gateway API",
        };
        let message = format!(
            "`{}`{group} is no backend that {by} knows, {}",
            backend.kind.value,
            self.lost()
        );
        let caveat = Note::about(Code::UnsupportedBackend, message, Some(backend.kind.span));
        match nearest(&backend.kind.value, ["Service"].into_iter()) {
            Some(near) if backend.group.is_empty() => {
                caveat.help(format!("did you mean `{near}`?"))
            }
            _ => caveat.help("name a Service, which needs neither `group` nor `kind`"),
        }
    }

    /// "When a namespace different than the local namespace is specified, a ReferenceGrant object is required in the
    /// referent namespace."
    fn refused(&self, backend: &BackendRef, namespace: &str) -> Option<Note<AppliesTo>> {
        let home = &self.route.meta.namespace;
        let (group, kind, name) = (&backend.group, &backend.kind.value, &backend.name.value);
        let open = self.mesh && self.implementation == Implementation::Istio;
        if namespace == home
            || open
            || kind == "Hostname"
            || self.index.granted(self.route, namespace, group, kind, name)
        {
            return None;
        }
        let message = format!(
            "no ReferenceGrant in namespace {namespace} lets this {} of namespace {home} lead to {kind} {name}, {}",
            self.route.kind.name(),
            self.lost()
        );
        let span = backend.namespace.as_ref().map(|namespace| namespace.span);
        let caveat = Note::about(Code::NoReferenceGrant, message, span);
        Some(caveat.help(format!(
            "pass the file with the ReferenceGrant too, or create one in namespace {namespace}"
        )))
    }

    fn portless(&self, backend: &BackendRef) -> Note<AppliesTo> {
        let message = format!(
            "{} {} is named without a `port`, {}",
            backend.kind.value,
            backend.name.value,
            self.lost()
        );
        Note::about(Code::BackendWithoutPort, message, Some(backend.name.span))
            .help("a Service has no default port: give the reference a `port`")
    }

    fn closed(
        &self,
        backend: &BackendRef,
        service: &Service,
        port: u16,
    ) -> Option<Note<AppliesTo>> {
        let message = format!(
            "{} has no port {port}, {}; its ports are {}",
            service.meta,
            self.lost(),
            service.others_than(port)?
        );
        let span = backend.port.as_ref().map(|port| port.span);
        Some(Note::about(Code::ClosedBackendPort, message, span))
    }

    /// A Service that is not given is missing only where its siblings are given, or the Services of its namespace: the file
    /// of a canary alone, or that of the parent, says nothing about Services in other files.
    fn missing(&self, backend: &BackendRef, namespace: &str) -> Option<Note<AppliesTo>> {
        let home = &self.route.meta.namespace;
        let here = |one: &&BackendRef| one.namespace(home) == namespace;
        let registry = &self.index.registry;
        let mut siblings = self.rule.backends.iter().filter(here);
        let given = siblings.find(|one| registry.service(&service_host(one, home)).is_some());
        let name = &backend.name.value;
        let is = |service: &str, one: &BackendRef| here(&one) && one.name.value == service;
        let sibling = |service: &&str| self.rule.backends.iter().any(|one| is(service, one));
        let parent = |service: &str| {
            let mut parents = self.route.parents.iter().filter(|one| one.in_mesh());
            parents.any(|one| one.name.value == service && one.namespace(home) == namespace)
        };
        // A route of a Service that sends some requests to it takes it to exist.
        if given.is_none() && parent(name) {
            return None;
        }
        let used = |service: &&str| {
            let mut named = self.route.rules.iter().flat_map(|rule| &rule.backends);
            named.any(|one| is(service, one)) || parent(service)
        };
        // Next to a sibling `web-v1`, `web-v2` is no slip of the pen for it.
        let services = || registry.services_in(namespace);
        let near = nearest(name, services().filter(|one| !sibling(one)));
        let others = || services().filter(|one| !used(one));
        let held = match (given, others().count()) {
            (Some(given), _) => format!("Service {}", given.name.value),
            (None, 0) => return None,
            (None, 1) => format!("Service {}", nearest(name, others())?),
            (None, many) => format!("{many} other Services"),
        };
        let message = format!(
            "these manifests hold {held}, but no Service {name} in namespace {namespace}, {}",
            self.lost()
        );
        let caveat = Note::about(Code::UnknownBackend, message, Some(backend.name.span));
        Some(match near {
            Some(near) => caveat.help(format!("did you mean `{near}`?")),
            None => caveat.help("pass the file with this Service too, if it exists"),
        })
    }
}

/// The backends of a rule, with what tells their answers apart.
pub(super) fn backends(index: &Index<'_>, found: &[Found<'_>]) -> Vec<Backend> {
    // A label value tells a backend from the others where no other one has it.
    let mut owners: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for (_, referent, _) in found {
        let values = referent.selector.into_iter().flat_map(BTreeMap::values);
        for value in values {
            owners.entry(value).or_default().insert(&referent.host);
        }
    }
    let telling = |value: &&String| owners.get(value.as_str()).is_some_and(|of| of.len() == 1);
    found
        .iter()
        .map(|(backend, referent, broken)| {
            let selector = referent.selector.into_iter().flatten();
            let workloads = index.registry.workloads(&referent.namespace, selector);
            let labels = referent.selector.into_iter().flat_map(BTreeMap::values);
            let mut names = called(&referent.host);
            names.insert(backend.name.value.clone());
            Backend {
                destination: Destination {
                    host: referent.host.clone(),
                    port: referent.port,
                    subset: None,
                },
                weight: backend.weight,
                identifiers: Identifiers {
                    names,
                    labels: labels.filter(telling).cloned().collect(),
                    workloads: workloads
                        .into_iter()
                        .map(|workload| workload.meta.name.clone())
                        .collect(),
                },
                broken: *broken,
            }
        })
        .collect()
}
