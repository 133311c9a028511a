//! A Backend of Envoy Gateway: addresses outside of the Services of the cluster.

use super::pick_source::pick_source;
use crate::manifest::decode::Decoder;
use crate::manifest::endpoints::socket;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;
use crate::route::PickSource;

/// A Backend.
#[derive(Clone, Debug)]
pub struct EnvoyBackend {
    /// Its identity.
    pub meta: Meta,
    /// What decides where its requests go.
    pub kind: BackendType,
    /// Its addresses, `10.0.0.7:8080`; `None` where one of them is a name.
    pub addresses: Option<Vec<String>>,
}

/// `type` of a Backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendType {
    /// Its endpoints get the requests.
    Endpoints,
    /// The `Host` header names the destination.
    DynamicResolver,
    /// A request may name one of its endpoints.
    HostOverride(Vec<PickSource>),
}

impl EnvoyBackend {
    /// A Backend from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a Backend spec", decoder)?;
        let kind = spec.text("type", decoder);
        let endpoints = spec.list("endpoints", decoder, |node, decoder| {
            Some(address(node, decoder))
        });
        let settings = spec.map("hostOverrideSettings", "settings", decoder);
        let sources =
            settings.map(|mut settings| settings.list("overrideHostSources", decoder, pick_source));
        Some(Self {
            meta,
            kind: match (kind.as_ref().map(|kind| kind.value.as_str()), sources) {
                (Some("DynamicResolver"), _) => BackendType::DynamicResolver,
                (Some("HostOverride"), Some(sources)) => BackendType::HostOverride(sources),
                _ => BackendType::Endpoints,
            },
            addresses: endpoints.into_iter().collect(),
        })
    }
}

/// The address of an endpoint, if it has one.
fn address(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<String> {
    let mut ip = decoder
        .map(node, "an endpoint")?
        .map("ip", "an address", decoder)?;
    let (address, port) = (ip.text("address", decoder)?, ip.port("port", decoder)?);
    socket(&address.value, port.value)
}
