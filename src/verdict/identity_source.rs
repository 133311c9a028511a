//! Which header or JSON member says where responses are from, by its values: few of them, that repeat, and best of all
//! those that mean the declared targets. Nothing is guessed: a value that means no target is shown without one.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use super::mapping::{MapRule, recognise};
use super::shell::quoted;
use crate::observe::ValueCounts;
use crate::split::{Expected, contains_word};

/// Sources that are proposed, and values of one that are shown, at most.
const MOST_SOURCES: usize = 5;
const MOST_VALUES: usize = 6;
/// Longer values are shown shortened.
const LONGEST_SHOWN: usize = 40;

/// What describes a message, a connection or the time, whatever its values: no version is named by it.
const NEVER: [&str; 24] = [
    "header:accept-ranges",
    "header:age",
    "header:alt-svc",
    "header:cache-control",
    "header:connection",
    "header:content-encoding",
    "header:content-length",
    "header:content-type",
    "header:date",
    "header:etag",
    "header:expires",
    "header:grpc-accept-encoding",
    "header:grpc-encoding",
    "header:grpc-message",
    "header:grpc-status",
    "header:keep-alive",
    "header:last-modified",
    "header:proxy-connection",
    "header:server-timing",
    "header:set-cookie",
    "header:trailer",
    "header:transfer-encoding",
    "header:vary",
    "header:x-envoy-upstream-service-time",
];
/// Words of the names of measurements. A number under such a name is one, unless it means a target.
const MEASURES: [&str; 13] = [
    "age",
    "count",
    "date",
    "duration",
    "elapsed",
    "latency",
    "length",
    "limit",
    "ms",
    "remaining",
    "size",
    "time",
    "uptime",
];

/// A header, a JSON member or the address, by which responses differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySource {
    /// What `--bucket` calls it: `header:x-version`.
    pub spec: String,
    /// Its values, the most frequent first.
    pub values: Vec<ValueOfSource>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueOfSource {
    /// The value.
    pub value: String,
    /// Responses that have it.
    pub count: u64,
    /// The declared target that it means.
    pub target: Option<String>,
}

/// What may say where responses are from, the best first: what names most of the targets, in most of the responses.
/// Where something names a target, what names none is left out. `tried` are the values of `--bucket` that were used.
#[must_use]
pub fn identity_sources(
    counts: &ValueCounts,
    expected: Option<&Expected>,
    rules: &[MapRule],
    tried: &[String],
) -> Vec<IdentitySource> {
    let tie = |value: &str| {
        let target = expected.and_then(|expected| recognise(expected, rules, value, 200));
        target.map(str::to_owned)
    };
    let mut sources: Vec<IdentitySource> = counts
        .few()
        .filter(|(spec, _)| !NEVER.contains(spec) && !spec.starts_with("header::"))
        .filter(|(spec, _)| !tried.iter().any(|tried| tried.eq_ignore_ascii_case(spec)))
        .map(|(spec, values)| {
            let value = |(value, count): (&String, &u64)| ValueOfSource {
                value: value.clone(),
                count: *count,
                target: tie(value),
            };
            let mut values: Vec<ValueOfSource> = values.iter().map(value).collect();
            values.sort_by_key(|value| Reverse(value.count));
            IdentitySource {
                spec: spec.to_owned(),
                values,
            }
        })
        .filter(IdentitySource::may_be)
        .collect();
    let targets = expected.map_or(0, |expected| expected.declared().len());
    sources.sort_by_cached_key(|source| source.rank(targets));
    if sources.iter().any(|source| !source.targets().is_empty()) {
        sources.retain(|source| !source.targets().is_empty());
    }
    sources.truncate(MOST_SOURCES);
    sources
}

impl IdentitySource {
    /// The declared targets that its values mean.
    #[must_use]
    pub fn targets(&self) -> BTreeSet<&str> {
        let targets = self.values.iter();
        targets
            .filter_map(|value| value.target.as_deref())
            .collect()
    }

    /// The option to paste.
    #[must_use]
    pub fn option(&self) -> String {
        bucket_option(&self.spec)
    }

