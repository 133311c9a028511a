//! Whether one condition of a route holds for a request, the way Envoy decides it, and whether a note applies to it.

use std::borrow::Cow;

use super::condition::{AppliesTo, Condition, HeaderTest, Test};
use super::{Fraction, Probe, TextMatch};
use crate::diag::{Note, Severity};

/// How a condition was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluation<'c> {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It is taken to hold.
    Assumed(&'c Note<AppliesTo>),
    /// It is taken not to hold.
    Unknowable(&'c Note<AppliesTo>),
    /// It holds for a part of the requests.
    Part(Fraction),
}

impl Condition {
    /// Decides the condition for a request.
    #[must_use]
    pub fn holds(&self, probe: &Probe) -> Evaluation<'_> {
        let held = match &self.test {
            Test::Fixed(held) => *held,
            Test::Assumed(caveat) => return Evaluation::Assumed(caveat),
            Test::Unknowable(caveat) => return Evaluation::Unknowable(caveat),
            Test::Fraction(fraction) if fraction.is_none() || fraction.is_all() => {
                fraction.is_all()
            }
            Test::Fraction(fraction) => return Evaluation::Part(*fraction),
            Test::Path(path) => path.matches(&probe.normal_path()),
            Test::Method(method) => method.matches(&probe.method),
            Test::Authority(authority) => authority.matches(&probe.authority),
            Test::Scheme(scheme) => scheme.matches(&probe.scheme),
            Test::Header(header) => header.holds(probe),
            Test::Query { name, value } => probe
                .parameter(name)
                .is_some_and(|found| value.matches(found)),
            Test::NoQuery(name) => probe.parameter(name).is_none(),
            Test::Cookie {
                name,
                value,
                invert,
            } => probe.cookie(name).is_some_and(|found| value.matches(found)) != *invert,
        };
        if held {
            Evaluation::Yes
        } else {
            Evaluation::No
        }
    }
}

impl HeaderTest {
    fn holds(&self, probe: &Probe) -> bool {
        let mut found = values(probe, &self.name).peekable();
        let matched = match (found.peek(), &self.value) {
            (None, TextMatch::Present) if !self.missing_is_empty => false,
            (None, _) if !self.missing_is_empty => return false,
            (None, value) => value.matches(""),
            (Some(_), value) => found.any(|found| value.matches(&found)),
        };
        matched != self.invert
    }
}

/// The values of a header, each of which Envoy compares by itself. A name with a colon is a part of the request line;
/// `host` is what Envoy calls the authority.
pub(super) fn values<'p>(probe: &'p Probe, name: &str) -> impl Iterator<Item = Cow<'p, str>> {
    let line = match name {
        "host" | ":authority" => Some(Cow::Borrowed(probe.authority.as_str())),
        ":method" => Some(Cow::Borrowed(probe.method.as_str())),
        ":scheme" => Some(Cow::Borrowed(probe.scheme.as_str())),
        ":path" => {
            let query = probe.query.as_deref().map(|query| format!("?{query}"));
            Some(Cow::Owned(probe.normal_path() + &query.unwrap_or_default()))
        }
        _ => None,
    };
    let own = line.is_none();
    let named = move |(key, value): &'p (String, String)| {
        (own && key.eq_ignore_ascii_case(name)).then_some(Cow::Borrowed(value.trim()))
    };
    line.into_iter()
        .chain(probe.headers.iter().filter_map(named))
}

impl Note<AppliesTo> {
    /// Whether the caveat concerns a request.
    #[must_use]
    pub fn concerns(&self, probe: &Probe) -> bool {
        match &self.applies_to {
            Some(AppliesTo::Method(method)) => probe.method == *method,
            Some(AppliesTo::Scheme(scheme)) => probe.scheme.eq_ignore_ascii_case(scheme),
            Some(AppliesTo::Matching(sets)) => sets.iter().any(|set| {
                let holds = |one: &Condition| one.holds(probe) == Evaluation::Yes;
                set.iter().all(holds)
            }),
            None => true,
        }
    }

    /// The same caveat, as the reason why the proxies do not have a destination.
    #[must_use]
    pub fn undeliverable(self) -> Self {
        self.with_severity(Severity::Error)
    }

    /// Whether it is why the proxies do not have a destination.
    #[must_use]
    pub fn is_undeliverable(&self) -> bool {
        self.severity == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;

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
            == Evaluation::Yes
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

    /// What Envoy 1.40 does with `treat_missing_header_as_empty` beside `present_match`.
    #[test]
    fn a_missing_header_that_is_treated_as_empty_is_present() {
        let present = |invert| {
            Test::Header(HeaderTest {
                invert,
                missing_is_empty: true,
                ..HeaderTest::with("x", TextMatch::Present)
            })
        };
        let none = probe("http://h/", &[]);
        assert!(holds(present(false), &none) && !holds(present(true), &none));
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

    /// What Envoy 1.40 does: the first cookie of a name counts, quotes are no part of it, and a missing one passes a
    /// condition that is turned round.
    #[test]
    fn the_first_cookie_of_a_name_counts() {
        let cookie = |invert| Test::Cookie {
            name: "a".into(),
            value: TextMatch::exact("b"),
            invert,
        };
        for (cookies, held) in [
            (&["a=b"][..], true),
            (&["c=d; a=b"], true),
            (&["c=d;a=b"], true),
            (&["a=\"b\""], true),
            (&["a=c; a=b"], false),
            (&["a=c", "a=b"], false),
            (&[], false),
        ] {
            let headers: Vec<(&str, &str)> = cookies.iter().map(|one| ("cookie", *one)).collect();
            let probe = probe("http://h/", &headers);
            assert_eq!(holds(cookie(false), &probe), held, "{cookies:?}");
            assert_eq!(holds(cookie(true), &probe), !held, "{cookies:?}");
        }
    }

    /// What Envoy 1.40 does: `:path` is the path with the query.
    #[test]
    fn names_with_a_colon_are_parts_of_the_request_line() {
        let probe = probe("http://h:80/a/../b?x=1", &[(":method", "PUT")]);
        for (name, value) in [
            (":path", "/b?x=1"),
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "h"),
        ] {
            let header = Test::Header(HeaderTest::with(name, TextMatch::exact(value)));
            assert!(holds(header, &probe), "{name}");
        }
    }
}
