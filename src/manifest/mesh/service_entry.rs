//! A `ServiceEntry` as written: hosts that the mesh is told about.

use std::collections::BTreeMap;

use super::visibility::check_exports;
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::{Carries, Meta};
use crate::manifest::yaml::Node;

/// A service outside of the mesh's own registry.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    /// Its identity.
    pub meta: Meta,
    /// Its host names, each perhaps with a wildcard.
    pub hosts: Vec<At<String>>,
    /// Its addresses.
    pub addresses: Vec<At<String>>,
    /// Its ports.
    pub ports: Vec<EntryPort>,
    /// How its endpoints are found: `NONE` where the client has picked one.
    pub resolution: Option<At<String>>,
    /// The labels of each endpoint that is listed.
    pub endpoints: Vec<BTreeMap<String, String>>,
    /// The labels of the workloads behind it; empty where none are selected.
    pub selector: BTreeMap<String, String>,
    /// The namespaces that see it; none means all.
    pub export_to: Vec<At<String>>,
}

/// One port of a `ServiceEntry`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPort {
    /// Its number.
    pub number: At<u16>,
    /// Its name, which tells nothing about the protocol.
    pub name: Option<At<String>>,
    /// The protocol.
    pub protocol: Option<At<String>>,
}

impl ServiceEntry {
    /// A `ServiceEntry` from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a ServiceEntry spec", decoder)?;
        let entry = Self {
            meta,
            hosts: spec.texts("hosts", decoder),
            addresses: spec.texts("addresses", decoder),
            ports: spec.list("ports", decoder, EntryPort::decode),
            resolution: spec.text("resolution", decoder),
            endpoints: spec.list("endpoints", decoder, |node, decoder| {
                let mut endpoint = decoder.map(node, "an endpoint")?;
                Some(endpoint.labels("labels", decoder))
            }),
            selector: spec
                .map("workloadSelector", "a workload selector", decoder)
                .map_or_else(BTreeMap::new, |mut selector| {
                    selector.labels("labels", decoder)
                }),
            export_to: spec.texts("exportTo", decoder),
        };
        let protocol = |port: &EntryPort| {
            let protocol = port.protocol.as_ref();
            protocol.map_or_else(String::new, |text| text.value.clone())
        };
        let protocols: Vec<String> = entry.ports.iter().map(protocol).collect();
        let resolution = entry.resolution.as_ref().map(|text| text.value.as_str());
        check_exports(&entry.export_to, &entry.meta, decoder);
        apart(&entry.hosts, &protocols, resolution, decoder);
        // Who may be called, and where it is: neither chooses a destination.
        spec.ignore(&["location", "subjectAltNames"]);
        spec.finish(decoder);
        Some(entry)
    }
}

/// "multiple hosts provided with non-HTTP, non-TLS ports": nothing in such a connection says which host is meant.
fn apart(
    hosts: &[At<String>],
    protocols: &[String],
    resolution: Option<&str>,
    decoder: &mut Decoder<'_>,
) {
    let tells = |protocol: &String| {
        let protocol = protocol.to_uppercase();
        matches!(
            protocol.as_str(),
            "HTTP" | "HTTP2" | "HTTP_PROXY" | "GRPC" | "GRPC-WEB" | "HTTPS" | "TLS"
        )
    };
    let picked = resolution.is_none_or(|resolution| resolution == "NONE");
    if let ([_, second, ..], false, false) = (hosts, picked, protocols.iter().all(tells)) {
        let message = "several hosts share a port that is neither HTTP nor TLS, where nothing says which of them is meant";
        let problem = Note::new(Code::OneHost, message).at(second.span, "a second host");
        decoder.report(problem.help("Istio refuses this object: write a ServiceEntry for each"));
    }
}

impl EntryPort {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut port = decoder.map(node, "a port")?;
        let name = port.text("name", decoder);
        let protocol = port.text("protocol", decoder);
        port.ignore(&["targetPort"]);
        let number = port.port("number", decoder);
        port.finish(decoder);
        Some(Self {
            number: number?,
            name,
            protocol,
        })
    }

    /// What the port is declared to carry: its protocol says, its name does not.
    #[must_use]
    pub fn carries(&self) -> Carries {
        let protocol = self.protocol.as_ref();
        protocol.map_or(Carries::Undetermined, |protocol| {
            Carries::named(&protocol.value.to_lowercase())
        })
    }
}
