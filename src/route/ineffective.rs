//! Rules that a host has and that no proxy applies to the request, by what is known about the way it takes.

use super::{AppliesTo, Resolution};
use crate::diag::{Code, Note};

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
        caveats.find(|caveat| INERT.contains(&caveat.code))
    }
}
