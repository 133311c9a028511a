//! Manifests: the objects of YAML texts, decoded with their places, and the routes they make; beside them what proxies
//! have been told, from dumps of their configuration. Not: files, nor traffic.
//!
//! ```
//! use resplit::diag::Sources;
//! use resplit::manifest::{lower, parse};
//! use resplit::route::{Probe, Vantage, resolve};
//!
//! let mut sources = Sources::new();
//! sources.add("rules.yaml", "
//! apiVersion: networking.istio.io/v1
//! kind: VirtualService
//! metadata: {name: reviews}
//! spec:
//!   hosts: [reviews]
//!   http:
//!   - route:
//!     - {destination: {host: reviews, subset: v1}, weight: 90}
//!     - {destination: {host: reviews, subset: v2}, weight: 10}
//! ");
//! let (manifests, problems) = parse(&sources);
//! assert_eq!(problems, []);
//!
//! let probe = Probe::new("GET", &"http://reviews:9080/".parse()?).expect("an absolute URL");
//! let table = lower(&manifests, &Vantage::mesh(None, None).dialling(&probe));
//! let expected = resolve(&table, &probe)?.expected(&sources);
//! assert_eq!(expected.source, "rules.yaml:8");
//! assert_eq!(expected.declared()[0].share.to_string(), "9/10");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod canary;
mod conflicts;
pub mod decode;
mod envoy;
pub mod fields;
pub mod gateway_api;
pub mod istio;
mod known;
pub mod kube;
pub mod mesh;
mod not_read;
mod object_name;
mod pods;
mod unknown;
pub mod weights_only;
pub mod yaml;

use std::collections::BTreeMap;

use crate::diag::{Code, Note, Severity, Sources, Span};
use crate::route::{Caveat, Probe, RouteTable, Unrouted, Vantage};
use canary::{Declared, Role};
use decode::{Decoder, MAX_PROBLEMS};
use fields::Fields;
use gateway_api::{ApiRoute, InferencePool, ReferenceGrant, TrafficPolicy};
use istio::{DestinationRule, Gateway, Sidecar, VirtualService};
use kube::{Meta, Service, Workload};
use mesh::ServiceEntry;
use mesh::labelled::LabelledRule;
use weights_only::WeightedObject;
use yaml::{Node, Value};

pub use envoy::Dump;
pub use known::known;
pub(crate) use mesh::names::{covers, full_name};
pub use object_name::{NoSuchObject, ObjectName, ObjectNameError};
pub use pods::pods;

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
    /// Every HTTPRoute of the Gateway API.
    pub http_routes: Vec<ApiRoute>,
    /// Every GRPCRoute of the Gateway API.
    pub grpc_routes: Vec<ApiRoute>,
    /// Gateways of the Gateway API.
    pub api_gateways: Vec<gateway_api::Gateway>,
    /// What lets routes lead into other namespaces.
    pub reference_grants: Vec<ReferenceGrant>,
    /// Pools of pods that serve a model.
    pub inference_pools: Vec<InferencePool>,
    /// Envoy Gateway's policies for backends.
    pub traffic_policies: Vec<TrafficPolicy>,
    /// Namespaces.
    pub namespaces: Vec<Meta>,
    /// Services.
    pub services: Vec<Service>,
    /// What runs pods.
    pub workloads: Vec<Workload>,
    /// What controllers of canaries declare.
    pub canaries: Vec<Declared>,
    /// DestinationRules of which controllers label the subsets.
    pub labelled_rules: Vec<LabelledRule>,
    /// Objects of which only the weights are read.
    pub weights_only: Vec<WeightedObject>,
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

