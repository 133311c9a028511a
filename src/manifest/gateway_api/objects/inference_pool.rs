//! An InferencePool: pods of a model, among which an endpoint picker chooses.

use std::collections::BTreeMap;

use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;

/// An InferencePool.
#[derive(Clone, Debug)]
pub struct InferencePool {
    /// Its identity.
    pub meta: Meta,
    /// The labels of its pods.
    pub selector: BTreeMap<String, String>,
    /// The first port of its pods.
    pub port: Option<u16>,
    /// The Service that picks one of them.
    pub picker: Option<At<String>>,
    /// Requests are refused where it does not respond, which is what happens unless another thing is asked for.
    pub fails_closed: bool,
}

impl InferencePool {
    /// An InferencePool from the fields of its object: `selector.matchLabels` and `targetPorts` in v1, the labels
    /// themselves and `targetPortNumber` before.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "an InferencePool spec", decoder)?;
        let nested = spec
            .get("selector")
            .is_some_and(|selector| selector.get("matchLabels").is_some());
        let selector = if nested {
            spec.map("selector", "a selector", decoder)
                .map(|mut selector| selector.labels("matchLabels", decoder))
                .unwrap_or_default()
        } else {
            spec.labels("selector", decoder)
        };
        let ports = spec.list("targetPorts", decoder, |node, decoder| {
            decoder.map(node, "a target port")?.port("number", decoder)
        });
        let old = spec.port("targetPortNumber", decoder);
        let key = ["endpointPickerRef", "extensionRef"];
        let key = key.into_iter().find(|key| spec.get(key).is_some());
        let (mut picker, mut fails_closed) = (None, true);
        if let Some(mut own) = key.and_then(|key| spec.map(key, "an endpoint picker", decoder)) {
            picker = own.text("name", decoder);
            let mode = own.text("failureMode", decoder);
            fails_closed = mode.is_none_or(|mode| mode.value != "FailOpen");
        }
        Some(Self {
            meta,
            selector,
            port: ports.into_iter().next().or(old).map(|port| port.value),
            picker,
            fails_closed,
        })
    }
}
