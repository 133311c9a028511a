//! `match` of a route: from what a dump writes to conditions. Not: whether they hold.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::fault::Percentage;
use super::route_configs::number;
use crate::diag::{Code, Span};
use crate::route::{Caveat, Condition, HeaderTest, Test, TextMatch};

/// `RouteMatch`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MatchText {
    prefix: Option<String>,
    path: Option<String>,
    #[serde(alias = "safeRegex")]
    safe_regex: Option<RegexText>,
    #[serde(alias = "pathSeparatedPrefix")]
    path_separated_prefix: Option<String>,
    #[serde(alias = "connectMatcher")]
    connect_matcher: Option<IgnoredAny>,
    #[serde(alias = "pathMatchPolicy")]
    path_match_policy: Option<IgnoredAny>,
    #[serde(alias = "caseSensitive")]
    case_sensitive: Option<bool>,
    headers: Vec<HeaderText>,
    #[serde(alias = "queryParameters")]
    query_parameters: Vec<QueryText>,
    cookies: Vec<CookieText>,
    grpc: Option<IgnoredAny>,
    #[serde(alias = "dynamicMetadata")]
    dynamic_metadata: Vec<IgnoredAny>,
    #[serde(alias = "filterState")]
    filter_state: Vec<IgnoredAny>,
    #[serde(alias = "tlsContext")]
    tls_context: Option<IgnoredAny>,
    #[serde(alias = "runtimeFraction")]
    runtime_fraction: Option<RuntimeFractionText>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RegexText {
    regex: String,
}

/// `RuntimeFractionalPercent`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RuntimeFractionText {
    #[serde(alias = "defaultValue")]
    default_value: Percentage,
    #[serde(alias = "runtimeKey")]
    runtime_key: String,
}

/// `HeaderMatcher`, with the forms of older proxies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct HeaderText {
    name: String,
    #[serde(alias = "presentMatch")]
    present_match: Option<bool>,
    #[serde(alias = "stringMatch")]
    string_match: Option<StringText>,
    #[serde(alias = "rangeMatch")]
    range_match: Option<RangeText>,
    #[serde(alias = "invertMatch")]
    invert_match: bool,
    #[serde(alias = "treatMissingHeaderAsEmpty")]
    treat_missing_header_as_empty: bool,
    #[serde(alias = "exactMatch")]
    exact_match: Option<String>,
    #[serde(alias = "prefixMatch")]
    prefix_match: Option<String>,
    #[serde(alias = "suffixMatch")]
    suffix_match: Option<String>,
    #[serde(alias = "containsMatch")]
    contains_match: Option<String>,
    #[serde(alias = "safeRegexMatch")]
    safe_regex_match: Option<RegexText>,
    #[serde(alias = "regexMatch")]
    regex_match: Option<String>,
}

/// `StringMatcher`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct StringText {
    exact: Option<String>,
    prefix: Option<String>,
    suffix: Option<String>,
    contains: Option<String>,
    #[serde(alias = "safeRegex")]
    safe_regex: Option<RegexText>,
    #[serde(alias = "ignoreCase")]
    ignore_case: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct RangeText {
    #[serde(deserialize_with = "number")]
    start: i64,
    #[serde(deserialize_with = "number")]
    end: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct QueryText {
    name: String,
    #[serde(alias = "stringMatch")]
    string_match: Option<StringText>,
    #[serde(alias = "presentMatch")]
    present_match: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct CookieText {
    name: String,
    #[serde(alias = "stringMatch")]
    string_match: Option<StringText>,
    #[serde(alias = "invertMatch")]
    invert_match: bool,
}

/// A comparison, or why it cannot be made here.
type Compared = Result<TextMatch, (Code, String)>;

impl MatchText {
    /// The conditions, those that decide most often first.
    pub(super) fn conditions(&self, span: Span) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut add = |field: String, test: Test| conditions.push(Condition { field, span, test });
        let compared = |compared: Compared, test: &dyn Fn(TextMatch) -> Test| match compared {
            Ok(text) => test(text),
            Err((id, why)) => Test::Unknowable(Caveat::about(id, why, Some(span))),
        };
        if let Some((field, path)) = self.path() {
            add(field.to_owned(), compared(path, &Test::Path));
        }
        if self.connect_matcher.is_some() {
            let method = Test::Method(TextMatch::exact("CONNECT"));
            add("connect_matcher".to_owned(), method);
        }
        for header in &self.headers {
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
        for query in &self.query_parameters {
            let test = match &query.string_match {
                Some(text) => compared(text.compared(), &|value| query.test(value)),
                None if query.present_match == Some(false) => Test::NoQuery(query.name.clone()),
                None => query.test(TextMatch::Present),
            };
            add(format!("query_parameters.{}", query.name), test);
        }
        for cookie in &self.cookies {
            let wanted = cookie.string_match.as_ref();
            let wanted = wanted.map_or(Ok(TextMatch::Present), StringText::compared);
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
                let caveat = Caveat::about(id, why, Some(span));
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

impl RuntimeFractionText {
    fn add(&self, span: Span, add: &mut dyn FnMut(String, Test)) {
        let field = "runtime_fraction".to_owned();
        if let Some(fraction) = self.default_value.fraction() {
            add(field.clone(), Test::Fraction(fraction));
        } else {
            let why =
                "`runtime_fraction` has a denominator that Envoy does not know: taken not to match";
            let caveat = Caveat::about(Code::RuntimeFraction, why, Some(span));
            add(field.clone(), Test::Unknowable(caveat));
        }
        if !self.runtime_key.is_empty() {
            let why = format!(
                "the runtime key `{}` may override the fraction of a route; the dump shows its default",
                self.runtime_key
            );
            let caveat = Caveat::about(Code::RuntimeFraction, why, Some(span));
            let help = "look at /runtime of the admin interface";
            add(field, Test::Assumed(caveat.help(help)));
        }
    }
}

impl RegexText {
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

impl StringText {
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

impl HeaderText {
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
        let regex = self.regex_match.clone().map(|regex| RegexText { regex });
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

impl QueryText {
    fn test(&self, value: TextMatch) -> Test {
        Test::Query {
            name: self.name.clone(),
            value,
        }
    }
}
