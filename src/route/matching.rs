//! Whether one condition of a route holds for a request, the way Envoy decides it.

use std::fmt;

use regex::Regex;

use super::{Caveat, Probe};
use crate::diag::Span;

/// One condition of a route.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The field that sets it: `headers.end-user`.
    pub field: String,
    /// Where it is written.
    pub span: Span,
    /// What it asks.
    pub test: Test,
}

/// What a condition asks of a request.
#[derive(Clone, Debug)]
pub enum Test {
    /// Decided by where the request comes from, not by the request.
    Fixed(bool),
    /// Decided by where the request comes from, and taken to hold because that is not known.
    Assumed(Caveat),
    /// Cannot be decided here, and is taken not to hold.
    Unknowable(Caveat),
    /// The path without the query.
    Path(TextMatch),
    /// `:method`.
    Method(TextMatch),
    /// `:authority`, with the port as sent.
    Authority(TextMatch),
    /// `:scheme`.
    Scheme(TextMatch),
    /// A header.
    Header(HeaderTest),
    /// A query parameter.
    Query {
        /// Its name, as written in the URL.
        name: String,
        /// What its value must be.
        value: TextMatch,
    },
}

/// What a condition asks of a header.
#[derive(Clone, Debug)]
pub struct HeaderTest {
    /// Its name, lower case.
    pub name: String,
    /// What its value must be.
    pub value: TextMatch,
    /// The value must not be that.
    pub invert: bool,
    /// A missing header is compared as if it were empty; otherwise it is neither that value nor another.
    pub missing_is_empty: bool,
}

/// How a text is compared.
#[derive(Clone, Debug)]
pub enum TextMatch {
    /// It is there, whatever it is.
    Present,
    /// It equals this.
    Exact {
        /// What it must equal.
        text: String,
        /// Whether the case of ASCII letters counts not.
        ignore_case: bool,
    },
    /// It begins with this.
    Prefix {
        /// What it must begin with.
        text: String,
        /// Whether the case of ASCII letters counts not.
        ignore_case: bool,
    },
    /// It ends with this.
    Suffix {
        /// What it must end with.
        text: String,
        /// Whether the case of ASCII letters counts not.
        ignore_case: bool,
    },
    /// It holds this.
    Contains {
        /// What it must hold.
        text: String,
        /// Whether the case of ASCII letters counts not.
        ignore_case: bool,
    },
    /// It is this path, or a path below it: `/api` takes `/api` and `/api/x`, but not `/apifoo`.
    Below {
        /// The path, without a slash at its end.
        text: String,
        /// Whether the case of ASCII letters counts not.
        ignore_case: bool,
    },
    /// It is a whole number from `start` to below `end`.
    Range {
        /// The least number.
        start: i64,
        /// One more than the greatest number.
        end: i64,
    },
    /// All of it matches this.
    Regex(Regex),
}

/// How a condition was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held<'c> {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It is taken to hold.
    Assumed(&'c Caveat),
    /// It is taken not to hold.
    Unknowable(&'c Caveat),
}

impl Condition {
    /// Decides the condition for a request.
    #[must_use]
    pub fn holds(&self, probe: &Probe) -> Held<'_> {
        let held = match &self.test {
            Test::Fixed(held) => *held,
            Test::Assumed(caveat) => return Held::Assumed(caveat),
            Test::Unknowable(caveat) => return Held::Unknowable(caveat),
            Test::Path(path) => path.matches(&probe.normal_path()),
            Test::Method(method) => method.matches(&probe.method),
            Test::Authority(authority) => authority.matches(&probe.authority),
            Test::Scheme(scheme) => scheme.matches(&probe.scheme),
            Test::Header(header) => header.holds(probe),
            Test::Query { name, value } => probe
                .parameter(name)
                .is_some_and(|found| value.matches(found)),
        };
        if held { Held::Yes } else { Held::No }
    }
}

impl HeaderTest {
    /// The header must be there and match.
    #[must_use]
    pub fn with(name: impl Into<String>, value: TextMatch) -> Self {
        Self {
            name: name.into(),
            value,
            invert: false,
            missing_is_empty: false,
        }
    }

