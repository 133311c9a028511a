//! `match` of a route, as a dump writes it, with the forms of older proxies.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::fault::Percentage;
use super::integer::integer;
use super::list::List;

/// `RouteMatch`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawMatch {
    pub(super) prefix: Option<String>,
    pub(super) path: Option<String>,
    #[serde(alias = "safeRegex")]
    pub(super) safe_regex: Option<RawRegex>,
    #[serde(alias = "pathSeparatedPrefix")]
    pub(super) path_separated_prefix: Option<String>,
    #[serde(alias = "connectMatcher")]
    pub(super) connect_matcher: Option<IgnoredAny>,
    #[serde(alias = "pathMatchPolicy")]
    pub(super) path_match_policy: Option<IgnoredAny>,
    #[serde(alias = "caseSensitive")]
    pub(super) case_sensitive: Option<bool>,
    pub(super) headers: List<RawHeader>,
    #[serde(alias = "queryParameters")]
    pub(super) query_parameters: List<RawQueryParameter>,
    pub(super) cookies: List<RawCookie>,
    pub(super) grpc: Option<IgnoredAny>,
    #[serde(alias = "dynamicMetadata")]
    pub(super) dynamic_metadata: List<IgnoredAny>,
    #[serde(alias = "filterState")]
    pub(super) filter_state: List<IgnoredAny>,
    #[serde(alias = "tlsContext")]
    pub(super) tls_context: Option<IgnoredAny>,
    #[serde(alias = "runtimeFraction")]
    pub(super) runtime_fraction: Option<RawRuntimeFraction>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRegex {
    pub(super) regex: String,
}

/// `RuntimeFractionalPercent`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRuntimeFraction {
    #[serde(alias = "defaultValue")]
    pub(super) default_value: Percentage,
    #[serde(alias = "runtimeKey")]
    pub(super) runtime_key: String,
}

/// `HeaderMatcher`, with the forms of older proxies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawHeader {
    pub(super) name: String,
    #[serde(alias = "presentMatch")]
    pub(super) present_match: Option<bool>,
    #[serde(alias = "stringMatch")]
    pub(super) string_match: Option<RawString>,
    #[serde(alias = "rangeMatch")]
    pub(super) range_match: Option<RawRange>,
    #[serde(alias = "invertMatch")]
    pub(super) invert_match: bool,
    #[serde(alias = "treatMissingHeaderAsEmpty")]
    pub(super) treat_missing_header_as_empty: bool,
    #[serde(alias = "exactMatch")]
    pub(super) exact_match: Option<String>,
    #[serde(alias = "prefixMatch")]
    pub(super) prefix_match: Option<String>,
    #[serde(alias = "suffixMatch")]
    pub(super) suffix_match: Option<String>,
    #[serde(alias = "containsMatch")]
    pub(super) contains_match: Option<String>,
    #[serde(alias = "safeRegexMatch")]
    pub(super) safe_regex_match: Option<RawRegex>,
    #[serde(alias = "regexMatch")]
    pub(super) regex_match: Option<String>,
}

/// `StringMatcher`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawString {
    pub(super) exact: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) suffix: Option<String>,
    pub(super) contains: Option<String>,
    #[serde(alias = "safeRegex")]
    pub(super) safe_regex: Option<RawRegex>,
    #[serde(alias = "ignoreCase")]
    pub(super) ignore_case: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRange {
    #[serde(deserialize_with = "integer")]
    pub(super) start: i64,
    #[serde(deserialize_with = "integer")]
    pub(super) end: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawQueryParameter {
    pub(super) name: String,
    #[serde(alias = "stringMatch")]
    pub(super) string_match: Option<RawString>,
    #[serde(alias = "presentMatch")]
    pub(super) present_match: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawCookie {
    pub(super) name: String,
    #[serde(alias = "stringMatch")]
    pub(super) string_match: Option<RawString>,
    #[serde(alias = "invertMatch")]
    pub(super) invert_match: bool,
}
