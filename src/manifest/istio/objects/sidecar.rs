//! A `Sidecar` as written, as far as it decides what a client may see.

use std::collections::BTreeMap;

use super::outbound_policy::OutboundTrafficPolicy;
use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;

/// A `Sidecar`.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// Its identity.
    pub meta: Meta,
    /// The labels of the clients it applies to; none means all of its namespace.
    pub selector: BTreeMap<String, String>,
    /// What those clients may reach; none means everything.
    pub egress: Vec<Egress>,
    /// What becomes of hosts that nobody registers; none means what the mesh config says.
    pub outbound: Option<OutboundTrafficPolicy>,
}

/// One listener of `egress`.
#[derive(Clone, Debug)]
pub struct Egress {
    /// The port it is limited to.
    pub port: Option<At<u16>>,
    /// The hosts it imports, `namespace/host` each.
    pub hosts: Vec<Import>,
    /// Where it begins, if it is for every port.
    pub any_port: Option<Span>,
    /// A field that changes how connections reach the proxy, if there is one.
    pub unusual: Option<At<&'static str>>,
}

/// `namespace/host`: what a client imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The namespace, `*` for all, `.` for the client's own, `~` for none.
    pub namespace: String,
    /// The host, perhaps with a wildcard.
    pub host: String,
    /// Where it is written.
    pub span: Span,
}

impl Sidecar {
    /// A `Sidecar` from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a Sidecar spec", decoder)?;
        let sidecar = Self {
            meta,
            selector: spec
                .map("workloadSelector", "a workload selector", decoder)
                .map_or_else(BTreeMap::new, |mut selector| {
                    selector.labels("labels", decoder)
                }),
            egress: egress(spec.list("egress", decoder, Egress::decode), decoder),
            outbound: OutboundTrafficPolicy::decode(&mut spec, decoder),
        };
        // What comes in.
        spec.ignore(&["ingress", "inboundConnectionPool"]);
        spec.finish(decoder);
        Some(sidecar)
    }
}

/// "there can be only one catch all egress listener with empty port, and it should be the last listener."
fn egress(listeners: Vec<Egress>, decoder: &mut Decoder<'_>) -> Vec<Egress> {
    let before = listeners.split_last().map_or(&[][..], |(_, before)| before);
    if let Some(span) = before.iter().find_map(|one| one.any_port) {
        let message = "an egress listener without a `port` must be the last one, and the only one";
        let problem = Note::new(Code::EgressOrder, message).at(span, "");
        decoder.report(problem.help(
            "Istio refuses this object: merge their `hosts`, or give each of the others a `port`",
        ));
    }
    listeners
}

impl Egress {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut listener = decoder.map(node, "an egress listener")?;
        let any_port = listener.place("port").is_none().then_some(node.span);
        let port = listener
            .map("port", "a port", decoder)
            .and_then(|mut port| port.port("number", decoder))
            .filter(|port| port.value != 0);
        let hosts = listener.list("hosts", decoder, Import::decode);
        let mut unusual = None;
        for key in ["bind", "captureMode"] {
            if let Some(span) = listener.place(key) {
                unusual.get_or_insert(At { value: key, span });
            }
        }
        listener.finish(decoder);
        Some(Self {
            port,
            hosts,
            any_port,
            unusual,
        })
    }
}

impl Import {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let text = decoder.text(node, "an item of `hosts`")?;
        let Some((namespace, host)) = text.value.split_once('/') else {
            let message = format!("the egress host `{}` names no namespace", text.value);
            let problem = Note::new(Code::BadHost, message).at(text.span, "");
            decoder.report(problem.help(format!("write `*/{0}` or `./{0}`", text.value)));
            return None;
        };
        Some(Self {
            namespace: namespace.to_owned(),
            host: host.to_lowercase(),
            span: text.span,
        })
    }
}
