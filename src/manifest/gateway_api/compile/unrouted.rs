//! What the proxy of a Gateway does with a request that no route takes.

use super::certificates::without_certificate;
use super::index::Index;
use super::refusals::mapped;
use crate::diag::{Code, Note};
use crate::manifest::Manifests;
use crate::manifest::gateway_api::objects::Listener;
use crate::route::{Origin, Outcome, Probe, Transport, Unrouted, Vantage};
use crate::split::LocalReplyCause;

/// What becomes of a request that no route takes; `None` where no Gateway of this API is asked about.
pub(in crate::manifest) fn unrouted(
    manifests: &Manifests,
    vantage: &Vantage,
    probe: &Probe,
) -> Option<Unrouted> {
    let Origin::Gateway { namespace, name } = &vantage.origin else {
        return None;
    };
    let index = Index::new(manifests);
    let gateway = index.gateway(namespace, name)?;
    let all = index.listeners(gateway);
    let meta = &gateway.meta;
    let host = probe.host().to_lowercase();
    let scheme = probe.scheme.to_lowercase();
    let dialled = |one: &&&Listener| Some(one.port) == vantage.port;
    let any = all.iter().any(|one| dialled(&one));
    let transport = Transport::of(probe);
    let takes = |one: &&&Listener| {
        one.scheme() == Some(&*scheme)
            && (scheme == "http" || transport.fit(std::iter::once(&*one.domain())).is_some())
    };
    let listens =
        |one: &&&Listener| without_certificate(&manifests.secrets, gateway, one).is_none();
    let own = (all.iter()).filter(|one| !any || dialled(one));
    let mut listeners = own.filter(listens);
    let Some(listener) = listeners.find(takes) else {
        let begins = transport.in_words();
        let message = format!("no listener of {meta} takes {begins}: the connection is closed");
        return Some(Unrouted::nothing(Note::about(
            Code::Closed,
            message,
            Some(meta.span),
        )));
    };
    let message =
        format!("{meta} listens and has no route for `{host}`: its requests are answered with 404");
    Some(Unrouted {
        outcome: Some(Outcome::reply(404, LocalReplyCause::NoRoute)),
        span: Some(listener.span()),
        caveats: std::iter::once(Note::about(Code::NoRoute, message, Some(listener.span())))
            .chain(vantage.port.and_then(|port| mapped(gateway, &all, port)))
            .collect(),
    })
}
