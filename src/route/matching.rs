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
    Header {
        /// Its name, lower case.
        name: String,
        /// What its value must be.
        value: TextMatch,
    },
    /// A header that must not match.
    WithoutHeader {
        /// Its name, lower case.
        name: String,
        /// What its value must not be.
        value: TextMatch,
    },
    /// A query parameter.
    Query {
        /// Its name, as written in the URL.
        name: String,
        /// What its value must be.
        value: TextMatch,
    },
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
            Test::Header { name, value } => values(probe, name).any(|found| value.matches(found)),
            Test::WithoutHeader { name, value } => !without(probe, name, value),
            Test::Query { name, value } => {
                first_parameter(probe, name).is_some_and(|found| value.matches(found))
            }
        };
        if held { Held::Yes } else { Held::No }
    }
}

/// Whether the value stands in the header; a missing header counts as empty unless presence is asked for.
fn without(probe: &Probe, name: &str, value: &TextMatch) -> bool {
    let mut found = values(probe, name).peekable();
    if found.peek().is_none() {
        return !matches!(value, TextMatch::Present) && value.matches("");
    }
    found.any(|found| value.matches(found))
}

/// The values of a header, each of which Envoy compares by itself; `host` is what it calls the authority.
fn values<'p>(probe: &'p Probe, name: &str) -> impl Iterator<Item = &'p str> {
    let host = (name == "host").then_some(probe.authority.as_str());
    let named = move |(key, value): &'p (String, String)| {
        (host.is_none() && key.eq_ignore_ascii_case(name)).then_some(value.trim())
    };
    host.into_iter()
        .chain(probe.headers.iter().filter_map(named))
}

/// The first occurrence of a query parameter, neither name nor value unescaped.
fn first_parameter<'p>(probe: &'p Probe, name: &str) -> Option<&'p str> {
    let pairs = probe.query.as_deref()?.split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
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
    pub fn ignoring_case(self) -> Self {
        match self {
            Self::Exact { text, .. } => Self::Exact {
                text,
                ignore_case: true,
            },
            Self::Prefix { text, .. } => Self::Prefix {
                text,
                ignore_case: true,
            },
            other => other,
        }
    }

    /// Whether a text passes.
    #[must_use]
    pub fn matches(&self, found: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Exact {
                text,
                ignore_case: false,
            } => found == text,
            Self::Exact {
                text,
                ignore_case: true,
            } => found.eq_ignore_ascii_case(text),
            Self::Prefix {
                text,
                ignore_case: false,
            } => found.starts_with(text.as_str()),
            Self::Prefix {
                text,
                ignore_case: true,
            } => found
                .get(..text.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(text)),
            Self::Regex(regex) => regex.is_match(found),
        }
    }
}

impl fmt::Display for TextMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("present"),
            Self::Exact { text, .. } => write!(f, "exact `{text}`"),
            Self::Prefix { text, .. } => write!(f, "prefix `{text}`"),
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
        let header = |value| Test::Header {
            name: "end-user".into(),
            value,
        };
        let jason = probe("http://h/", &[("End-User", "jason")]);
        assert!(holds(header(TextMatch::exact("jason")), &jason));
        assert!(!holds(header(TextMatch::exact("Jason")), &jason));
        assert!(holds(header(TextMatch::Present), &jason));
        assert!(!holds(header(TextMatch::exact("")), &jason));
        assert!(!holds(header(TextMatch::Present), &probe("http://h/", &[])));
    }

    #[test]
    fn the_host_header_is_the_authority() {
        let header = Test::Header {
            name: "host".into(),
            value: TextMatch::exact("other"),
        };
        let probe = probe("http://h/", &[("host", "ignored")]).with_host("other");
        assert!(holds(header, &probe));
    }

    /// "1.40 matches a value individually (x-a:1 + x-a:2 matches exact \"1\", not \"1,2\")".
    #[test]
    fn repeated_headers_are_compared_one_by_one() {
        let probe = probe("http://h/", &[("x-a", "1"), ("x-a", "2")]);
        let header = |text: &str| Test::Header {
            name: "x-a".into(),
            value: TextMatch::exact(text),
        };
        assert!(holds(header("1"), &probe));
        assert!(!holds(header("1,2"), &probe));
    }

    /// "missing header treated as empty -> missing header MATCHES the without condition; with `{}` = header absent".
    #[test]
    fn a_missing_header_is_without_everything_but_the_empty_text() {
        let without = |value| Test::WithoutHeader {
            name: "x".into(),
            value,
        };
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
