//! What every Kubernetes object has, Services, and the pod labels of workloads.

use std::collections::BTreeMap;
use std::fmt;

use super::decode::{At, Decoder};
use super::fields::Fields;
use super::yaml::{Node, Value};
use crate::diag::{Code, Note, Span};

/// The identity of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// `VirtualService`.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace; `default` where none is written.
    pub namespace: String,
    /// When the cluster created it, in a dump of a cluster.
    pub created: Option<String>,
    /// The labels of the object itself.
    pub labels: BTreeMap<String, String>,
    /// Its annotations for the mesh, each with its place.
    pub annotations: BTreeMap<String, At<String>>,
    /// Where the name is.
    pub span: Span,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its identity.
    pub meta: Meta,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Labels of the pods behind it; empty for a Service without selector.
    pub selector: BTreeMap<String, String>,
    /// `ClusterIP` unless written otherwise.
    pub kind: Option<At<String>>,
    /// The address, `None` as text for a headless Service.
    pub cluster_ip: Option<At<String>>,
    /// All of its addresses, where it has several.
    pub cluster_ips: Vec<At<String>>,
    /// The namespaces that see it, by the annotation `networking.istio.io/exportTo`; none means all.
    pub export_to: Vec<At<String>>,
    /// The name that an `ExternalName` Service stands for.
    pub external_name: Option<At<String>>,
}

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name, which tells the protocol.
    pub name: Option<At<String>>,
    /// Its number.
    pub port: At<u16>,
    /// The port of the pods, a number or a name.
    pub target: Option<String>,
    /// The protocol, stronger than the name.
    pub app_protocol: Option<At<String>>,
    /// TCP or UDP.
    pub protocol: Option<At<String>>,
}

/// What a port is declared to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carries {
    /// HTTP of some version.
    Http,
    /// Nothing is declared: the proxy looks at the bytes.
    Undetermined,
    /// Something else, named as a message does.
    Other(String),
}

/// Something that runs pods: a Deployment, a Pod, a Rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its identity.
    pub meta: Meta,
    /// The labels its pods carry.
    pub labels: BTreeMap<String, String>,
    /// How many pods it declares: 1 where it does not say.
    pub replicas: u64,
    /// What its pods say about their proxy.
    pub pod: PodSettings,
}

/// What pods say about the proxy of the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSettings {
    /// The annotations of the pods for the mesh.
    pub annotations: BTreeMap<String, At<String>>,
    /// They use the network of their node.
    pub host_network: Option<Span>,
    /// The ports that their containers declare.
    pub ports: Vec<ContainerPort>,
    /// One of their containers is the proxy.
    pub has_proxy: bool,
    /// This is a pod, and not a template of one.
    pub runs: bool,
    /// Its address, where it has one.
    pub ip: Option<String>,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// Its name.
    pub name: Option<String>,
    /// Its number.
    pub number: u16,
}

/// The container of the proxy.
const PROXY: &str = "istio-proxy";

