//! What the proxy of a client does with hosts that nobody registers.

use crate::diag::Span;
use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;

/// `outboundTrafficPolicy` of a `Sidecar` or of the mesh config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundTrafficPolicy {
    /// `REGISTRY_ONLY`: such hosts are not reached. Else it is `ALLOW_ANY`.
    pub registry_only: bool,
    /// The host that requests for such hosts are sent to instead of where they are dialled.
    pub egress_proxy: Option<String>,
    /// Where it says so.
    pub span: Span,
}

impl OutboundTrafficPolicy {
    /// The policy among the fields of what has one. `REGISTRY_ONLY` is the first of the modes, and so the one that is meant
    /// by a policy without a mode.
    pub(super) fn decode(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let key = fields.place("outboundTrafficPolicy")?;
        let mut policy = fields.map("outboundTrafficPolicy", "a traffic policy", decoder)?;
        let unset = policy.get("mode").is_none() && !policy.misspelt("mode");
        let mode = policy.choice("mode", &["REGISTRY_ONLY", "ALLOW_ANY"], decoder);
        let egress_proxy = policy
            .map("egressProxy", "a destination", decoder)
            .and_then(|mut proxy| proxy.text("host", decoder));
        policy.finish(decoder);
        let known = mode.map(|mode| (mode.value == "REGISTRY_ONLY", mode.span));
        let (registry_only, span) = known.or_else(|| unset.then_some((true, key)))?;
        Some(Self {
            registry_only,
            egress_proxy: egress_proxy.map(|host| host.value),
            span,
        })
    }
}
