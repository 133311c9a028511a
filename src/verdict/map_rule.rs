//! One `--map` option: a value, a row of the table as it is shown, or a pattern, and the target that it belongs to.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use super::classification::{Classification, label_of};
use super::shell::quoted;
use crate::split::{Bucket, Expected, Identity};

/// `--map VALUE=TARGET` or `--map /RE/=TARGET`.
#[derive(Clone, Debug)]
pub struct MapRule {
    pattern: Pattern,
    target: String,
}

#[derive(Clone, Debug)]
enum Pattern {
    Exact(String),
    Regex(Regex),
}

/// Why a `--map` value is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapRuleError {
    /// No `=`.
    #[error("`{0}` is not a valid mapping: write VALUE=TARGET or /RE/=TARGET")]
    Form(String),
    /// The part between slashes is no regular expression.
    #[error("`{0}` does not compile: {1}")]
    Regex(String, String),
}

impl FromStr for MapRule {
    type Err = MapRuleError;

    fn from_str(text: &str) -> Result<Self, MapRuleError> {
        let form = || MapRuleError::Form(text.to_owned());
        if let Some(rest) = text.strip_prefix('/') {
            let (pattern, target) = rest
                .rsplit_once("/=")
                .filter(|(_, target)| !target.is_empty())
                .ok_or_else(form)?;
            let regex = Regex::new(pattern)
                .map_err(|error| MapRuleError::Regex(pattern.to_owned(), error.to_string()))?;
            return Ok(Self {
                pattern: Pattern::Regex(regex),
                target: target.to_owned(),
            });
        }
        // Values may hold `=`; names of targets do not.
        let (value, target) = text
            .rsplit_once('=')
            .filter(|(_, target)| !target.is_empty())
            .ok_or_else(form)?;
        Ok(Self {
            pattern: Pattern::Exact(value.to_owned()),
            target: target.to_owned(),
        })
    }
}

impl fmt::Display for MapRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.pattern {
            Pattern::Exact(value) => format!("{value}={}", self.target),
            Pattern::Regex(regex) => format!("/{regex}/={}", self.target),
        };
        write!(f, "--map {}", quoted(&text))
    }
}

impl MapRule {
    /// The name of the target.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether it means these responses: by their value, or by their row in the table, where an error has its status in
    /// front. What is counted as "other values" is many things and never meant.
    #[must_use]
    pub fn matches(&self, bucket: &Bucket, expected: &Expected) -> bool {
        if bucket.identity == Identity::Overflow {
            return false;
        }
        let label = label(bucket, expected);
        let texts = || [bucket.value(), Some(label.as_str())].into_iter().flatten();
        match &self.pattern {
            Pattern::Regex(regex) => texts().any(|text| regex.is_match(text)),
            Pattern::Exact(exact) => texts().any(|text| {
                let shown = shown(text);
                text == exact || shown == *exact || shortened_to(&shown, exact)
            }),
        }
    }
}

/// The row of the table, as it is before anything is tied to a target.
fn label(bucket: &Bucket, expected: &Expected) -> String {
    let status = Some(bucket.status);
    let mut declared = expected.declared().iter();
    match declared.position(|declared| declared.target.status() == status) {
        Some(index) => label_of(bucket, Classification::Target(index), Some(expected)),
        None => label_of(bucket, Classification::Unattributed, None),
    }
}

