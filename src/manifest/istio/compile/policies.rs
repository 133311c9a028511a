//! What policies, filters and plugins do in front of a destination: in the proxies of its pods, or in its waypoint.

use std::collections::BTreeMap;

use super::identifiers::{ResolvedDestination, selected, workloads};
use super::index::Index;
use super::proxy_context::{ProxyContext, ProxyKind};
use crate::diag::{Code, Note, Severity};
use crate::manifest::attached::peer_authentication::{Mode, effective};
use crate::manifest::attached::refusal::refused;
use crate::manifest::attached::{Attached, Body, Reach, Side};
use crate::manifest::istio::objects::Tls;
use crate::manifest::kube::{Meta, selects};
use crate::route::AppliesTo;
use crate::split::LocalReply;

/// What a proxy replies by itself where no connection comes about.
const NO_CONNECTION: u16 = 503;

/// What the proxies of a destination reply to what a policy refuses.
const FORBIDDEN: u16 = 403;

type Labels = BTreeMap<String, String>;

/// The pods of a destination, as far as the manifests tell.
struct Pods<'m> {
    namespace: String,
    /// Their labels, where the pods are given.
    given: Vec<&'m Labels>,
    /// The labels that all of them carry.
    known: Labels,
}

/// Whether an object is only said to be there.
pub(super) fn is_noted(policy: &Attached) -> bool {
    !matches!(policy.body, Body::Access(_) | Body::Peer(_))
}

/// Whether an object runs in the proxy of a client with these labels, or of one that nothing is known about.
pub(super) fn selects_client(policy: &Attached, labels: Option<&Labels>) -> bool {
    let nothing = Labels::new();
    let selector = policy.selector.as_ref();
    selector.is_some_and(|selector| selects(selector, labels.unwrap_or(&nothing)))
}

/// What policies do to requests for a destination: what it replies where none gets through.
pub(super) fn at_destination(
    index: &Index<'_>,
    own: &ResolvedDestination<'_>,
    port: Option<u16>,
    caller: ProxyContext<'_>,
    caveats: &mut Vec<Note<AppliesTo>>,
) -> Option<LocalReply> {
    let pods = Pods::of(index, own)?;
    let what = match own.subset_name {
        Some(subset) => format!("the pods of subset `{subset}` of `{}`", own.host),
        None => format!("the pods of `{}`", own.host),
    };
    let policies = pods.policies(index, own, caller);
    let sender = caller.sender;
    let found = refused(&policies, sender, &what);
    caveats.extend(found.caveats);
    let said = |policy: &Attached| {
        // A client in the same namespace has been told.
        policy.is_for(caller.namespace, Side::Outbound) && selects_client(policy, caller.labels)
    };
    for (policy, reach) in &policies {
        let place = Some(policy.meta.span);
        let mut before = caveats.iter();
        let told = before.any(|one| one.code == Code::AttachedPolicy && one.place() == place);
        if is_noted(policy) && !told && !said(policy) {
            caveats.push(policy.note(&what, *reach));
        }
    }
    if found.all {
        return Some(LocalReply::refused(FORBIDDEN));
    }
    let mismatch = tls(index, own, port, (caller, &pods), &what)?;
    caveats.push(mismatch);
    Some(LocalReply::refused(NO_CONNECTION))
}

impl<'m> Pods<'m> {
    fn of(index: &Index<'m>, own: &ResolvedDestination<'_>) -> Option<Self> {
        if index.manifests.attached.is_empty() {
            return None;
        }
        let (namespace, selector) = selected(index, &own.host)?;
        let mut known = selector.cloned().unwrap_or_default();
        known.extend(
            own.subset
                .into_iter()
                .flat_map(|subset| subset.labels.clone()),
        );
        let given = workloads(index, own).into_iter();
        Some(Self {
            namespace: namespace.to_owned(),
            given: given.map(|one| &one.labels).collect(),
            known,
        })
    }

