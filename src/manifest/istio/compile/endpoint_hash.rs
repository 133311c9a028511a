//! What is hashed to pick a pod of a destination, whichever destination was drawn before.

use super::identifiers::ResolvedDestination;
use super::index::Index;
use super::proxy_context::ProxyContext;
use crate::route::HashKey;

/// What is hashed to pick a pod, where it is the same for all of these destinations; else nothing. A subset's load balancer stands
/// above that of its host.
pub(super) fn endpoint_keys<'k>(
    index: &Index<'_>,
    mut asked: impl Iterator<Item = &'k ResolvedDestination<'k>>,
    caller: ProxyContext<'_>,
) -> Vec<HashKey> {
    let of = |known: &ResolvedDestination<'_>| {
        let subsets = index.subsets(&known.host, caller);
        let mut rules = subsets.rules.iter();
        let general = rules.find(|rule| rule.policy.is_some());
        let own = known.subset.and_then(|subset| subset.balancer.clone());
        own.or_else(|| general?.balancer.clone())
            .unwrap_or_default()
    };
    let keys = asked.next().map(of).unwrap_or_default();
    if asked.all(|known| of(known) == keys) {
        keys
    } else {
        Vec::new()
    }
}
