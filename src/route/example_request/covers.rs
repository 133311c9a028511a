//! Whether every request that one route takes is taken by another: only where that is certain.

use crate::route::implication::{any_path, implies};
use crate::route::{Route, Test};

/// Whether the conditions of `route` are never all true without all those of `earlier` being true.
pub(super) fn covers(earlier: &Route, route: &Route) -> bool {
    let certain = |wanted: &Test| {
        let given = || route.conditions.iter().map(|condition| &condition.test);
        match wanted {
            Test::Fixed(held) => *held,
            // Taken to hold, for this route as for the one after it.
            Test::Assumed(_) => true,
            Test::Unknowable(_) => false,
            Test::Path(path) if any_path(path) => true,
            Test::Fraction(fraction) if fraction.is_all() => true,
            wanted => given().any(|given| implies(given, wanted)),
        }
    };
    (earlier.conditions.iter()).all(|condition| certain(&condition.test))
}