    /// The policies in front of these pods: those that their waypoint applies, or those of their own proxies.
    fn policies(
        &self,
        index: &Index<'m>,
        own: &ResolvedDestination<'_>,
        caller: ProxyContext<'_>,
    ) -> Vec<(&'m Attached, Reach)> {
        if caller.proxy == ProxyKind::Waypoint {
            let service = index
                .registry
                .service(&own.host)
                .map(|service| &service.meta);
            let waypoint = service.and_then(|meta| index.waypoint_of(meta));
            let objects = service.into_iter().chain(waypoint);
            let all = objects.flat_map(|object| index.attached.referring(object, None));
            return all.map(|policy| (policy, Reach::All)).collect();
        }
        let running = index.attached.running(&self.namespace, Side::Inbound);
        let all = running.map(|policy| (policy, policy.reach(&self.given, &self.known)));
        // Of pods that nothing is known about, it cannot be said that a policy with labels may select them.
        let blind = self.given.is_empty() && self.known.is_empty();
        let told = |reach: Reach| reach.is_any() && !(blind && reach == Reach::Unknown);
        all.filter(|(_, reach)| told(*reach)).collect()
    }
}

/// Where a client sends what the proxies of the pods do not take: plain text, or TLS of the mesh.
fn tls(
    index: &Index<'_>,
    own: &ResolvedDestination<'_>,
    port: Option<u16>,
    (caller, pods): (ProxyContext<'_>, &Pods<'_>),
    what: &str,
) -> Option<Note<AppliesTo>> {
    if caller.proxy == ProxyKind::Waypoint {
        return None;
    }
    let subsets = index.subsets(&own.host, caller);
    let general = subsets.rules.iter().find(|rule| rule.policy.is_some());
    let of_subset = own.subset.and_then(|subset| Tls::of(&subset.tls, port));
    let sent = of_subset.or_else(|| general.and_then(|rule| Tls::of(&rule.tls, port)))?;
    let target = index.registry.service(&own.host).and_then(|service| {
        let mut ports = service.ports.iter();
        let own = ports.find(|one| Some(one.port.value) == port)?;
        own.target
            .as_ref()
            .map_or(Some(own.port.value), |target| target.parse().ok())
    });
    let running = index.attached.running(&pods.namespace, Side::Inbound);
    let running = running.filter(|one| one.reach(&pods.given, &pods.known) == Reach::All);
    let (policy, mode) = effective(running, &pods.namespace, target)?;
    let (is, takes) = match (sent.mode.value.as_str(), mode) {
        ("DISABLE", Mode::Strict) => ("in plain text", "takes TLS of the mesh only"),
        ("SIMPLE", Mode::Strict) => ("with TLS of its own", "takes TLS of the mesh only"),
        ("ISTIO_MUTUAL", Mode::Disable) => ("with TLS of the mesh", "takes plain text only"),
        _ => return None,
    };
    let message = format!(
        "requests to {what} are sent {is} (`tls.mode: {}`), and {} {takes}: they are answered with 503",
        sent.mode.value, policy.meta
    );
    let caveat = Note::about(Code::TlsMismatch, message, Some(sent.mode.span));
    let caveat = caveat
        .with_severity(Severity::Error)
        .at(policy.meta.span, "the policy of the pods");
    Some(caveat.help("remove `tls` from the DestinationRule: the mesh chooses what the pods take"))
}

impl<'m> Index<'m> {
    /// The Gateway object of the waypoint that a Service names.
    fn waypoint_of(&self, service: &Meta) -> Option<&'m Meta> {
        let name = service.labels.get("istio.io/use-waypoint")?;
        let namespace = service.labels.get("istio.io/use-waypoint-namespace");
        let namespace = namespace.unwrap_or(&service.namespace);
        let mut gateways = self.manifests.api_gateways.iter().map(|one| &one.meta);
        gateways.find(|meta| meta.name == *name && meta.namespace == *namespace)
    }
}
