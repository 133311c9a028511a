//! `match` of a route: from what a dump writes to conditions.

use super::raw_match::{
    RawHeader, RawMatch, RawQueryParameter, RawRegex, RawRuntimeFraction, RawString,
};
use crate::diag::{Code, Note, Span};
use crate::route::{Condition, HeaderTest, Test, TextMatch};

/// A comparison, or why it cannot be made here.
type Compared = Result<TextMatch, (Code, String)>;

impl RawMatch {
    /// The conditions, those that decide most often first.
    pub(super) fn conditions(&self, span: Span) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut add = |field: String, test: Test| conditions.push(Condition { field, span, test });
        let compared = |compared: Compared, test: &dyn Fn(TextMatch) -> Test| match compared {
            Ok(text) => test(text),
            Err((id, why)) => Test::Unknowable(Note::about(id, why, Some(span))),
        };
        if let Some((field, path)) = self.path() {
            add(field.to_owned(), compared(path, &Test::Path));
        }
        if self.connect_matcher.is_some() {
            let method = Test::Method(TextMatch::exact("CONNECT"));
            add("connect_matcher".to_owned(), method);
        }
        for header in self.headers.iter() {
            let test = compared(header.compared(), &|value| header.test(value));
            add(format!("headers.{}", header.name), test);
        }
        if self.grpc.is_some() {
            let kind = TextMatch::regex(r"application/grpc(\+.*)?").expect("it compiles");
            add(
                "grpc".to_owned(),
                Test::Header(HeaderTest::with("content-type", kind)),
            );
        }
        for query in self.query_parameters.iter() {
            let test = match &query.string_match {
                Some(text) => compared(text.compared(), &|value| query.test(value)),
                None if query.present_match == Some(false) => Test::NoQuery(query.name.clone()),
                None => query.test(TextMatch::Present),
            };
            add(format!("query_parameters.{}", query.name), test);
        }
        for cookie in self.cookies.iter() {
            let wanted = cookie.string_match.as_ref();
            let wanted = wanted.map_or(Ok(TextMatch::Present), RawString::compared);
            let test = compared(wanted, &|value| Test::Cookie {
                name: cookie.name.clone(),
                value,
                invert: cookie.invert_match,
            });
            add(format!("cookies.{}", cookie.name), test);
        }
        for (field, id, there) in [
            (
                "dynamic_metadata",
                Code::UnknownMetadata,
                !self.dynamic_metadata.is_empty(),
            ),
            (
                "filter_state",
                Code::UnknownMetadata,
                !self.filter_state.is_empty(),
            ),
            ("tls_context", Code::UnknownTls, self.tls_context.is_some()),
        ] {
            if there {
                let why = format!(
                    "`{field}` of a route looks at what only the proxy knows: taken not to match"
                );
                let caveat = Note::about(id, why, Some(span));
                add(field.to_owned(), Test::Unknowable(caveat));
            }
        }
        if let Some(fraction) = &self.runtime_fraction {
            fraction.add(span, &mut add);
        }
        conditions
    }

    fn path(&self) -> Option<(&'static str, Compared)> {
        let cased = |text: TextMatch| match self.case_sensitive {
            Some(false) => text.ignoring_case(),
            _ => text,
        };
        if let Some(prefix) = &self.prefix {
            return Some(("prefix", Ok(cased(TextMatch::prefix(prefix)))));
        }
        if let Some(path) = &self.path {
            return Some(("path", Ok(cased(TextMatch::exact(path)))));
        }
        if let Some(text) = self.path_separated_prefix.clone() {
            let below = TextMatch::Below {
                text,
                ignore_case: false,
            };
            return Some(("path_separated_prefix", Ok(cased(below))));
        }
        if let Some(regex) = &self.safe_regex {
            return Some(("safe_regex", regex.compared()));
        }
        let template = "`path_match_policy` matches paths by a template that resplit does not read: taken not to match";
        let policy = self.path_match_policy.as_ref();
        policy.map(|_| {
            (
                "path_match_policy",
                Err((Code::PathTemplate, template.to_owned())),
            )
        })
    }
}

