//! Which of several matches takes a request: an order of keys, the smallest of which wins.

use std::cmp::Reverse;

use crate::manifest::gateway_api::objects::{ApiRoute, Counts, PathKind, RouteKind};
use crate::route::Implementation;

/// The place of a match among all matches of a host; the smallest wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence {
    // The more of each, the sooner it is asked.
    specific: Reverse<([usize; 2], [usize; 5])>,
    age: Age,
    rule: usize,
    alternative: usize,
}

/// Which of two routes comes first where nothing else decides: the oldest, then the first by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age {
    /// When the cluster created the route.
    pub(super) created: Option<String>,
    name: String,
}

impl Age {
    /// "The oldest Route based on creation timestamp. The Route appearing first in alphabetical order by
    /// "{namespace}/{name}"." Istio compares namespaces first, which differs where a namespace begins with another.
    pub(super) fn of(route: &ApiRoute, implementation: Implementation) -> Self {
        let meta = &route.meta;
        let separator = match implementation {
            Implementation::Istio => '\0',
            _ => '/',
        };
        Self {
            created: meta.created.clone(),
            name: format!("{}{separator}{}", meta.namespace, meta.name),
        }
    }
}

impl Precedence {
    /// The place of one match of a route, under the hostname that the route gives.
    pub(super) fn of(
        route: (&ApiRoute, &Age),
        hostname: &str,
        counts: &Counts,
        place: (usize, usize),
        implementation: Implementation,
    ) -> Self {
        let (route, age) = route;
        Self {
            specific: Reverse((
                host(hostname),
                specificity(route.kind, counts, implementation),
            )),
            age: age.clone(),
            rule: place.0,
            alternative: place.1,
        }
    }
}

impl Precedence {
    /// Whether this would come first if hostnames did not count.
    pub(super) fn first_without_host(&self, other: &Self) -> bool {
        let rest = |one: &Self| {
            let Reverse((_, specific)) = one.specific;
            (
                Reverse(specific),
                one.age.clone(),
                one.rule,
                one.alternative,
            )
        };
        rest(self) < rest(other)
    }
}

/// "Characters in a matching non-wildcard hostname. Characters in a matching hostname."
fn host(hostname: &str) -> [usize; 2] {
    let characters = hostname.chars().count();
    match hostname.strip_prefix('*') {
        Some("") => [0, 0],
        Some(_) => [0, characters],
        None => [characters, characters],
    }
}

/// What a match counts for, the first count first.
fn specificity(kind: RouteKind, counts: &Counts, implementation: Implementation) -> [usize; 5] {
    let verb = usize::from(counts.verb);
    match (implementation, kind) {
        (Implementation::Spec | Implementation::RegexFirst, RouteKind::Grpc) => {
            [counts.service, counts.method, counts.headers, 0, 0]
        }
        // "The precedence of RegularExpression path matches are implementation-specific": they come last here.
        (Implementation::Spec | Implementation::RegexFirst, RouteKind::Http) => {
            let path = match counts.path {
                PathKind::Exact => usize::MAX,
                PathKind::Prefix => counts.characters,
                PathKind::Regex if implementation == Implementation::RegexFirst => {
                    usize::MAX / 2 + counts.characters
                }
                PathKind::Regex | PathKind::Any => 0,
            };
            [path, verb, counts.headers, counts.parameters, 0]
        }
        (_, RouteKind::Tls | RouteKind::Tcp) => [0; 5],
        (Implementation::Istio, _) => {
            let rank = match counts.path {
                PathKind::Exact => 3,
                PathKind::Prefix => 2,
                PathKind::Regex => 1,
                PathKind::Any => 0,
            };
            let length = counts.characters;
            [rank, length, verb, counts.headers, counts.parameters]
        }
        // The method is one of the headers there.
        (Implementation::EnvoyGateway, _) => {
            let rank = match counts.path {
                PathKind::Exact => 3,
                PathKind::Regex => 2,
                PathKind::Prefix => 1,
                PathKind::Any => 0,
            };
            let (headers, exact) = (counts.headers + verb, counts.exact_headers + verb);
            [rank, counts.characters, headers, exact, counts.parameters]
        }
    }
}
