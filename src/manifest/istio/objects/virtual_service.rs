//! A VirtualService as written, every field of it.

use super::admission;
use super::gateway::gateway_name;
use super::http_route::HttpRoute;
use super::tcp_route::TcpRoute;
use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::visibility::check_exports;

/// A VirtualService.
#[derive(Clone, Debug)]
pub struct VirtualService {
    /// Its identity.
    pub meta: Meta,
    /// The hosts it routes; none for a delegate.
    pub hosts: Vec<At<String>>,
    /// The gateways it is bound to; none means the mesh.
    pub gateways: Vec<At<String>>,
    /// The namespaces that see it; none means all.
    pub export_to: Vec<At<String>>,
    /// Its HTTP routes in order.
    pub http: Vec<HttpRoute>,
    /// Its TCP routes in order.
    pub tcp: Vec<TcpRoute>,
    /// Its TLS routes in order.
    pub tls: Vec<TcpRoute>,
    /// Where `tcp` or `tls` routes are, if there are any.
    pub opaque: Option<At<&'static str>>,
}

impl VirtualService {
    /// A VirtualService from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let Some(mut spec) = object.map("spec", "a VirtualService spec", decoder) else {
            let message = format!("{meta} has no `spec`");
            decoder.report(Note::new(Code::MissingField, message).at(object.span, ""));
            return None;
        };
        let before = decoder.count();
        let hosts = spec.texts("hosts", decoder);
        let unread = decoder.count() > before || spec.misspelt("hosts");
        admission::hosts(&hosts, decoder);
        let gateways = spec.texts("gateways", decoder);
        let export_to = spec.texts("exportTo", decoder);
        check_exports(&export_to, &meta, decoder);
        let before = decoder.count();
        let http = spec.list("http", decoder, HttpRoute::decode);
        let clean = decoder.count() == before && !spec.misspelt("http");
        let tcp = spec.list("tcp", decoder, TcpRoute::decode);
        let tls = spec.list("tls", decoder, TcpRoute::decode_tls);
        admission::server_names(&hosts, spec.items("tls", decoder), decoder);
        let opaque = ["tcp", "tls"]
            .into_iter()
            .find_map(|key| spec.place(key).map(|span| At { value: key, span }));
        if http.is_empty() && clean && opaque.is_none() {
            let problem = Note::new(
                Code::NoRoutes,
                format!("{meta} has no `http`, `tls` or `tcp` routes"),
            );
            decoder.report(problem.at(spec.span, "nothing is routed here"));
        }
        let mesh = gateways.is_empty() || gateways.iter().any(|gateway| gateway.value == "mesh");
        if let Some(all) = hosts.iter().find(|host| host.value == "*" && mesh) {
            let problem = Note::new(
                Code::WildcardInMesh,
                "the host `*` is allowed at gateways only",
            );
            decoder.report(
                problem.at(all.span, "").help(
                    "name the hosts, or bind the VirtualService to a gateway with `gateways`",
                ),
            );
        }
        spec.finish(decoder);
        // A VirtualService without hosts is a delegate; one with unreadable hosts is not.
        (!unread || !hosts.is_empty()).then_some(Self {
            meta,
            hosts,
            gateways,
            export_to,
            http,
            tcp,
            tls,
            opaque,
        })
    }

    /// The gateways it is bound to; no `gateways` is the same as the word `mesh` alone.
    pub(crate) fn bindings(&self) -> Vec<String> {
        if self.gateways.is_empty() {
            return vec!["mesh".to_owned()];
        }
        let gateways = self.gateways.iter();
        let named = |gateway: &At<String>| gateway_name(&gateway.value, &self.meta.namespace);
        gateways.map(named).collect()
    }

    /// The VirtualService as an object is named: `VirtualService default/weather`.
    #[must_use]
    pub fn object(&self) -> String {
        self.meta.to_string()
    }
}