impl RawRuntimeFraction {
    fn add(&self, span: Span, add: &mut dyn FnMut(String, Test)) {
        let field = "runtime_fraction".to_owned();
        if let Some(fraction) = self.default_value.fraction() {
            add(field.clone(), Test::Fraction(fraction));
        } else {
            let why =
                "`runtime_fraction` has a denominator that Envoy does not know: taken not to match";
            let caveat = Note::about(Code::RuntimeFraction, why, Some(span));
            add(field.clone(), Test::Unknowable(caveat));
        }
        if !self.runtime_key.is_empty() {
            let why = format!(
                "the runtime key `{}` may override the fraction of a route; the dump shows its default",
                self.runtime_key
            );
            let caveat = Note::about(Code::RuntimeFraction, why, Some(span));
            let help = "look at /runtime of the admin interface";
            add(field, Test::Assumed(caveat.help(help)));
        }
    }
}

impl RawRegex {
    fn compared(&self) -> Compared {
        TextMatch::regex(&self.regex).map_err(|_| {
            let why = format!(
                "the regex `{}` is not one that resplit can read: taken not to match",
                self.regex
            );
            (Code::UnreadableRegex, why)
        })
    }
}

impl RawString {
    fn compared(&self) -> Compared {
        let ignore_case = self.ignore_case;
        let cased = |text: TextMatch| {
            if ignore_case {
                text.ignoring_case()
            } else {
                text
            }
        };
        if let Some(text) = &self.exact {
            return Ok(cased(TextMatch::exact(text)));
        }
        if let Some(text) = &self.prefix {
            return Ok(cased(TextMatch::prefix(text)));
        }
        if let Some(text) = self.suffix.clone() {
            return Ok(TextMatch::Suffix { text, ignore_case });
        }
        if let Some(text) = self.contains.clone() {
            return Ok(TextMatch::Contains { text, ignore_case });
        }
        if let Some(regex) = &self.safe_regex {
            return regex.compared();
        }
        let why = "a text is compared in a way that resplit does not know: taken not to match";
        Err((Code::UnknownMatcher, why.to_owned()))
    }
}

impl RawHeader {
    fn compared(&self) -> Compared {
        let exact = |text: &String| match text.as_str() {
            // What the older form does with the empty text.
            "" => TextMatch::Present,
            _ => TextMatch::exact(text),
        };
        let (suffix, contains) = (self.suffix_match.clone(), self.contains_match.clone());
        let ignore_case = false;
        let older = (self.exact_match.as_ref().map(exact))
            .or_else(|| self.prefix_match.as_ref().map(TextMatch::prefix))
            .or_else(|| suffix.map(|text| TextMatch::Suffix { text, ignore_case }))
            .or_else(|| contains.map(|text| TextMatch::Contains { text, ignore_case }));
        let regex = self.regex_match.clone().map(|regex| RawRegex { regex });
        match (&self.string_match, &self.range_match, older) {
            (Some(text), ..) => text.compared(),
            (None, Some(range), _) => Ok(TextMatch::Range {
                start: range.start,
                end: range.end,
            }),
            (None, None, Some(older)) => Ok(older),
            (None, None, None) => match self.safe_regex_match.as_ref().or(regex.as_ref()) {
                Some(regex) => regex.compared(),
                None => Ok(TextMatch::Present),
            },
        }
    }

    fn test(&self, value: TextMatch) -> Test {
        let name = self.name.to_lowercase();
        let absent = matches!(value, TextMatch::Present) && self.present_match == Some(false);
        let test = HeaderTest {
            invert: self.invert_match != absent,
            missing_is_empty: self.treat_missing_header_as_empty,
            ..HeaderTest::with(name, value)
        };
        // Parts of the request line are always there.
        match (test.name.as_str(), test.invert) {
            (":method", false) => Test::Method(test.value),
            (":authority" | "host", false) => Test::Authority(test.value),
            (":scheme", false) => Test::Scheme(test.value),
            _ => Test::Header(test),
        }
    }
}

impl RawQueryParameter {
    fn test(&self, value: TextMatch) -> Test {
        Test::Query {
            name: self.name.clone(),
            value,
        }
    }
}
