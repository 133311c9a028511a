//! The requests that show whether a proxy applies the rules of a host: one for each alternative of a rule, one beside each
//! condition that another rule takes, and one that no rule takes.

use std::collections::HashSet;

use super::values::{Asked, Part};
use super::{Reach, reach, unrouted};
use crate::route::matching::Evaluation;
use crate::route::{Condition, Probe, Route, RouteTable, VirtualHost, resolve_untraced};

/// A request, and what it shows.
#[derive(Clone, Debug)]
pub struct Example<'t> {
    /// What it shows.
    pub purpose: Purpose<'t>,
    /// The request, or why there is none.
    pub reach: Reach<'t>,
}

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'t> {
    /// That this route takes it.
    Taken(&'t Route),
    /// That a request of this route falls through to another rule, or to none, where this condition does not hold.
    Fallthrough(&'t Route, &'t Condition),
    /// That no rule takes it.
    NoRule,
}

/// All requests for a host, each like the given one as far as possible: the rules in their order, then what falls through, then
/// what no rule takes, where that exists. A request that shows two things stands for the first.
#[must_use]
pub fn examples<'t>(
    table: &'t RouteTable,
    host: &'t VirtualHost,
    like: &Probe,
) -> Vec<Example<'t>> {
    let routes = host.routes.iter().enumerate();
    let mut all: Vec<Example<'t>> = routes
        .map(|(at, route)| Example {
            purpose: Purpose::Taken(route),
            reach: reach(table, host, at, like),
        })
        .collect();
    let mut beyond: Vec<(Purpose<'t>, Probe)> = Vec::new();
    for one in &all {
        let (Purpose::Taken(route), Reach::By(probe)) = (one.purpose, &one.reach) else {
            continue;
        };
        for condition in &route.conditions {
            let found = beside(table, host, (route, condition), probe);
            beyond.extend(found.map(|probe| (Purpose::Fallthrough(route, condition), probe)));
        }
    }
    beyond.extend(unrouted(table, host, like).map(|probe| (Purpose::NoRule, probe)));
    // That no rule takes a request is said of the one that shows it.
    let known = all.iter().filter_map(|one| match &one.reach {
        Reach::By(probe) => Some((**probe).clone()),
        _ => None,
    });
    let mut known: HashSet<Probe> = known.collect();
    for (purpose, probe) in beyond {
        if known.insert(probe.clone()) {
            let reach = Reach::By(Box::new(probe));
            all.push(Example { purpose, reach });
        }
    }
    all
}

/// A request like one of a route, but for what one condition asks for, that no alternative of its rule takes.
fn beside(
    table: &RouteTable,
    host: &VirtualHost,
    (route, condition): (&Route, &Condition),
    taken: &Probe,
) -> Option<Probe> {
    let part = Part::of(&condition.test)?;
    // Another name would be another host, and the scheme is that of the URL.
    if matches!(part, Part::Authority | Part::Scheme) {
        return None;
    }
    let asked = Asked {
        own: Vec::new(),
        before: vec![&condition.test],
    };
    let mut values = part.values(&asked, taken, host);
    // Another value shows more than none; of methods those come first that every server knows.
    if part != Part::Method {
        values.reverse();
    }
    values.into_iter().find_map(|value| {
        let probe = part.set(taken, value.as_deref())?;
        if condition.holds(&probe) != Evaluation::No {
            return None;
        }
        let resolution = resolve_untraced(table, &probe).ok()?;
        let own = |other: &Route| (&other.object, &other.rule) == (&route.object, &route.rule);
        let falls = std::ptr::eq(resolution.host, host)
            && !resolution.taking().any(|matched| own(matched.route));
        falls.then_some(probe)
    })
}