    /// Whether it may be what tells versions apart: some values, each of them again and again, or one that means a
    /// target; no times, and no measurements.
    fn may_be(&self) -> bool {
        let (distinct, all) = (self.values.len() as u64, self.all());
        let tied = !self.targets().is_empty();
        let measured = contains_measure(&self.spec)
            && (self.values.iter()).all(|value| value.value.parse::<f64>().is_ok());
        let repeats = all >= 2 * distinct;
        repeats
            && (tied || (distinct > 1 && !measured))
            && !self.values.iter().any(|value| tells_time(&value.value))
    }

    fn all(&self) -> u64 {
        self.values.iter().map(|value| value.count).sum()
    }

    /// The smaller, the better.
    fn rank(&self, targets: usize) -> impl Ord + use<> {
        let tied = self.values.iter().filter(|value| value.target.is_some());
        let tied: u64 = tied.map(|value| value.count).sum();
        let kind = match self.spec.split(':').next() {
            Some("header") => 0,
            Some("json") => 1,
            _ => 2,
        };
        (
            Reverse(self.targets().len()),
            Reverse(tied),
            // As many values as targets are likelier to be one for each.
            self.values.len() != targets,
            Reverse(self.all()),
            self.values.len(),
            kind,
            self.spec.clone(),
        )
    }
}

/// A `--bucket` to paste, in quotes where a shell needs them.
#[must_use]
pub fn bucket_option(spec: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":/_.-".contains(c);
    if spec.chars().all(plain) {
        format!("--bucket {spec}")
    } else {
        format!("--bucket {}", quoted(spec))
    }
}

/// Whether a word of the name is that of a measurement: `x-response-time`, `/elapsed_ms`.
fn contains_measure(spec: &str) -> bool {
    let words = spec.replace('_', "-");
    MEASURES
        .iter()
        .any(|measure| contains_word(&words, measure))
}

/// Whether a value holds a time of day, or counts seconds or less since 1970.
fn tells_time(value: &str) -> bool {
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let of_day = value.as_bytes().windows(8).any(|part| {
        part[2] == b':'
            && part[5] == b':'
            && digits(&part[..2])
            && digits(&part[3..5])
            && digits(&part[6..])
    });
    let whole = value.split('.').next().unwrap_or(value);
    let since_1970 = whole.len() >= 10 && digits(whole.as_bytes());
    of_day || since_1970
}

impl fmt::Display for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec.split_once(':') {
            Some(("header", name)) => write!(f, "header {name}: ")?,
            Some(("json", pointer)) => write!(f, "member {pointer}: ")?,
            _ => f.write_str("address: ")?,
        }
        let shown: Vec<String> = (self.values.iter().take(MOST_VALUES))
            .map(ValueOfSource::to_string)
            .collect();
        f.write_str(&shown.join(", "))?;
        if let Some(more) = self.values.len().checked_sub(MOST_VALUES + 1) {
            write!(f, " and {} more", more + 1)?;
        }
        write!(f, " → {}", self.option())
    }
}

impl fmt::Display for ValueOfSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short(&self.value))?;
        if let Some(target) = self.target.as_ref().filter(|target| **target != self.value) {
            write!(f, " (`{target}`)")?;
        }
        write!(f, " × {}", self.count)
    }
}

