//! What a sidecar does with a host that is registered nowhere its client sees: `outboundTrafficPolicy` decides.

use super::lower::Compiler;
use super::sidecar_scope::Scope;
use super::unrouted::Called;
use crate::diag::{Code, Note, Span};
use crate::manifest::istio::objects::OutboundTrafficPolicy;
use crate::manifest::mesh::names::full_name;
use crate::manifest::mesh::registry_service::RegistryService;
use crate::route::{Origin, Outcome, Proxy, Unrouted};
use crate::split::LocalReplyCause;

/// A policy that keeps in what is in no registry, and the object that says so.
#[derive(Clone, Copy)]
pub(super) struct RegistryOnly<'s> {
    owner: &'s str,
    span: Span,
}

impl Compiler<'_> {
    /// A name that no Service or `ServiceEntry` has, as far as this client sees; `hidden` is one that it does not see.
    pub(super) fn unknown(
        &self,
        name: &str,
        scope: &Scope<'_>,
        client: &str,
        hidden: Option<&Called<'_>>,
    ) -> Unrouted {
        let registry = self.index.registry.has_registry();
        let (who, help) = if let Some(called) = hidden {
            let meta = called.known.meta();
            let help = scope.help_for(&meta.namespace, &called.full);
            (format!("{meta} {}", scope.why()), help)
        } else {
            let none = if registry {
                "no Service or ServiceEntry that this client sees has"
            } else {
                "these manifests hold no Service or ServiceEntry with"
            };
            (format!("{none} the host `{name}`"), None)
        };
        if let Some(policy) = self.registry_only(scope) {
            let deaf = (self.vantage.port).filter(|port| !self.listens_for(scope, *port, client));
            let mut refused = match deaf {
                Some(port) => policy.closed(&format!(
                    "{who}, nor does any that it sees have port {port} for HTTP:"
                )),
                None => policy.answered(&format!("{who}:")),
            };
            let help = help.unwrap_or_else(|| {
                format!("to let its requests out, register `{name}` with a ServiceEntry")
            });
            for note in &mut refused.caveats {
                note.help = Some(help.clone());
            }
            return refused;
        }
        let (message, place) = match self.egress_proxy(scope) {
            Some((proxy, owner, place)) => (
                format!("{who}: {owner} has its connections sent to the `egressProxy` `{proxy}`"),
                Some(place),
            ),
            None if registry => (
                format!("{who}: the proxy passes the connection through to where it is dialled"),
                None,
            ),
            None => (
                format!(
                    "{who}: without a rule the proxy leaves its connections as they are dialled"
                ),
                None,
            ),
        };
        let note = Note::about(Code::Passthrough, message, place);
        Unrouted::nothing(Note { help, ..note })
    }

    /// The policy of the client, if it is `REGISTRY_ONLY`.
    pub(super) fn registry_only<'s>(&self, scope: &'s Scope<'_>) -> Option<RegistryOnly<'s>> {
        let (policy, owner) = self.outbound(scope)?;
        let span = policy.span;
        policy.registry_only.then_some(RegistryOnly { owner, span })
    }

    /// Where connections to unknown hosts are sent instead, the object that says so, and its place.
    fn egress_proxy<'s>(&self, scope: &'s Scope<'_>) -> Option<(&'s str, &'s str, Span)> {
        let (policy, owner) = self.outbound(scope)?;
        let proxy = policy.egress_proxy.as_deref()?;
        Some((proxy, owner, policy.span))
    }

    /// The proxy of a node, which an ambient client has, knows no policy.
    fn outbound<'s>(&self, scope: &'s Scope<'_>) -> Option<(&'s OutboundTrafficPolicy, &'s str)> {
        let sidecar = matches!(
            &self.vantage.origin,
            Origin::Mesh { proxy, .. } if *proxy == Proxy::Sidecar
        );
        let (policy, owner) = scope.outbound.as_ref().filter(|_| sidecar)?;
        Some((policy, owner))
    }

    /// Whether something that the client sees has this port for HTTP, so that its proxy listens there.
    pub(super) fn listens_for(&self, scope: &Scope<'_>, port: u16, client: &str) -> bool {
        let mut listening = self.index.listening(port, client);
        listening.any(|one| sees(scope, one))
    }
}

impl RegistryOnly<'_> {
    /// A request that the proxy reads and has no host for.
    pub(super) fn answered(self, why: &str) -> Unrouted {
        let message = format!(
            "{why} `REGISTRY_ONLY` of {} keeps its requests in, and they are answered with 502",
            self.owner
        );
        Unrouted {
            outcome: Some(Outcome::reply(502, LocalReplyCause::NoRoute)),
            span: Some(self.span),
            caveats: vec![Note::about(Code::RegistryOnly, message, Some(self.span))],
        }
    }

    /// A connection whose requests the proxy does not read.
    pub(super) fn closed(self, why: &str) -> Unrouted {
        let message = format!(
            "{why} `REGISTRY_ONLY` of {} has its connections closed (`BlackHoleCluster`)",
            self.owner
        );
        Unrouted::nothing(Note::about(Code::RegistryOnly, message, Some(self.span)))
    }
}

/// Whether a client imports one of the hosts of something.
fn sees(scope: &Scope<'_>, one: RegistryService<'_>) -> bool {
    let meta = one.meta();
    match one {
        RegistryService::Service(_) => {
            scope.sees(&meta.namespace, &full_name(&meta.name, &meta.namespace))
        }
        RegistryService::Entry(entry) => {
            let mut hosts = entry.hosts.iter();
            hosts.any(|host| scope.sees(&meta.namespace, &host.value.to_lowercase()))
        }
    }
}