impl PodSettings {
    /// From the annotations of a pod and its spec; what is wrong in there is nobody's concern here.
    fn read(metadata: Option<&Node<'_>>, spec: Option<&Node<'_>>) -> Self {
        let scalar = |node: &Node<'_>| match &node.value {
            Value::Scalar { text, .. } => Some(text.to_string()),
            _ => None,
        };
        let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
        let annotations = match annotations.map(|node| &node.value) {
            Some(Value::Map(entries)) => entries
                .iter()
                .filter(|entry| entry.key.contains("istio.io/"))
                .filter_map(|entry| {
                    let value = scalar(&entry.value)?;
                    let span = entry.value.span;
                    Some((entry.key.to_string(), At { value, span }))
                })
                .collect(),
            _ => BTreeMap::new(),
        };
        let on_host = spec.and_then(|spec| spec.get("hostNetwork"));
        let on_host = on_host.filter(|node| scalar(node).as_deref() == Some("true"));
        let containers = ["containers", "initContainers"].into_iter();
        let lists = containers.filter_map(|key| match &spec?.get(key)?.value {
            Value::List(items) => Some(items),
            _ => None,
        });
        let containers: Vec<&Node<'_>> = lists.flatten().collect();
        let port = |node: &Node<'_>| {
            let number = node.get("containerPort").and_then(scalar)?.parse().ok()?;
            let name = node.get("name").and_then(scalar);
            Some(ContainerPort { name, number })
        };
        let ports = containers
            .iter()
            .filter_map(|one| match &one.get("ports")?.value {
                Value::List(items) => Some(items),
                _ => None,
            });
        let ports = ports.flatten().filter_map(port).collect();
        let named = |node: &Node<'_>| node.get("name").and_then(scalar).as_deref() == Some(PROXY);
        Self {
            annotations,
            host_network: on_host.map(|node| node.span),
            has_proxy: containers.into_iter().any(named),
            ports,
            runs: false,
            ip: None,
        }
    }
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl Meta {
    /// The identity of the object with these fields, unless it has no name.
    pub(super) fn decode(
        kind: &str,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        if object.get("metadata").is_none() {
            let message = format!("this {kind} has no `metadata.name`");
            decoder.report(Note::new(Code::NoName, message).at(object.span, ""));
            return None;
        }
        let mut meta = object.map("metadata", "metadata", decoder)?;
        let labels = meta.labels("labels", decoder);
        let annotations = meta.entries("annotations", decoder);
        let of_the_mesh = annotations
            .iter()
            .filter(|entry| entry.key.contains("istio.io/") && !entry.value.is_null());
        let annotations = of_the_mesh
            .filter_map(|entry| {
                Some((
                    entry.key.to_string(),
                    decoder.text(&entry.value, &entry.key)?,
                ))
            })
            .collect();
        let namespace = meta.text("namespace", decoder);
        let created = meta
            .get("creationTimestamp")
            .and_then(|node| decoder.text(node, "creationTimestamp"));
        if meta.get("name").is_none() {
            let message = format!("this {kind} has no `metadata.name`");
            let problem = Note::new(Code::NoName, message).at(meta.span, "no `name` in here");
            decoder.report(problem.help("give it the name it has in the cluster"));
            return None;
        }
        let name = meta.text("name", decoder)?;
        Some(Self {
            kind: kind.to_owned(),
            name: name.value,
            namespace: namespace.map_or_else(|| "default".to_owned(), |namespace| namespace.value),
            created: created.map(|created| created.value),
            labels,
            annotations,
            span: name.span,
        })
    }

    /// The comma-separated words of an annotation.
    pub(super) fn listed(&self, annotation: &str) -> Vec<At<String>> {
        let Some(text) = self.annotations.get(annotation) else {
            return Vec::new();
        };
        let words = text.value.split(',').map(str::trim);
        let word = |word: &str| At {
            value: word.to_owned(),
            span: text.span,
        };
        words.filter(|word| !word.is_empty()).map(word).collect()
    }
}

impl Service {
    /// A Service from the fields of its object.
    pub(super) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a Service spec", decoder)?;
        let export_to = meta.listed("networking.istio.io/exportTo");
        Some(Self {
            meta,
            export_to,
            cluster_ips: spec.texts("clusterIPs", decoder),
            ports: spec.list("ports", decoder, ServicePort::decode),
            selector: spec.labels("selector", decoder),
            kind: spec.text("type", decoder),
            cluster_ip: spec.text("clusterIP", decoder),
            external_name: spec.text("externalName", decoder),
        })
    }
}

impl Service {
    /// The ports that the Service has, as text, unless a port is one of them or none is written.
    #[must_use]
    pub fn others_than(&self, port: u16) -> Option<String> {
        let numbers = || self.ports.iter().map(|one| one.port.value);
        if self.ports.is_empty() || numbers().any(|number| number == port) {
            return None;
        }
        let numbers: Vec<String> = numbers().map(|number| number.to_string()).collect();
        Some(numbers.join(", "))
    }
}

impl ServicePort {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut port = decoder.map(node, "a Service port")?;
        let target = port.get("targetPort").and_then(|node| match &node.value {
            super::yaml::Value::Scalar { text, .. } => Some(text.to_string()),
            _ => None,
        });
        Some(Self {
            name: port.text("name", decoder),
            port: port.port("port", decoder)?,
            target,
            app_protocol: port.text("appProtocol", decoder),
            protocol: port.text("protocol", decoder),
        })
    }
}

impl ServicePort {
    /// What the port is declared to carry. A name that says nothing is no declaration: the proxy looks at the bytes then,
    /// except on ports where a server is known to speak first.
    #[must_use]
    pub fn carries(&self) -> Carries {
        let text =
            |field: &Option<At<String>>| field.as_ref().map(|text| text.value.to_lowercase());
        if text(&self.protocol).is_some_and(|protocol| protocol == "udp") {
            return Carries::Other("UDP".to_owned());
        }
        let name = text(&self.app_protocol)
            .or_else(|| text(&self.name))
            .unwrap_or_default();
        let head = match name.as_str() {
            "kubernetes.io/h2c" | "kubernetes.io/ws" => return Carries::Http,
            "kubernetes.io/wss" => "https",
            name => name.split('-').next().unwrap_or_default(),
        };
        match Carries::named(head) {
            Carries::Undetermined if matches!(self.port.value, 25 | 53 | 3306 | 27017) => {
                Carries::Other("`tcp`".to_owned())
            }
            carries => carries,
        }
    }
}