/// The beginning of a value, on one line.
#[must_use]
pub fn short(value: &str) -> String {
    let line: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() <= LONGEST_SHOWN {
        return line;
    }
    let beginning: String = line.chars().take(LONGEST_SHOWN - 1).collect();
    format!("{beginning}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::parse_weights;

    /// Fifty responses, the k-th with these places and values.
    fn counts(of: impl Fn(u64) -> Vec<(&'static str, String)>) -> ValueCounts {
        let mut counts = ValueCounts::default();
        for k in 0..50 {
            let carried = of(k).into_iter();
            counts.push(carried.map(|(place, value)| (place.to_owned(), value)));
        }
        counts
    }

    fn version(k: u64) -> String {
        if k.is_multiple_of(10) { "v2" } else { "v1" }.to_owned()
    }

    fn lines(counts: &ValueCounts, rules: &[&str]) -> Vec<String> {
        let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
        let rules: Vec<MapRule> = rules.iter().map(|r| r.parse().expect("a rule")).collect();
        let sources = identity_sources(counts, Some(&expected), &rules, &[]);
        sources.iter().map(IdentitySource::to_string).collect()
    }

    #[test]
    fn what_names_all_targets_comes_first() {
        let counts = counts(|k| {
            vec![
                (
                    "header:x-half",
                    if k % 10 == 0 { "v2" } else { "old" }.into(),
                ),
                ("header:x-app-version", version(k)),
                ("header:x-zone", if k % 2 == 0 { "a" } else { "b" }.into()),
                ("json:/pod", format!("web-{}-7f9c", version(k))),
                ("header:x-request-id", format!("{k}")),
                ("header:server", "envoy".into()),
            ]
        });
        assert_eq!(
            lines(&counts, &[]),
            [
                "header x-app-version: v1 × 45, v2 × 5 → --bucket header:x-app-version",
                "member /pod: web-v1-7f9c (`v1`) × 45, web-v2-7f9c (`v2`) × 5 → --bucket json:/pod",
                "header x-half: old × 45, v2 × 5 → --bucket header:x-half"
            ]
        );
    }

    #[test]
    fn values_that_mean_no_target_are_shown_without_one() {
        let counts = counts(|k| {
            vec![
                (
                    "header:x-build",
                    if k % 10 == 0 { "18" } else { "17" }.into(),
                ),
                (
                    "header:x-zone",
                    ["a", "b", "c"][usize::try_from(k % 3).expect("small")].into(),
                ),
            ]
        });
        assert_eq!(
            lines(&counts, &[]),
            [
                "header x-build: 17 × 45, 18 × 5 → --bucket header:x-build",
                "header x-zone: a × 17, b × 17, c × 16 → --bucket header:x-zone"
            ]
        );
        assert_eq!(
            lines(&counts, &["17=v1", "18=v2"]),
            ["header x-build: 17 (`v1`) × 45, 18 (`v2`) × 5 → --bucket header:x-build"]
        );
    }

    #[test]
    fn times_measurements_and_what_frames_a_message_are_no_identity() {
        let counts = counts(|k| {
            let two = |a: &str, b: &str| if k % 2 == 0 { a } else { b }.to_owned();
            vec![
                (
                    "header:date",
                    two(
                        "Mon, 30 Nov 2026 02:39:01 GMT",
                        "Mon, 30 Nov 2026 02:39:02 GMT",
                    ),
                ),
                (
                    "header:x-started",
                    two("2026-11-30T02:39:01Z", "2026-11-30T02:39:02Z"),
                ),
                ("header:content-length", two("17", "18")),
                ("header:connection", two("keep-alive", "close")),
                ("header:x-envoy-upstream-service-time", two("0", "1")),
                ("header:x-response-time", two("3", "4")),
                ("json:/elapsed_ms", two("0.3", "0.4")),
                ("json:/now", two("1795999622", "1795999623")),
                ("json:/at", two("1795999622.5", "1795999623.5")),
            ]
        });
        assert_eq!(lines(&counts, &[]), [""; 0]);
    }

    #[test]
    fn one_value_counts_where_it_means_a_target_and_only_if_it_repeats() {
        let named = counts(|_| {
            vec![
                ("header:x-version", "v1".into()),
                ("header:server", "a".into()),
            ]
        });
        assert_eq!(
            lines(&named, &[]),
            ["header x-version: v1 × 50 → --bucket header:x-version"]
        );
        let mut once = ValueCounts::default();
        for value in ["v1", "v2"] {
            once.push([("header:x-version".to_owned(), value.to_owned())]);
        }
        assert_eq!(lines(&once, &[]), [""; 0]);
    }

    #[test]
    fn what_was_tried_is_not_proposed_again() {
        let counts = counts(|k| vec![("header:x-version", version(k))]);
        let sources = identity_sources(&counts, None, &[], &["header:X-Version".to_owned()]);
        assert_eq!(sources, []);
        assert_eq!(identity_sources(&counts, None, &[], &[]).len(), 1);
    }

    #[test]
    fn an_option_that_a_shell_would_take_apart_is_quoted() {
        let source = IdentitySource {
            spec: "json:/a b".to_owned(),
            values: Vec::new(),
        };
        assert_eq!(source.option(), "--bucket 'json:/a b'");
    }
}
