//! Whether every request that one route takes is taken by another: only where that is certain. Not: whether two routes
//! together take everything.

use crate::route::{HeaderTest, Route, Test, TextMatch};

/// Whether the conditions of `route` are never all true without all those of `earlier` being true.
pub(super) fn covers(earlier: &Route, route: &Route) -> bool {
    let certain = |wanted: &Test| {
        let given = || route.conditions.iter().map(|condition| &condition.test);
        match wanted {
            Test::Fixed(held) => *held,
            // Taken to hold, for this route as for the one after it.
            Test::Assumed(_) => true,
            Test::Unknowable(_) => false,
            Test::Path(path) if always(path) => true,
            wanted => given().any(|given| entails(given, wanted)),
        }
    };
    (earlier.conditions.iter()).all(|condition| certain(&condition.test))
}

/// Whether one test never holds without the other.
fn entails(given: &Test, wanted: &Test) -> bool {
    match (given, wanted) {
        (Test::Path(given), Test::Path(wanted))
        | (Test::Method(given), Test::Method(wanted))
        | (Test::Authority(given), Test::Authority(wanted))
        | (Test::Scheme(given), Test::Scheme(wanted)) => within(given, wanted),
        (Test::Header(given), Test::Header(wanted)) => headers(given, wanted),
        (
            Test::Query { name, value },
            Test::Query {
                name: other,
                value: wanted,
            },
        ) => name == other && within(value, wanted),
        _ => false,
    }
}

fn headers(given: &HeaderTest, wanted: &HeaderTest) -> bool {
    if given.name != wanted.name {
        return false;
    }
    let alike = given.missing_is_empty == wanted.missing_is_empty;
    let present = |test: &HeaderTest| matches!(test.value, TextMatch::Present);
    match (given.invert, wanted.invert) {
        // A missing header that is compared as if it were empty is still not present.
        (false, false) => {
            let there = !present(wanted) || present(given) || !given.missing_is_empty;
            alike && there && within(&given.value, &wanted.value)
        }
        // Where what is forbidden here holds all that is forbidden there. A header that must be absent is empty there, or
        // fails.
        (true, true) => {
            let absent = present(given) && !present(wanted);
            let passes = wanted.missing_is_empty && !wanted.value.matches("");
            alike && (!absent || passes) && within(&wanted.value, &given.value)
        }
        // A header may come twice, with a value that passes and one that is forbidden.
        _ => false,
    }
}

/// Whether every path passes.
fn always(path: &TextMatch) -> bool {
    match path {
        TextMatch::Present => true,
        TextMatch::Prefix { text, .. } => text.is_empty() || text == "/",
        TextMatch::Below { text, .. } => text.is_empty(),
        TextMatch::Regex(regex) => matches!(regex.as_str(), "^(?:.*)$" | "^(?:/.*)$"),
        _ => false,
    }
}

/// Whether every text that passes the one passes the other.
fn within(given: &TextMatch, wanted: &TextMatch) -> bool {
    use TextMatch::{Below, Contains, Exact, Prefix, Present, Range, Regex, Suffix};
    let strict = |given: bool, wanted: bool| wanted || !given;
    match (given, wanted) {
        (_, Present) => true,
        (Regex(given), Regex(wanted)) => given.as_str() == wanted.as_str(),
        (Exact { text, ignore_case }, wanted) => {
            wanted.matches(text) && (!ignore_case || case_free(wanted))
        }
        (
            Prefix { text, ignore_case },
            Prefix {
                ignore_case: other, ..
            }
            | Contains {
                ignore_case: other, ..
            },
        )
        | (
            Suffix { text, ignore_case },
            Suffix {
                ignore_case: other, ..
            }
            | Contains {
                ignore_case: other, ..
            },
        )
        | (
            Contains { text, ignore_case },
            Contains {
                ignore_case: other, ..
            },
        )
        | (
            Below { text, ignore_case },
            Prefix {
                ignore_case: other, ..
            }
            | Below {
                ignore_case: other, ..
            }
            | Contains {
                ignore_case: other, ..
            },
        ) => wanted.matches(text) && strict(*ignore_case, *other),
        // `/api/` and what follows it lies below `/api`; `/api` alone may go on as `/apifoo`.
        (
            Prefix { text, ignore_case },
            Below {
                text: parent,
                ignore_case: other,
            },
        ) => wanted.matches(text) && text.len() > parent.len() && strict(*ignore_case, *other),
        (
            Range { start, end },
            Range {
                start: least,
                end: most,
            },
        ) => least <= start && end <= most,
        _ => false,
    }
}

/// Whether a comparison does not mind the case.
fn case_free(text: &TextMatch) -> bool {
    match text {
        TextMatch::Present | TextMatch::Range { .. } => true,
        TextMatch::Exact { ignore_case, .. }
        | TextMatch::Prefix { ignore_case, .. }
        | TextMatch::Suffix { ignore_case, .. }
        | TextMatch::Contains { ignore_case, .. }
        | TextMatch::Below { ignore_case, .. } => *ignore_case,
        TextMatch::Regex(_) => false,
    }
}
