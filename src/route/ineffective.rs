//! Rules that a host has and that no proxy applies to the request, by what is known about the way it takes.

use super::{AppliesTo, Resolution};
use crate::diag::{Code, Note};
use crate::split::Target;

/// The caveats that say that the rules of a host take no effect on a request.
const INERT: [Code; 4] = [
    Code::NotHttp,
    Code::TakenForTcp,
    Code::HttpsInMesh,
    Code::NoWaypoint,
];

impl Resolution<'_> {
    /// Why the rule that matches takes no effect, where that is known.
    #[must_use]
    pub fn inert(&self) -> Option<&Note<AppliesTo>> {
        let mut caveats = self.caveats.iter();
        caveats.find(|caveat| {
            INERT.contains(&caveat.code)
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
}
