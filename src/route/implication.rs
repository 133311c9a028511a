//! Whether one test of a request never holds without another. Sound, not complete: what is claimed is true.

use super::{HeaderTest, Test, TextMatch};

/// Whether every request that passes the one test passes the other.
#[must_use]
pub fn implies(given: &Test, wanted: &Test) -> bool {
    match (given, wanted) {
        (Test::Path(given), Test::Path(wanted))
        | (Test::Method(given), Test::Method(wanted))
        | (Test::Authority(given), Test::Authority(wanted))
        | (Test::Scheme(given), Test::Scheme(wanted)) => is_narrower(given, wanted),
        (Test::Header(given), Test::Header(wanted)) => header(given, wanted),
        (
            Test::Query { name, value },
            Test::Query {
                name: other,
                value: wanted,
            },
        ) => name == other && is_narrower(value, wanted),
        (Test::NoQuery(name), Test::NoQuery(other)) => name == other,
        (
            Test::Cookie {
                name,
                value,
                invert,
            },
            Test::Cookie {
                name: other,
                value: wanted,
                invert: inverted,
            },
        ) if name == other && invert == inverted => {
            // A cookie has one value at most: what is not this is not that, where that is a part of this.
            if *invert {
                is_narrower(wanted, value)
            } else {
                is_narrower(value, wanted)
            }
        }
        // One random number decides both.
        (Test::Fraction(given), Test::Fraction(wanted)) => given.is_within(*wanted),
        _ => false,
    }
}

/// Whether every path passes: each begins with a slash.
#[must_use]
pub fn any_path(text: &TextMatch) -> bool {
    match text {
        TextMatch::Present => true,
        TextMatch::Prefix { text, .. } => text.is_empty() || text == "/",
        TextMatch::Below { text, .. } => text.is_empty(),
        TextMatch::Regex(regex) => matches!(regex.as_str(), "^(?:.*)$" | "^(?:/.*)$"),
        _ => false,
    }
}

fn header(given: &HeaderTest, wanted: &HeaderTest) -> bool {
    // A header may come twice, with a value that passes and one that is forbidden.
    if given.name != wanted.name || given.invert != wanted.invert {
        return false;
    }
    let present = |test: &HeaderTest| matches!(test.value, TextMatch::Present);
    // A missing header passes the one test at most where it passes the other.
    let missing = !given.missing_is_empty || wanted.missing_is_empty;
    if !given.invert {
        return missing && is_narrower(&given.value, &wanted.value);
    }
    // "Not this" follows from "not that" where this is a part of that.
    if !is_narrower(&wanted.value, &given.value) {
        return false;
    }
    match (present(given), present(wanted)) {
        // The header is absent, or, where that counts as empty, nothing passes at all.
        (true, true) => given.missing_is_empty || !wanted.missing_is_empty,
        (true, false) => {
            let passes = wanted.missing_is_empty && !wanted.value.matches("");
            given.missing_is_empty || passes
        }
        (false, true) => false,
        (false, false) => missing,
    }
}

/// Whether every text that passes the one passes the other.
fn is_narrower(given: &TextMatch, wanted: &TextMatch) -> bool {
    use TextMatch::{Below, Contains, Exact, Prefix, Present, Range, Regex, Suffix};
    // A comparison that minds the case follows only from one that does.
    let minds = |ignore_case: bool, other: bool| ignore_case || !other;
    let same = |ignore_case: bool| {
        move |text: &str| {
            if ignore_case {
                text.to_ascii_lowercase()
            } else {
                text.to_owned()
            }
        }
    };
    match (given, wanted) {
        (_, Present) => true,
        (
            Exact {
                text,
                ignore_case: false,
            },
            wanted,
        ) => wanted.matches(text),
        (
            Exact { text, ignore_case },
            Exact {
                text: other,
                ignore_case: wanted,
            },
        ) => minds(*wanted, *ignore_case) && same(*wanted)(text) == same(*wanted)(other),
        (
            Exact { text, ignore_case }
            | Prefix { text, ignore_case }
            | Below { text, ignore_case },
            Prefix {
                text: start,
                ignore_case: wanted,
            },
        ) => minds(*wanted, *ignore_case) && same(*wanted)(text).starts_with(&same(*wanted)(start)),
        (
            Prefix { text, ignore_case },
            Below {
                text: start,
                ignore_case: wanted,
            },
        ) => {
            let inside = format!("{}/", same(*wanted)(start));
            minds(*wanted, *ignore_case) && same(*wanted)(text).starts_with(&inside)
        }
        (
            Exact { text, ignore_case } | Below { text, ignore_case },
            Below {
                ignore_case: wanted_case,
                ..
            },
        ) => minds(*wanted_case, *ignore_case) && wanted.matches(text),
        (
            Exact { text, ignore_case } | Suffix { text, ignore_case },
            Suffix {
                text: end,
                ignore_case: wanted,
            },
        ) => minds(*wanted, *ignore_case) && same(*wanted)(text).ends_with(&same(*wanted)(end)),
        (
            Exact { text, ignore_case }
            | Prefix { text, ignore_case }
            | Suffix { text, ignore_case }
            | Contains { text, ignore_case }
            | Below { text, ignore_case },
            Contains {
                text: part,
                ignore_case: wanted,
            },
        ) => minds(*wanted, *ignore_case) && same(*wanted)(text).contains(&same(*wanted)(part)),
        (
            Range { start, end },
            Range {
                start: from,
                end: to,
            },
        ) => start >= end || (from <= start && end <= to),
        // Digits have no case.
        (Exact { text, .. }, Range { .. }) => wanted.matches(text),
        (Regex(given), Regex(wanted)) => given.as_str() == wanted.as_str(),
        _ => false,
    }
}
