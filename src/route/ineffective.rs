//! Rules that a host has and that no proxy applies to the request, by what is known about the way it takes.

use super::{Action, AppliesTo, Outcome, Resolution, Unrouted};
use crate::diag::{Code, Note};
use crate::split::Target;

/// The caveats that say that the rules of a host take no effect on a request.
const INEFFECTIVE: [Code; 6] = [
    Code::NotHttp,
    Code::TakenForTcp,
    Code::HttpsInMesh,
    Code::NoWaypoint,
    Code::NoProxy,
    Code::NotAccepted,
];

impl Resolution<'_> {
    /// Why the rule that matches takes no effect, where that is known.
    #[must_use]
    pub fn ineffective(&self) -> Option<&Note<AppliesTo>> {
        let mut caveats = self.caveats.iter();
        caveats.find(|caveat| {
            INEFFECTIVE.contains(&caveat.code)
                || caveat.code == Code::Headless && self.splits_what_is_called()
        })
    }

    /// Whether all goes to subsets of the host that is called: where the client picks the pod, those are the same pods.
    fn splits_what_is_called(&self) -> bool {
        let own = |target: &Target| match target {
            Target::Destination(one) => {
                one.subset.is_some() && self.host.domains.contains(&one.host)
            }
            Target::LocalReply(_) | Target::Named(_) => false,
        };
        self.parts.len() > 1 && self.parts.iter().all(|(target, ..)| own(target))
    }

    /// What the proxies do with requests of a rule whose weights they do not apply.
    #[must_use]
    pub fn instead(&self) -> Option<Unrouted> {
        let route = self.route?.route;
        let Action::Split(split) = &route.outcome.action else {
            return None;
        };
        split.weights_ignored().filter(|_| !self.is_picked())?;
        let outcome = split.by_endpoints().map(|split| Outcome {
            action: Action::Split(split),
            abort: route.outcome.abort,
            mirrors: route.outcome.mirrors.clone(),
            caveats: Vec::new(),
        });
        Some(Unrouted {
            outcome,
            span: Some(route.span),
            caveats: Vec::new(),
        })
    }
}