    /// The header must not match; a missing one is empty.
    #[must_use]
    pub fn without(name: impl Into<String>, value: TextMatch) -> Self {
        Self {
            invert: true,
            missing_is_empty: true,
            ..Self::with(name, value)
        }
    }

    fn holds(&self, probe: &Probe) -> bool {
        let mut found = values(probe, &self.name).peekable();
        let matched = match (found.peek(), &self.value) {
            (None, TextMatch::Present) => false,
            (None, _) if !self.missing_is_empty => return false,
            (None, value) => value.matches(""),
            (Some(_), value) => found.any(|found| value.matches(found)),
        };
        matched != self.invert
    }
}

/// The values of a header, each of which Envoy compares by itself; `host` is what it calls the authority.
pub(super) fn values<'p>(probe: &'p Probe, name: &str) -> impl Iterator<Item = &'p str> {
    let host = (name == "host").then_some(probe.authority.as_str());
    let named = move |(key, value): &'p (String, String)| {
        (host.is_none() && key.eq_ignore_ascii_case(name)).then_some(value.trim())
    };
    host.into_iter()
        .chain(probe.headers.iter().filter_map(named))
}

impl TextMatch {
    /// Equality that minds the case.
    #[must_use]
    pub fn exact(text: impl Into<String>) -> Self {
        Self::Exact {
            text: text.into(),
            ignore_case: false,
        }
    }

    /// A prefix that minds the case.
    #[must_use]
    pub fn prefix(text: impl Into<String>) -> Self {
        Self::Prefix {
            text: text.into(),
            ignore_case: false,
        }
    }

    /// A regular expression for the whole text.
    pub fn regex(pattern: &str) -> Result<Self, regex::Error> {
        // Compiled alone first, so that an unbalanced parenthesis cannot hide in the wrapping.
        Regex::new(pattern)?;
        Regex::new(&format!("^(?:{pattern})$")).map(Self::Regex)
    }

    /// The same comparison without minding the case; a regular expression minds it always.
    #[must_use]
    pub fn ignoring_case(mut self) -> Self {
        match &mut self {
            Self::Exact { ignore_case, .. }
            | Self::Prefix { ignore_case, .. }
            | Self::Suffix { ignore_case, .. }
            | Self::Contains { ignore_case, .. }
            | Self::Below { ignore_case, .. } => *ignore_case = true,
            Self::Present | Self::Range { .. } | Self::Regex(_) => {}
        }
        self
    }

    /// Whether a text passes.
    #[must_use]
    pub fn matches(&self, found: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Exact { text, ignore_case } => {
                found.len() == text.len() && begins(found, text, *ignore_case)
            }
            Self::Prefix { text, ignore_case } => begins(found, text, *ignore_case),
            Self::Suffix { text, ignore_case } => {
                let start = found.len().checked_sub(text.len());
                let end = start.and_then(|start| found.as_bytes().get(start..));
                end.is_some_and(|end| same(end, text.as_bytes(), *ignore_case))
            }
            Self::Contains { text, ignore_case } => {
                let mut windows = found.as_bytes().windows(text.len().max(1));
                text.is_empty() || windows.any(|part| same(part, text.as_bytes(), *ignore_case))
            }
            Self::Below { text, ignore_case } => {
                let rest = found.as_bytes().get(text.len()..).unwrap_or_default();
                begins(found, text, *ignore_case) && matches!(rest.first(), None | Some(b'/'))
            }
            Self::Range { start, end } => {
                let number: Result<i64, _> = found.parse();
                number.is_ok_and(|number| *start <= number && number < *end)
            }
            Self::Regex(regex) => regex.is_match(found),
        }
    }
}

fn begins(found: &str, text: &str, ignore_case: bool) -> bool {
    let start = found.as_bytes().get(..text.len());
    start.is_some_and(|start| same(start, text.as_bytes(), ignore_case))
}

fn same(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    if ignore_case {
        a.eq_ignore_ascii_case(b)
    } else {
        a == b
    }
}

