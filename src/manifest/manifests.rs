//! The objects of all texts, by their kinds, with their places.

use std::collections::BTreeMap;

use super::attached::Attached;
use super::canary::{Declared, Role};
use super::endpoints::Endpoints;
use super::envoy::{Dump, Patch};
use super::gateway_api::objects::{
    self as gateway_api, ApiRoute, EnvoyBackend, InferencePool, ReferenceGrant, TrafficPolicy,
};
use super::istio::objects::{DestinationRule, Gateway, MeshConfig, Sidecar, VirtualService};
use super::kube::{Meta, Service, Workload};
use super::mesh::ServiceEntry;
use super::mesh::labelled::LabelledRule;
use super::reported::Reported;
use super::secret::Secret;
use super::weights_only::WeightedObject;
use crate::diag::{Code, Note, Severity, Span};

/// What the manifests hold. Where there were errors the objects concerned are incomplete or missing.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// Istio's virtual services.
    pub virtual_services: Vec<VirtualService>,
    /// Istio's destination rules.
    pub destination_rules: Vec<DestinationRule>,
    /// Istio's gateways.
    pub gateways: Vec<Gateway>,
    /// Istio's service entries.
    pub service_entries: Vec<ServiceEntry>,
    /// Istio's sidecars.
    pub sidecars: Vec<Sidecar>,
    /// The configurations of Istio's meshes.
    pub mesh_configs: Vec<MeshConfig>,
    /// Every HTTPRoute of the Gateway API.
    pub http_routes: Vec<ApiRoute>,
    /// Every GRPCRoute of the Gateway API.
    pub grpc_routes: Vec<ApiRoute>,
    /// Every `TLSRoute` and `TCPRoute` of the Gateway API.
    pub connection_routes: Vec<ApiRoute>,
    /// Gateways of the Gateway API.
    pub api_gateways: Vec<gateway_api::Gateway>,
    /// Listeners that are added to those of Gateways.
    pub listener_sets: Vec<gateway_api::ListenerSet>,
    /// Classes of Gateways.
    pub gateway_classes: Vec<gateway_api::GatewayClass>,
    /// What lets routes lead into other namespaces.
    pub reference_grants: Vec<ReferenceGrant>,
    /// Pools of pods that serve a model.
    pub inference_pools: Vec<InferencePool>,
    /// Envoy Gateway's backends outside of the Services of the cluster.
    pub envoy_backends: Vec<EnvoyBackend>,
    /// Envoy Gateway's policies for backends.
    pub traffic_policies: Vec<TrafficPolicy>,
    /// Envoy Gateway's filters of rules.
    pub route_filters: Vec<gateway_api::RouteFilter>,
    /// Policies, filters and plugins that are attached to a part of the way of a request.
    pub attached: Vec<Attached>,
    /// What controllers say about objects in their `status`, where something is wrong.
    pub reported: Vec<Reported>,
    /// Namespaces.
    pub namespaces: Vec<Meta>,
    /// Services.
    pub services: Vec<Service>,
    /// What runs pods.
    pub workloads: Vec<Workload>,
    /// Secrets, some with certificates.
    pub secrets: Vec<Secret>,
    /// The addresses behind Services.
    pub endpoints: Vec<Endpoints>,
    /// What controllers of canaries declare.
    pub canaries: Vec<Declared>,
    /// Destination rules of which controllers label the subsets.
    pub labelled_rules: Vec<LabelledRule>,
    /// Objects of which only the weights are read.
    pub weights_only: Vec<WeightedObject>,
    /// What is added to the configuration of proxies by hand.
    pub patches: Vec<Patch>,
    /// What proxies have been told, from dumps of their configuration.
    pub dump: Dump,
    /// Why objects with weights declare nothing here.
    pub not_read: Vec<Note>,
    /// Every object with a kind and a name, known or not, in the order of the texts.
    pub objects: Vec<Object>,
}

/// An object by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// `networking.istio.io/v1`.
    pub api_version: String,
    /// `VirtualService`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, `default` where none is written.
    pub namespace: String,
    /// Where the name is.
    pub span: Span,
    /// Where the object begins; it ends where the next one begins.
    pub start: Span,
}

impl Manifests {
    /// What is there, for a message that says what is not: `Deployment web, ConfigMap x and 3 more`.
    #[must_use]
    pub fn inventory(&self) -> String {
        let named: Vec<String> = self
            .objects
            .iter()
            .map(|object| format!("{} {}", object.kind, object.name))
            .collect();
        match named.len() {
            0 => "no objects".to_owned(),
            1..=5 => named.join(", "),
            more => format!("{} and {} more", named[..4].join(", "), more - 4),
        }
    }

    /// Every route of the Gateway API.
    pub fn api_routes(&self) -> impl Iterator<Item = &ApiRoute> + Clone {
        let of_requests = self.http_routes.iter().chain(&self.grpc_routes);
        of_requests.chain(&self.connection_routes)
    }

    /// Whether any object declares routes; what a proxy has been told is no declaration beside them.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        // A canary-less Ingress is a partner at most.
        let splits = |declared: &Declared| !matches!(declared.role, Role::Primary(_));
        let rules =
            self.api_routes().count() + self.virtual_services.len() + self.weights_only.len();
        rules > 0 || self.canaries.iter().any(splits)
    }

    /// Whether something declares that hosts which nobody registers are not reached.
    #[must_use]
    pub fn declares_egress(&self) -> bool {
        let of_sidecars = self.sidecars.iter().filter_map(|one| one.outbound.as_ref());
        let of_mesh = self
            .mesh_configs
            .iter()
            .filter_map(|one| one.outbound.as_ref());
        of_sidecars
            .chain(of_mesh)
            .any(|policy| policy.registry_only)
    }

    /// An error that says what is there instead, if no rule is there at all.
    #[must_use]
    pub fn without_rules(&self) -> Option<Note> {
        if self.has_rules() || self.dump.has_routes() {
            return None;
        }
        if !self.dump.is_empty() && self.objects.is_empty() {
            let message = "the config dump holds no routes of requests that leave the proxy";
            let help = "take all of it (`pilot-agent request GET config_dump`), from a pod that calls the service";
            return Some(Note::new(Code::NoRules, message).help(help));
        }
        if let Some(first) = self.not_read.first() {
            let problem = Note {
                code: Code::NoRules,
                severity: Severity::Error,
                ..first.clone()
            };
            return Some(problem);
        }
        let message = match self.objects.len() {
            0 => "these manifests are empty: they hold nothing that declares a split".to_owned(),
            _ => format!(
                "these manifests hold {} but nothing that declares a split",
                self.inventory()
            ),
        };
        let problem = Note::new(Code::NoRules, message);
        Some(problem.help("pass the file that declares the split with -f, or the split itself with --expect v1=90,v2=10"))
    }

    /// How many objects of each kind there are.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for object in &self.objects {
            *kinds.entry(object.kind.as_str()).or_default() += 1;
        }
        if !self.dump.is_empty() {
            kinds.insert("config dump", self.dump.texts());
        }
        kinds
    }
}
