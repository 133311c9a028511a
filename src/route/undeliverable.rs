//! The destinations of a route that its proxies do not have, for the declaration they are part of.

use super::{Action, Outcome};
use crate::diag::{Note, Sources};
use crate::split::{Destination, LocalReplyCause, Share, Undeliverable};

/// Destinations with a share that the proxies do not have, and what the routes that name them say about that.
pub(super) fn broken<'o>(
    outcomes: impl IntoIterator<Item = &'o Outcome>,
    destinations: Vec<(Destination, Share)>,
    sources: &Sources,
) -> Undeliverable {
    let outcomes: Vec<&Outcome> = outcomes.into_iter().collect();
    // A rule without a destination that could be asked.
    let bare = |outcome: &&Outcome| matches!(&outcome.action, Action::LocalReply(answer) if answer.cause == LocalReplyCause::BrokenBackend);
    if destinations.is_empty() && !outcomes.iter().any(bare) {
        return Undeliverable::default();
    }
    let caveats = outcomes.iter().flat_map(|outcome| &outcome.caveats);
    let mut reasons: Vec<Note> = Vec::new();
    for caveat in caveats.filter(|caveat| caveat.is_undeliverable()) {
        let reason = caveat.stated(sources);
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Undeliverable {
        destinations,
        reasons,
    }
}
