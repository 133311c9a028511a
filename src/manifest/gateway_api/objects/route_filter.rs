//! An `HTTPRouteFilter` of Envoy Gateway, as far as it replies by itself.

use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;

/// An `HTTPRouteFilter`.
#[derive(Clone, Debug)]
pub struct RouteFilter {
    /// Its identity.
    pub meta: Meta,
    /// The status of `directResponse`, where it has one: 200 where none is written.
    pub direct: Option<u16>,
}

impl RouteFilter {
    /// A filter from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "an HTTPRouteFilter spec", decoder)?;
        let direct = spec.map("directResponse", "a direct response", decoder);
        let direct = direct.map(|mut fields| {
            let status = fields.integer("statusCode", 200..=599, decoder);
            status
                .and_then(|status| u16::try_from(status.value).ok())
                .unwrap_or(200)
        });
        Some(Self { meta, direct })
    }
}
