//! Rules that a host has and that no proxy applies to the request, by what is known about the way it takes.

use super::{Action, AppliesTo, Outcome, Resolution, Unrouted};
use crate::diag::{Code, Note};

/// The caveats that say that the rules of a host take no effect on a request.
const INERT: [Code; 5] = [
    Code::NotHttp,
    Code::TakenForTcp,
    Code::HttpsInMesh,
    Code::NoWaypoint,
    Code::NoProxy,
];

impl Resolution<'_> {
    /// Why the rule that matches takes no effect, where that is known.
    #[must_use]
    pub fn inert(&self) -> Option<&Note<AppliesTo>> {
        let mut caveats = self.caveats.iter();
        caveats.find(|caveat| INERT.contains(&caveat.code))
    }

    /// What the proxies do with requests of a rule whose weights they do not apply.
    #[must_use]
    pub fn instead(&self) -> Option<Unrouted> {
        let route = self.route?.route;
        let Action::Split(split) = &route.outcome.action else {
            return None;
        };
        let outcome = split.instead()?.map(|split| Outcome {
            action: Action::Split(split),
            abort: route.outcome.abort,
            caveats: Vec::new(),
        });
        Some(Unrouted {
            outcome,
            span: Some(route.span),
            caveats: Vec::new(),
        })
    }
}
