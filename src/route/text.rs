//! How a text of a request is compared, the way Envoy does it.

use std::fmt;

use regex::Regex;

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
}
