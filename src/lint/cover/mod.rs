//! Whether an earlier route takes every request that a later one would. Sound, not complete: what is claimed is true,
//! and some of what is true is not seen (two routes that only together cover a third).

use std::collections::HashMap;

use crate::route::implication::{self, any_path};
use crate::route::{Condition, HeaderTest, Route, Test, TextMatch};

/// Whether every request that meets the later conditions meets the earlier ones.
#[must_use]
pub fn covers(earlier: &[Condition], later: &[Condition]) -> bool {
    let implied = |wanted: &Condition| match &wanted.test {
        Test::Fixed(held) => *held && is_everywhere(wanted, later),
        // Every path begins with a slash.
        Test::Path(text) if any_path(text) => true,
        Test::Fraction(fraction) if fraction.is_all() => true,
        _ => later.iter().any(|given| implies(given, wanted)),
    };
    earlier.iter().all(implied)
}

/// Whether what holds at one vantage holds wherever the later route is: each gateway has a view of its own; the port and the
/// namespace of a client are one and the same where both routes ask for them.
fn is_everywhere(wanted: &Condition, later: &[Condition]) -> bool {
    let given = |condition: &Condition| {
        condition.field == wanted.field && matches!(condition.test, Test::Fixed(true))
    };
    match wanted.field.as_str() {
        "gateways" => true,
        "port" | "sourceNamespace" => later.iter().any(given),
        _ => false,
    }
}

/// Whether a route can never be taken from where it is seen.
pub(super) fn excluded(route: &Route) -> bool {
    let never = |condition: &Condition| match condition.test {
        Test::Fixed(held) => !held,
        Test::Fraction(fraction) => fraction.is_none(),
        _ => false,
    };
    route.conditions.iter().any(never)
}

/// The routes before the one that is asked about, found by what they ask for: a host with thousands of rules must not
/// be compared pair by pair.
#[derive(Default)]
pub(super) struct Earlier<'r> {
    routes: Vec<(usize, &'r Route)>,
    // By one condition that decides most.
    by_key: HashMap<Key<'r>, Vec<usize>>,
    // Those without such a condition.
    others: Vec<usize>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key<'r> {
    Path(&'r str),
    Prefix(&'r str),
    Header(&'r str, &'r str),
}

impl<'r> Earlier<'r> {
    /// Adds a route with its number; one that cannot be taken covers nothing.
    pub(super) fn add(&mut self, number: usize, route: &'r Route) {
        if excluded(route) {
            return;
        }
        let at = self.routes.len();
        self.routes.push((number, route));
        match route.conditions.iter().find_map(key) {
            Some(key) => self.by_key.entry(key).or_default().push(at),
            None => self.others.push(at),
        }
    }

    /// The first route that covers another.
    pub(super) fn covering(&self, later: &'r Route) -> Option<(usize, &'r Route)> {
        let first = |candidates: &[usize]| {
            let covers = |at: &&usize| covers(&self.routes[**at].1.conditions, &later.conditions);
            candidates.iter().find(covers).copied()
        };
        let keyed = later.conditions.iter().flat_map(looked_up);
        let keyed = keyed.filter_map(|key| first(self.by_key.get(&key)?));
        let best = keyed.chain(first(&self.others)).min()?;
        Some(self.routes[best])
    }
}

/// What a route is found by: a condition that only a condition with the same text, or a longer one, implies.
fn key(condition: &Condition) -> Option<Key<'_>> {
    match &condition.test {
        Test::Path(text) if any_path(text) => None,
        Test::Path(TextMatch::Exact {
            text,
            ignore_case: false,
        }) => Some(Key::Path(text)),
        Test::Path(
            TextMatch::Prefix {
                text,
                ignore_case: false,
            }
            | TextMatch::Below {
                text,
                ignore_case: false,
            },
        ) => Some(Key::Prefix(text)),
        Test::Header(HeaderTest {
            name,
            value:
                TextMatch::Exact {
                    text,
                    ignore_case: false,
                },
            invert: false,
            ..
        }) => Some(Key::Header(name, text)),
        _ => None,
    }
}

/// The keys of the routes whose condition this one may imply.
fn looked_up(condition: &Condition) -> Vec<Key<'_>> {
    match &condition.test {
        Test::Path(
            whole @ (TextMatch::Exact { text, .. }
            | TextMatch::Prefix { text, .. }
            | TextMatch::Below { text, .. }),
        ) => {
            let ends = (0..=text.len()).filter_map(|end| text.get(..end));
            let mut keys: Vec<_> = ends.map(Key::Prefix).collect();
            if matches!(whole, TextMatch::Exact { .. }) {
                keys.push(Key::Path(text));
            }
            keys
        }
        Test::Header(HeaderTest {
            name,
            value: TextMatch::Exact { text, .. },
            ..
        }) => vec![Key::Header(name, text)],
        _ => Vec::new(),
    }
}

/// Whether one condition cannot hold without the other.
fn implies(given: &Condition, wanted: &Condition) -> bool {
    match (&given.test, &wanted.test) {
        // What cannot be decided here is decided alike where it says the same.
        (Test::Assumed(given_as), Test::Assumed(wanted_as))
        | (Test::Unknowable(given_as), Test::Unknowable(wanted_as)) => {
            given.field == wanted.field && given_as.tells_the_same(wanted_as)
        }
        (given, wanted) => implication::implies(given, wanted),
    }
}

#[cfg(test)]
mod tests;