impl Carries {
    /// What a protocol of this name, in lower case, is.
    #[must_use]
    pub fn named(protocol: &str) -> Self {
        match protocol {
            "http" | "http2" | "grpc" | "grpc-web" | "http_proxy" => Self::Http,
            "tcp" | "tls" | "https" | "mongo" | "redis" | "mysql" | "udp" => {
                Self::Other(format!("`{protocol}`"))
            }
            _ => Self::Undetermined,
        }
    }

    /// Whether it is TLS of some kind, whose connections are told apart by the name in the handshake.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Other(name) if name == "`tls`" || name == "`https`")
    }
}

impl Workload {
    /// A Deployment, `StatefulSet`, `DaemonSet`, `ReplicaSet` or Rollout from the fields of its object.
    pub(super) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a workload spec", decoder)?;
        let replicas = spec.integer("replicas", 0..=i64::from(i32::MAX), decoder);
        let replicas = replicas.map_or(1, |replicas| replicas.value.unsigned_abs());
        let Some(mut template) = spec.map("template", "a pod template", decoder) else {
            // A Rollout may name a Deployment in `workloadRef` instead; then that Deployment tells the labels.
            return Some(Self {
                meta,
                labels: BTreeMap::new(),
                replicas,
                pod: PodSettings::default(),
            });
        };
        let pod = PodSettings::read(template.get("metadata"), template.get("spec"));
        let labels = template
            .map("metadata", "pod metadata", decoder)
            .map_or_else(BTreeMap::new, |mut metadata| {
                metadata.labels("labels", decoder)
            });
        Some(Self {
            meta,
            labels,
            replicas,
            pod,
        })
    }

    /// A Pod: its labels are its own.
    pub(super) fn pod(meta: Meta, object: &mut Fields<'_, '_>) -> Self {
        let pod = PodSettings::read(object.get("metadata"), object.get("spec"));
        let ip = object.get("status").and_then(|status| status.get("podIP"));
        let ip = ip.and_then(|node| match &node.value {
            Value::Scalar { text, .. } => Some(text.to_string()),
            _ => None,
        });
        Self {
            labels: meta.labels.clone(),
            pod: PodSettings {
                runs: true,
                ip,
                ..pod
            },
            meta,
            replicas: 1,
        }
    }

    /// An endpoint that is written as an object of its own, with the labels that it carries.
    pub(super) fn endpoint(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a WorkloadEntry spec", decoder)?;
        Some(Self {
            labels: spec.labels("labels", decoder),
            meta,
            replicas: 1,
            pod: PodSettings::default(),
        })
    }
}

/// Whether labels hold everything that a selector asks for; one that asks for nothing selects everything.
#[must_use]
pub fn selects(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    (selector.iter()).all(|(key, value)| labels.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Sources, Span};

    /// "appProtocol if set (even if name says otherwise) else port name; text before first '-', case-insensitive;
    /// anything else or empty -> UNDETERMINED; and if undetermined and port in {25, 53, 3306, 27017} -> TCP".
    #[test]
    fn only_a_declared_protocol_keeps_http_routes_away() {
        let span = Span::new(Sources::new().add("t", ""), 0..0);
        let text = |text: &str| {
            (!text.is_empty()).then(|| At {
                value: text.to_owned(),
                span,
            })
        };
        for (name, app, port, http) in [
            ("http-backend", "", 80, true),
            ("HTTP-x", "", 80, true),
            ("grpc-web-x", "", 80, true),
            ("backend", "", 80, true),
            ("", "", 80, true),
            ("tcp-web", "", 80, false),
            ("https-web", "", 443, false),
            ("tcp-web", "http", 80, true),
            ("http-web", "tcp", 80, false),
            ("x", "kubernetes.io/h2c", 80, true),
            ("x", "kubernetes.io/wss", 80, false),
            ("db", "", 3306, false),
        ] {
            let (name, app_protocol) = (text(name), text(app));
            let port = ServicePort {
                name,
                port: At { value: port, span },
                target: None,
                app_protocol,
                protocol: None,
            };
            let other = matches!(port.carries(), Carries::Other(_));
            assert_eq!(!other, http, "{port:?}");
        }
    }
}