/// One kind of object that is understood.
struct Dialect {
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    decode: fn(Meta, &mut Fields<'_, '_>, &mut Decoder<'_>, &mut Manifests),
}

const ISTIO: &[&str] = &["v1", "v1beta1", "v1alpha3"];

/// Every kind that is understood; the others are only remembered by name.
const DIALECTS: &[Dialect] = &[
    Dialect {
        group: "networking.istio.io",
        versions: ISTIO,
        kind: "VirtualService",
        decode: |meta, fields, decoder, to| {
            to.virtual_services
                .extend(VirtualService::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: "networking.istio.io",
        versions: ISTIO,
        kind: "DestinationRule",
        decode: |meta, fields, decoder, to| {
            to.destination_rules
                .extend(DestinationRule::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: "networking.istio.io",
        versions: ISTIO,
        kind: "Gateway",
        decode: |meta, fields, decoder, to| {
            to.gateways.extend(Gateway::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: "networking.istio.io",
        versions: ISTIO,
        kind: "ServiceEntry",
        decode: |meta, fields, decoder, to| {
            to.service_entries
                .extend(ServiceEntry::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: "networking.istio.io",
        versions: ISTIO,
        kind: "Sidecar",
        decode: |meta, fields, decoder, to| {
            to.sidecars.extend(Sidecar::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: "",
        versions: &["v1"],
        kind: "Service",
        decode: |meta, fields, decoder, to| {
            to.services.extend(Service::decode(meta, fields, decoder));
        },
    },
    Dialect {
        group: "",
        versions: &["v1"],
        kind: "Pod",
        decode: |meta, _, _, to| {
            to.workloads.push(Workload::pod(meta));
        },
    },
    workload("apps", "Deployment"),
    workload("apps", "StatefulSet"),
    workload("apps", "DaemonSet"),
    workload("apps", "ReplicaSet"),
];

const fn workload(group: &'static str, kind: &'static str) -> Dialect {
    Dialect {
        group,
        versions: &["v1", "v1alpha1", "v1beta1", "v1beta2"],
        kind,
        decode: |meta, fields, decoder, to| {
            to.workloads.extend(Workload::decode(meta, fields, decoder));
        },
    }
}

/// The kinds of all families.
fn dialects() -> impl Iterator<Item = &'static Dialect> {
    DIALECTS
        .iter()
        .chain(gateway_api::DIALECTS)
        .chain(canary::DIALECTS.iter().copied().flatten())
        .chain(weights_only::DIALECTS)
}

/// Reads all texts. The problems come in the order of the texts; what they concern may be missing from the manifests.
#[must_use]
pub fn parse(sources: &Sources) -> (Manifests, Vec<Note>) {
    let mut manifests = Manifests::default();
    let mut problems = Vec::new();
    for (id, source) in sources.iter() {
        if envoy::is_json(source.text())
            && envoy::read(id, source.text(), &mut manifests.dump, &mut problems)
        {
            continue;
        }
        yaml::documents(
            id,
            source.text(),
            &mut problems,
            &mut |document, problems| {
                object(&document, &mut manifests, &mut Decoder::new(problems));
            },
        );
    }
    conflicts::twice(&manifests, &mut problems);
    conflicts::delegates(&manifests, &mut problems);
    problems.sort_by_key(|problem| {
        problem
            .labels
            .first()
            .map(|label| (label.span.source, label.span.start))
    });
    if problems.len() >= MAX_PROBLEMS {
        problems.truncate(MAX_PROBLEMS);
        let message = format!("there are more problems than these {MAX_PROBLEMS}");
        problems.push(Note::new(Code::TooManyProblems, message).help("is this the right file?"));
    }
    (manifests, problems)
}

/// What one family of dialects makes of its objects.
type Lower = fn(&Manifests, &Vantage) -> RouteTable;

/// Every family, the one that owns a host first where several declare it.
const FAMILIES: &[Lower] = &[
    // What the proxies of the mesh make of a host is Istio's to say, whoever declares its routes.
    |manifests, vantage| {
        gateway_api::lower(manifests, vantage, &istio::Caller::new(manifests, vantage))
    },
    istio::lower,
    canary::lower,
    weights_only::lower,
];

/// The routes that the manifests make, seen from somewhere.
#[must_use]
pub fn lower(manifests: &Manifests, vantage: &Vantage) -> RouteTable {
    let mut tables = FAMILIES.iter().map(|lower| lower(manifests, vantage));
    let mut table = tables.next().unwrap_or_default();
    tables.for_each(|other| table.join(other));
    canary::compare(manifests, &mut table);
    if !manifests.dump.is_empty() {
        let programmed = envoy::lower(manifests, vantage);
        // Rules declare; a dump beside them says whether they have arrived.
        if table.hosts.is_empty() && !manifests.has_rules() {
            let elsewhere = std::mem::replace(&mut table, programmed).elsewhere;
            table.elsewhere.extend(elsewhere);
        } else {
            table.programmed = Some(Box::new(programmed));
        }
    }
    table
}

/// What a proxy does with a request that no rule takes, seen from somewhere.
#[must_use]
pub fn unrouted(manifests: &Manifests, vantage: &Vantage, probe: &Probe) -> Unrouted {
    if manifests.objects.is_empty() && !manifests.dump.is_empty() {
        let message = "the config dump has no route for this host";
        return Unrouted::nothing(Caveat::about(Code::Passthrough, message, None));
    }
    gateway_api::unrouted(manifests, vantage, probe)
        .unwrap_or_else(|| istio::unrouted(manifests, vantage, probe))
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

    /// Whether any object declares routes; what a proxy has been told is no declaration beside them.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        // A canary-less Ingress is a partner at most.
        let splits = |declared: &Declared| !matches!(declared.role, Role::Primary(_));
        let rules = self.http_routes.len()
            + self.grpc_routes.len()
            + self.virtual_services.len()
            + self.weights_only.len();
        rules > 0 || self.canaries.iter().any(splits)
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

/// One object, or a list of them.
fn object(node: &Node<'_>, manifests: &mut Manifests, decoder: &mut Decoder<'_>) {
    if envoy::is_yaml(node) {
        let message = "this is a config dump of Envoy written as YAML, which is not read";
        let help = "take it as JSON: istioctl proxy-config routes POD -o json";
        decoder.report(
            Note::new(Code::YamlDump, message)
                .at(node.span, "")
                .help(help),
        );
        return;
    }
    if !matches!(node.value, Value::Map(_)) {
        let problem = Note::new(Code::NoObject, "this is no manifest: it has no `kind`");
        decoder.report(
            problem
                .at(node.span, "")
                .help("a manifest begins with `apiVersion:` and `kind:`; is this the right file?"),
        );
        return;
    }
    if weights_only::entry(node, manifests, decoder) {
        return;
    }
    let Some(mut fields) = decoder.map(node, "a manifest") else {
        return;
    };
    let kind = fields.text("kind", decoder);
    let version = fields.text("apiVersion", decoder);
    for (key, field) in [("kind", &kind), ("apiVersion", &version)] {
        if field.is_none() && fields.get(key).is_none() {
            let problem =
                Note::new(Code::NoKind, format!("this document has no `{key}`")).at(node.span, "");
            decoder.report(problem.help("a manifest begins with `apiVersion:` and `kind:`"));
        }
    }
    let (Some(kind), Some(version)) = (kind, version) else {
        return;
    };
    if kind.value.ends_with("List")
        && matches!(
            node.get("items").map(|items| &items.value),
            Some(Value::List(_))
        )
    {
        for item in fields.items("items", decoder) {
            object(item, manifests, decoder);
        }
        return;
    }
    let (group, number) = version
        .value
        .split_once('/')
        .unwrap_or(("", &version.value));
    let dialect = dialects().find(|dialect| dialect.group == group && dialect.kind == kind.value);
    if dialect.is_none() {
        unknown::remember(node, &kind, &version, group, manifests, decoder);
        return;
    }
    let Some(dialect) = dialect else { return };
    let Some(meta) = Meta::decode(dialect.kind, &mut fields, decoder) else {
        return;
    };
    manifests.objects.push(Object {
        api_version: version.value.clone(),
        kind: kind.value,
        name: meta.name.clone(),
        namespace: meta.namespace.clone(),
        span: meta.span,
        start: node.span,
    });
    if !dialect.versions.contains(&number) {
        let message = format!(
            "`{}` is not a known version of {}",
            version.value, dialect.kind
        );
        let versions: Vec<String> = dialect
            .versions
            .iter()
            .map(|v| {
                if group.is_empty() {
                    (*v).to_owned()
                } else {
                    format!("{group}/{v}")
                }
            })
            .collect();
        decoder.report(
            Note::new(Code::UnknownVersion, message)
                .at(version.span, "read as if it were one")
                .help(format!("it knows {}", versions.join(", "))),
        );
    }
    (dialect.decode)(meta, &mut fields, decoder, manifests);
}
