//! Manifests: the objects of YAML texts, decoded with their places, and the routes they make; beside them what proxies
//! have been told, from dumps of their configuration.
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

mod alone;
pub mod attached;
pub mod canary;
mod conflicts;
pub mod decode;
mod dialect;
mod elsewhere;
mod endpoints;
mod envoy;
pub mod fields;
pub mod gateway_api;
pub mod instrument;
pub mod istio;
mod known_targets;
pub mod kube;
mod lowering;
mod manifests;
pub mod mesh;
mod mesh_splits;
mod not_read;
mod object_name;
mod pod_labels;
mod pods;
pub mod reported;
mod secret;
mod unknown;
pub mod weights_only;
pub mod yaml;

use crate::diag::{Code, MAX_PROBLEMS, Note, Sources};
use crate::route::{Probe, Unrouted, Vantage};
use decode::Decoder;
use dialect::{Dialect, dialect};
use endpoints::Endpoints;
use kube::{Meta, Service, Workload};
use secret::Secret;
use yaml::{Node, Value};

pub use envoy::{Dump, Mirror, ProgrammedRoute};
pub use istio::SharedTable;
pub use known_targets::known_targets;
pub use lowering::{Lowering, lower};
pub use manifests::{Manifests, Object};
pub(crate) use mesh::names::{covers, full_name};
pub use object_name::{NoSuchObject, ObjectName, ObjectNameError};
pub use pods::pods;

/// The kinds of Kubernetes itself.
const KUBERNETES: &[Dialect] = &[
    dialect!("", &["v1"], "Service", services, Service::decode),
    dialect!("", &["v1"], "Secret", secrets, Secret::decode),
    Dialect {
        group: "",
        versions: &["v1"],
        kind: "Pod",
        decode: |meta, fields, _, to| to.workloads.push(Workload::pod(meta, fields)),
    },
    dialect!("", &["v1"], "Endpoints", endpoints, Endpoints::decode),
    dialect!(
        "discovery.k8s.io",
        &["v1", "v1beta1"],
        "EndpointSlice",
        endpoints,
        Endpoints::decode_slice
    ),
    workload("Deployment"),
    workload("StatefulSet"),
    workload("DaemonSet"),
    workload("ReplicaSet"),
];

const fn workload(kind: &'static str) -> Dialect {
    let versions = &["v1", "v1alpha1", "v1beta1", "v1beta2"];
    dialect!("apps", versions, kind, workloads, Workload::decode)
}

/// The kinds of all families.
fn dialects() -> impl Iterator<Item = &'static Dialect> {
    KUBERNETES
        .iter()
        .chain(istio::DIALECTS)
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

/// Routes of Envoy that are written as YAML, as the JSON in which they are read; `None` for any other text.
#[must_use]
pub fn dump_as_json(text: &str) -> Option<String> {
    let mut sources = Sources::new();
    let id = sources.add("", text);
    let mut found = None;
    yaml::documents(id, text, &mut Vec::new(), &mut |document, _| {
        let dump = !envoy::is_json(text) && envoy::is_yaml(&document);
        if dump && found.is_none() {
            found = serde_json::to_string_pretty(&yaml::json(&document)).ok();
        }
    });
    found
}

/// What a proxy does with a request that no rule takes, seen from somewhere.
#[must_use]
pub fn unrouted(manifests: &Manifests, vantage: &Vantage, probe: &Probe) -> Unrouted {
    if manifests.objects.is_empty() && !manifests.dump.is_empty() {
        let message = "the config dump has no route for this host";
        return Unrouted::nothing(Note::about(Code::Passthrough, message, None));
    }
    gateway_api::unrouted(manifests, vantage, probe)
        .unwrap_or_else(|| istio::unrouted(manifests, vantage, probe))
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
        report(node, group, manifests);
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
    report(node, group, manifests);
    (dialect.decode)(meta, &mut fields, decoder, manifests);
}

/// Keeps what is reported about the object that was remembered last.
fn report(node: &Node<'_>, group: &str, manifests: &mut Manifests) {
    if let Some(object) = manifests.objects.last() {
        let found = reported::read(node, group, [&object.kind, &object.namespace, &object.name]);
        manifests.reported.extend(found);
    }
}
