//! What policies, filters and plugins do in the proxy of a client, and in those of a gateway.

use std::collections::BTreeMap;

use super::lower::Compiler;
use super::policies::{is_noted, selects_client};
use crate::diag::{Code, Note};
use crate::manifest::attached::refusal::refused;
use crate::manifest::attached::{Attached, Effect, Reach, Side};
use crate::manifest::istio::objects::Gateway;
use crate::manifest::kube::selects;
use crate::route::{AppliesTo, Origin};

/// More objects than these are counted, not named.
const MOST: usize = 5;

type Labels = BTreeMap<String, String>;

impl Compiler<'_> {
    /// Objects that may change what the proxy of a client in a namespace does, and that are not understood: the first few.
    pub(super) fn envoy_filters(&self, client: &str, caveats: &mut Vec<Note<AppliesTo>>) {
        let labels = match &self.vantage.origin {
            Origin::Mesh { labels, .. } => labels.as_ref(),
            Origin::Gateway { .. } => return,
        };
        let running = self.index.attached.running(client, Side::Outbound);
        let patch = |one: &Attached| one.effect == Effect::Patch && labels.is_none();
        let mut objects = running.filter(|one| selects_client(one, labels) || patch(one));
        for object in objects.by_ref().take(MOST) {
            let message = match object.effect {
                Effect::Patch => format!(
                    "{} may change the routes of this client, and is not judged",
                    object.meta
                ),
                _ => object.note("the proxy of this client", Reach::All).message,
            };
            caveats.push(Note::about(
                Code::NotJudged,
                message,
                Some(object.meta.span),
            ));
        }
        let more = objects.count();
        if more > 0 {
            let message =
                format!("{more} more objects that are attached to this client are not judged");
            caveats.push(Note::about(Code::NotJudged, message, None));
        }
    }

    /// What is attached to the proxies of a gateway.
    pub(super) fn at_its_proxies(
        &self,
        (namespace, name): (&str, &str),
        gateway: Option<&Gateway>,
        proxies: &str,
    ) -> Vec<Note<AppliesTo>> {
        let nothing = Labels::new();
        let selector = gateway.map_or(&nothing, |gateway| &gateway.selector);
        let pods = self.index.manifests.workloads.iter();
        let pods: Vec<&Labels> = pods
            .filter(|pod| pod.meta.namespace == proxies && !selector.is_empty())
            .map(|pod| &pod.labels)
            .filter(|labels| selects(selector, labels))
            .collect();
        let running = self.index.attached.running(proxies, Side::Gateway);
        let policies: Vec<(&Attached, Reach)> = running
            .map(|policy| (policy, policy.reach(&pods, selector)))
            .filter(|(_, reach)| reach.is_any())
            .collect();
        let to = format!("gateway {namespace}/{name}");
        let mut caveats = refused(&policies, None, &to).caveats;
        let others = policies.iter().filter(|(policy, _)| is_noted(policy));
        caveats.extend(others.map(|(policy, reach)| policy.note(&to, *reach)));
        caveats
    }
}
