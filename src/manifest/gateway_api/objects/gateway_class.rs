//! A `GatewayClass` as written: which controller implements the Gateways of a class.

use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;

/// A `GatewayClass`.
#[derive(Clone, Debug)]
pub struct GatewayClass {
    /// Its identity; its namespace says nothing.
    pub meta: Meta,
    /// The controller, as in `example.net/gateway-controller`.
    pub controller: At<String>,
}

impl GatewayClass {
    /// A class from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a GatewayClass spec", decoder)?;
        let controller = spec.required("controllerName", decoder);
        spec.ignore(&["parametersRef", "description"]);
        spec.finish(decoder);
        Some(Self {
            meta,
            controller: controller?,
        })
    }
}