impl fmt::Display for TextMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("present"),
            Self::Exact { text, .. } => write!(f, "exact `{text}`"),
            Self::Prefix { text, .. } => write!(f, "prefix `{text}`"),
            Self::Suffix { text, .. } => write!(f, "suffix `{text}`"),
            Self::Contains { text, .. } => write!(f, "contains `{text}`"),
            Self::Below { text, .. } if text.is_empty() => write!(f, "path prefix `/`"),
            Self::Below { text, .. } => write!(f, "path prefix `{text}`"),
            Self::Range { start, end } => write!(f, "a number from {start} to below {end}"),
            Self::Regex(regex) => {
                let pattern = regex.as_str();
                let inner = pattern
                    .strip_prefix("^(?:")
                    .and_then(|rest| rest.strip_suffix(")$"));
                write!(f, "regex `{}`", inner.unwrap_or(pattern))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(url: &str, headers: &[(&str, &str)]) -> Probe {
        let probe = Probe::new("GET", &url.parse().expect("a URL")).expect("an absolute URL");
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Probe { headers, ..probe }
    }

    fn holds(test: Test, probe: &Probe) -> bool {
        let mut sources = crate::diag::Sources::new();
        let span = Span::new(sources.add("t", ""), 0..0);
        Condition {
            field: "f".into(),
            span,
            test,
        }
        .holds(probe)
            == Held::Yes
    }

    /// "uri.exact: whole path, query stripped; `ignoreUriCase` ignores case".
    #[test]
    fn exact_is_the_whole_path_without_the_query() {
        let exact = || TextMatch::exact("/api");
        assert!(holds(Test::Path(exact()), &probe("http://h/api?x=1", &[])));
        assert!(!holds(Test::Path(exact()), &probe("http://h/api/", &[])));
        assert!(!holds(Test::Path(exact()), &probe("http://h/API", &[])));
        assert!(holds(
            Test::Path(exact().ignoring_case()),
            &probe("http://h/API", &[])
        ));
    }

    /// "uri.prefix: string prefix! /api matches /apifoo in VS".
    #[test]
    fn prefix_is_a_string_prefix() {
        let prefix = || TextMatch::prefix("/api");
        assert!(holds(Test::Path(prefix()), &probe("http://h/apifoo", &[])));
        assert!(!holds(Test::Path(prefix()), &probe("http://h/ap", &[])));
        assert!(holds(
            Test::Path(prefix().ignoring_case()),
            &probe("http://h/APIfoo", &[])
        ));
        assert!(
            !prefix().ignoring_case().matches("/aé"),
            "a prefix that ends inside a character"
        );
    }

    /// "`path_separated_prefix`: /api matches /api, /api/x, /api?x, not /apifoo".
    #[test]
    fn a_path_prefix_ends_at_a_slash() {
        let below = || TextMatch::Below {
            text: "/api".to_owned(),
            ignore_case: false,
        };
        for (path, held) in [
            ("/api", true),
            ("/api/x", true),
            ("/api?x", true),
            ("/apifoo", false),
            ("/ap", false),
        ] {
            let probe = probe(&format!("http://h{path}"), &[]);
            assert_eq!(holds(Test::Path(below()), &probe), held, "{path}");
        }
        assert!(below().ignoring_case().matches("/API/x"));
        let root = TextMatch::Below {
            text: String::new(),
            ignore_case: false,
        };
        assert!(root.matches("/") && root.matches("/x"));
    }

    #[test]
    fn ends_parts_and_numbers_are_compared() {
        let suffix = |ignore_case| TextMatch::Suffix {
            text: ".js".to_owned(),
            ignore_case,
        };
        assert!(suffix(false).matches("a.js") && !suffix(false).matches("a.JS"));
        assert!(suffix(true).matches("é.JS") && !suffix(true).matches("js"));
        let contains = |text: &str| TextMatch::Contains {
            text: text.to_owned(),
            ignore_case: true,
        };
        assert!(contains("FF").matches("coffee") && !contains("FFF").matches("coffee"));
        assert!(contains("").matches(""));
        let range = TextMatch::Range { start: -1, end: 10 };
        for (number, held) in [
            ("-1", true),
            ("9", true),
            ("10", false),
            ("1.0", false),
            ("", false),
        ] {
            assert_eq!(range.matches(number), held, "{number}");
        }
    }

    /// "uri.regex: RE2, FULL match of path without query".
    #[test]
    fn regex_matches_all_of_the_path() {
        let regex = TextMatch::regex("/v[0-9]|/x").expect("compiles");
        assert!(regex.matches("/v1"));
        assert!(!regex.matches("/v1/"));
        assert!(!regex.matches("/x/v1"));
        assert!(
            TextMatch::regex("a)(b").is_err(),
            "wrapping must not repair a pattern"
        );
    }

    /// "method, authority, scheme: case-sensitive; :authority includes the port as sent".
    #[test]
    fn authority_includes_the_port() {
        let probe = probe("http://h:5000/", &[]);
        assert!(holds(Test::Authority(TextMatch::exact("h:5000")), &probe));
        assert!(!holds(Test::Authority(TextMatch::exact("h")), &probe));
        assert!(!holds(Test::Method(TextMatch::exact("get")), &probe));
    }

    /// "name case-insensitive"; "`exact: \"\"` is a value match".
    #[test]
    fn header_names_ignore_case_and_values_do_not() {
        let header = |value| Test::Header(HeaderTest::with("end-user", value));
        let jason = probe("http://h/", &[("End-User", "jason")]);
        assert!(holds(header(TextMatch::exact("jason")), &jason));
        assert!(!holds(header(TextMatch::exact("Jason")), &jason));
        assert!(holds(header(TextMatch::Present), &jason));
        assert!(!holds(header(TextMatch::exact("")), &jason));
        assert!(!holds(header(TextMatch::Present), &probe("http://h/", &[])));
    }

    #[test]
    fn the_host_header_is_the_authority() {
        let header = Test::Header(HeaderTest::with("host", TextMatch::exact("other")));
        let probe = probe("http://h/", &[("host", "ignored")]).with_host("other");
        assert!(holds(header, &probe));
    }

    /// "1.40 matches a value individually (x-a:1 + x-a:2 matches exact \"1\", not \"1,2\")".
    #[test]
    fn repeated_headers_are_compared_one_by_one() {
        let probe = probe("http://h/", &[("x-a", "1"), ("x-a", "2")]);
        let header = |text: &str| Test::Header(HeaderTest::with("x-a", TextMatch::exact(text)));
        assert!(holds(header("1"), &probe));
        assert!(!holds(header("1,2"), &probe));
    }

    /// "missing header treated as empty -> missing header MATCHES the without condition; with `{}` = header absent".
    #[test]
    fn a_missing_header_is_without_everything_but_the_empty_text() {
        let without = |value| Test::Header(HeaderTest::without("x", value));
        let (none, some) = (probe("http://h/", &[]), probe("http://h/", &[("x", "1")]));
        assert!(holds(without(TextMatch::exact("1")), &none));
        assert!(!holds(without(TextMatch::exact("1")), &some));
        assert!(holds(without(TextMatch::exact("2")), &some));
        assert!(holds(without(TextMatch::Present), &none));
        assert!(!holds(without(TextMatch::Present), &some));
        assert!(!holds(without(TextMatch::exact("")), &none));
    }

    /// "string match on first occurrence, no percent-decoding, case-sensitive key; ?k has empty value".
    #[test]
    fn the_first_query_parameter_counts_as_it_is_written() {
        let query = |name: &str, value| Test::Query {
            name: name.into(),
            value,
        };
        let probe = probe("http://h/?a=1&a=2&k&e=%20", &[]);
        assert!(holds(query("a", TextMatch::exact("1")), &probe));
        assert!(!holds(query("a", TextMatch::exact("2")), &probe));
        assert!(!holds(query("A", TextMatch::Present), &probe));
        assert!(holds(query("k", TextMatch::exact("")), &probe));
        assert!(holds(query("e", TextMatch::exact("%20")), &probe));
    }
}
