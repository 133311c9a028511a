//! Who implements a Gateway, and so decides where implementations differ.

use super::index::Index;
use crate::diag::{Code, Note};
use crate::manifest::gateway_api::objects::{Gateway, GatewayClass};
use crate::route::{AppliesTo, Implementation, Origin, Vantage};

/// Who implements the Gateway API at a vantage.
pub(super) struct Implementer {
    pub(super) implementation: Implementation,
    /// Whether it is known to be Istio, and not merely taken to be.
    pub(super) surely_istio: bool,
    /// Which class and controller decided it.
    pub(super) note: Option<Note<AppliesTo>>,
}

impl Implementer {
    /// Whoever is named in the vantage; else the controller of the class of the Gateway: "`ControllerName` is the name of the
    /// controller that is managing Gateways of this class"; else Istio.
    pub(super) fn of(index: &Index<'_>, vantage: &Vantage, gateway: Option<&Gateway>) -> Self {
        if let Some(implementation) = vantage.implementation {
            return Self {
                implementation,
                surely_istio: implementation == Implementation::Istio,
                note: None,
            };
        }
        let named = gateway.and_then(|gateway| gateway.class.as_ref());
        if let Some(class) = named.and_then(|name| index.class(&name.value)) {
            return Self::by(class);
        }
        Self {
            implementation: Implementation::Istio,
            surely_istio: named.is_some_and(|name| name.value.starts_with("istio")),
            note: None,
        }
    }

    fn by(class: &GatewayClass) -> Self {
        let controller = class.controller.value.as_str();
        let named = &class.meta.name;
        let (implementation, judged) = match controller.split('/').next() {
            Some("istio.io") => (Implementation::Istio, None),
            Some("gateway.envoyproxy.io") => {
                let judged = "the routes are judged as Envoy Gateway has them";
                (Implementation::EnvoyGateway, Some(judged))
            }
            Some("projectcontour.io" | "kgateway.dev" | "gateway.nginx.org") => {
                let judged = "the routes are judged as the specification has them, regular expressions before prefixes";
                (Implementation::RegexFirst, Some(judged))
            }
            _ => {
                let judged = "the routes are judged as the specification has them, which leaves some of the order of rules open";
                (Implementation::Spec, Some(judged))
            }
        };
        let note = judged.map(|judged| {
            let message =
                format!("the controller of GatewayClass {named} is `{controller}`: {judged}");
            Note::about(Code::ImplementedBy, message, Some(class.controller.span))
        });
        Self {
            implementation,
            surely_istio: implementation == Implementation::Istio,
            note,
        }
    }
}

/// Who implements the Gateway that a vantage is at.
pub(in crate::manifest) fn implementation(index: &Index<'_>, vantage: &Vantage) -> Implementation {
    let gateway = match &vantage.origin {
        Origin::Gateway { namespace, name } => index.gateway(namespace, name),
        Origin::Mesh { .. } => None,
    };
    Implementer::of(index, vantage, gateway).implementation
}