/// The text with control characters escaped, as tables print it.
fn shown(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

/// Whether a table prints the text so where there is too little room: `…` stands for what is left out of the middle.
fn shortened_to(text: &str, short: &str) -> bool {
    let parts: Vec<&str> = short.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return false;
    };
    if first.is_empty() || last.is_empty() || text.chars().count() <= short.chars().count() {
        return false;
    }
    let inner = text
        .strip_prefix(first)
        .and_then(|rest| rest.strip_suffix(last));
    let Some(mut rest) = inner else {
        return false;
    };
    middle.iter().all(|part| {
        let found = rest.find(part);
        rest = found.map_or(rest, |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::parse_weights;

    fn bucket(identity: Identity, status: u16) -> Bucket {
        Bucket { identity, status }
    }

    fn matches(rule: &str, identity: Identity, status: u16) -> bool {
        let expected = parse_weights(&["single=90,multiple=10"]).expect("a split");
        let rule: MapRule = rule.parse().expect("a rule");
        rule.matches(&bucket(identity, status), &expected)
    }

    fn of_value(rule: &str, value: &str, status: u16) -> bool {
        matches(rule, Identity::Value(value.to_owned()), status)
    }

    #[test]
    fn a_malformed_rule_is_refused() {
        for text in ["blue", "blue=", "/(/=v1", "/a/v1"] {
            assert!(text.parse::<MapRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rule_is_shown_as_it_is_typed() {
        for text in ["blue=v1", "/^503/=v2", "a=b=v1", "it's=v1"] {
            let rule: MapRule = text.parse().expect("a rule");
            let typed = format!("--map '{}'", text.replace('\'', r"'\''"));
            assert_eq!(rule.to_string(), typed);
        }
    }

    #[test]
    fn an_error_is_matched_by_its_value_and_by_its_row() {
        let value = "upstream connect error or disconnect/reset before headers";
        for rule in [
            "/503/=multiple",
            "/^503 upstream/=multiple",
            "/^upstream/=multiple",
            "503 upstream connect error or disconnect/reset before headers=multiple",
            "upstream connect error or disconnect/reset before headers=multiple",
            "503 upstream connect error…before headers=multiple",
        ] {
            assert!(of_value(rule, value, 503), "{rule}");
            assert!(!of_value(rule, "no healthy upstream", 502), "{rule}");
        }
        // What succeeds has no status in front.
        assert!(!of_value("/503/=multiple", value, 200));
        assert!(of_value("status 503=multiple", "", 503));
    }

    #[test]
    fn a_response_without_a_value_is_matched_by_its_row_and_other_values_never() {
        assert!(matches("(no identity)=single", Identity::Missing, 200));
        assert!(matches("/503/=multiple", Identity::Missing, 503));
        assert!(!matches("/503/=multiple", Identity::Missing, 200));
        assert!(!matches("/./=single", Identity::Overflow, 200));
    }

    #[test]
    fn a_value_is_matched_as_the_table_shortens_and_escapes_it() {
        let long = "weather-backend… (300 bytes, #0b8e5464)";
        for rule in [
            "weather-backend… (300 bytes, #0b8e5464)=single",
            "weather…#0b8e5464)=single",
            "weather-backend…(3…#0b8e5464)=single",
        ] {
            assert!(of_value(rule, long, 200), "{rule}");
            assert!(!of_value(
                rule,
                "weather-backend… (300 bytes, #77777777)",
                200
            ));
        }
        assert!(of_value(r"a\nb=single", "a\nb", 200));
        // Three dots are no word for anything.
        assert!(!of_value("…=single", "anything", 200));
        assert!(!of_value("Loading…=single", "Loading v2", 200));
        assert!(of_value("Loading…=single", "Loading…", 200));
    }

    #[test]
    fn a_declared_status_shows_in_front_of_what_succeeds() {
        use crate::split::{Expected, Identifiers, LocalReply, LocalReplyCause, Mechanism, Target};
        let declared = Target::LocalReply(LocalReply {
            status: 302,
            cause: LocalReplyCause::Redirect,
        });
        let parts = [Target::Named("v1".into()), declared]
            .map(|target| (target, 1, Identifiers::default()))
            .to_vec();
        let expected = Expected::from_weights("test", Mechanism::Iid, parts).expect("a split");
        let rule: MapRule = "302 elsewhere=v1".parse().expect("a rule");
        let moved = bucket(Identity::Value("elsewhere".into()), 302);
        assert!(rule.matches(&moved, &expected));
    }
}
