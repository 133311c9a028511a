//! Rules that a host has and that no proxy applies to the request, by what is known about the way it takes.

use super::{Caveat, Resolution};

/// The caveats that say that the rules of a host take no effect on a request.
const INERT: [&str; 3] = ["not-http", "https-in-mesh", "no-waypoint"];

impl Resolution<'_> {
    /// Why the rule that matches takes no effect, where that is known.
    #[must_use]
    pub fn inert(&self) -> Option<&Caveat> {
        let mut caveats = self.caveats.iter();
        caveats.find(|caveat| INERT.contains(&caveat.id))
    }
}
