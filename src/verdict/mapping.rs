//! Which target a value belongs to: by the user's word, else by the names, labels and workloads of the targets. A
//! value that could mean two targets is refused, never guessed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use regex::Regex;

use crate::split::{Bucket, Declared, Expected, Target, contains_word, workload};

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
    #[error("`{0}` is no mapping; write it as VALUE=TARGET or /RE/=TARGET")]
    Form(String),
    /// The part between slashes is no regular expression.
    #[error("`{0}` does not compile: {1}")]
    Regex(String, String),
}

/// Values with the position of their target in [`Expected::declared`]. A value without a target is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping(BTreeMap<String, usize>);

/// Why values cannot be tied to targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingError {
    /// `--map` names a target that is not declared.
    UnknownTarget {
        /// The name given.
        target: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Some values could mean several targets, or none of the values means any.
    Unclear {
        /// Every value with the targets it could mean.
        values: Vec<(String, Vec<String>)>,
        /// The names there are.
        known: Vec<String>,
    },
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

impl MapRule {
    fn matches(&self, value: &str) -> bool {
        match &self.pattern {
            Pattern::Exact(exact) => exact == value,
            Pattern::Regex(regex) => regex.is_match(value),
        }
    }
}

impl Mapping {
    /// Ties the values of buckets to the targets of a split. `rules` come first, in their order; then each kind of clue,
    /// strongest first, and the first kind that points anywhere decides. What an error answer says is used when it is
    /// clear, and is no reason to refuse: it may well be the proxy's own.
    pub fn derive<'b>(
        expected: &Expected,
        rules: &[MapRule],
        buckets: impl IntoIterator<Item = &'b Bucket>,
    ) -> Result<Self, MappingError> {
        let declared = expected.declared();
        let known = || {
            declared
                .iter()
                .map(|declared| declared.name.clone())
                .collect::<Vec<_>>()
        };
        let position = |name: &str| declared.iter().position(|declared| declared.name == name);
        if let Some(rule) = rules.iter().find(|rule| position(&rule.target).is_none()) {
            return Err(MappingError::UnknownTarget {
                target: rule.target.clone(),
                known: known(),
            });
        }
        let mut mapping = Self::default();
        let (mut ambiguous, mut unmapped) = (Vec::new(), Vec::new());
        for bucket in buckets {
            let Some(value) = bucket.value() else {
                continue;
            };
            let candidates = meanings(declared, rules, value);
            match candidates.as_slice() {
                [target] => {
                    mapping.0.insert(value.to_owned(), *target);
                }
                _ if bucket.is_error() => {}
                [] => unmapped.push((value.to_owned(), Vec::new())),
                several => ambiguous.push((
                    value.to_owned(),
                    several.iter().map(|i| declared[*i].name.clone()).collect(),
                )),
            }
        }
        if !ambiguous.is_empty() {
            return Err(MappingError::Unclear {
                values: ambiguous,
                known: known(),
            });
        }
        let destinations = declared
            .iter()
            .any(|declared| declared.target.status().is_none());
        if mapping.0.is_empty() && !unmapped.is_empty() && destinations {
            return Err(MappingError::Unclear {
                values: unmapped,
                known: known(),
            });
        }
        Ok(mapping)
    }

    /// What was found before: values with the position of their target.
    #[must_use]
    pub fn known(values: impl IntoIterator<Item = (String, usize)>) -> Self {
        Self(values.into_iter().collect())
    }

    /// What is known from both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }

    /// The position of the target a value belongs to.
    #[must_use]
    pub fn target(&self, value: &str) -> Option<usize> {
        self.0.get(value).copied()
    }
}

/// The name of the target that a value means, where it means exactly one.
#[must_use]
pub fn recognise<'e>(expected: &'e Expected, rules: &[MapRule], value: &str) -> Option<&'e str> {
    match meanings(expected.declared(), rules, value).as_slice() {
        [target] => Some(&expected.declared()[*target].name),
        _ => None,
    }
}

/// The targets a value could mean: by the user's word, else by clues.
fn meanings(declared: &[Declared], rules: &[MapRule], value: &str) -> Vec<usize> {
    let by_rule = rules.iter().find(|rule| rule.matches(value));
    let position = |name: &str| declared.iter().position(|declared| declared.name == name);
    match by_rule.and_then(|rule| position(&rule.target)) {
        Some(target) => vec![target],
        None => candidates(declared, value),
    }
}

/// The targets a value could mean, by the strongest kind of clue that points anywhere.
fn candidates(declared: &[Declared], value: &str) -> Vec<usize> {
    let kinds: [&dyn Fn(&Declared) -> bool; 4] = [
        &|d| d.name == value || d.clues.names.contains(value),
        &|d| d.clues.workloads.contains(workload(value).unwrap_or(value)),
        &|d| d.clues.labels.contains(value),
        &|d| words(d).any(|word| contains_word(value, word)),
    ];
    let by = |kind: &&dyn Fn(&Declared) -> bool| {
        let matching = |(index, declared): (usize, &Declared)| {
            (declared.target.status().is_none() && kind(declared)).then_some(index)
        };
        declared
            .iter()
            .enumerate()
            .filter_map(matching)
            .collect::<Vec<_>>()
    };
    kinds
        .iter()
        .map(by)
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The words that stand for a target inside a longer value: its subset and the labels behind it, else its service.
fn words(declared: &Declared) -> impl Iterator<Item = &str> {
    let own = match &declared.target {
        Target::Named(name) => Some(name.as_str()),
        Target::Destination(destination) => Some(
            destination
                .subset
                .as_deref()
                .unwrap_or_else(|| destination.service()),
        ),
        Target::Status(_) => None,
    };
    own.into_iter()
        .chain(declared.clues.labels.iter().map(String::as_str))
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTarget { target, known } => write!(
                f,
                "--map names `{target}`, but the targets are {}",
                known.join(", ")
            ),
            Self::Unclear { values, .. } => {
                let several = values.iter().any(|(_, candidates)| !candidates.is_empty());
                f.write_str(if several {
                    "some answers could come from several targets"
                } else {
                    "no answer names a declared target"
                })?;
                for (value, candidates) in values.iter().take(10) {
                    let meaning = if candidates.is_empty() {
                        "none of the targets".to_owned()
                    } else {
                        candidates.join(" or ")
                    };
                    write!(f, "\n  {value:?}  could mean  {meaning}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for MappingError {}

impl MappingError {
    /// The options to paste, with a guess of the target where there is nothing to go by.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::UnknownTarget { known, .. } => format!("use one of {}", known.join(", ")),
            Self::Unclear { values, known } => {
                let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
                let option = |(index, (value, candidates)): (usize, &(String, Vec<String>))| {
                    let target = candidates
                        .first()
                        .or_else(|| known.get(index % known.len()))
                        .map_or("TARGET", String::as_str);
                    format!("--map {}", quoted(&format!("{value}={target}")))
                };
                let options: Vec<String> = values.iter().take(10).enumerate().map(option).collect();
                format!(
                    "say which is which (the targets are guesses, correct them): {}",
                    options.join(" ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{Clues, Destination, Identity, Mechanism};

    fn subset(host: &str, name: &str, label: &str, workload: &str) -> (Target, u64, Clues) {
        let fqdn = format!("{host}.default.svc.cluster.local");
        let target = Target::Destination(Destination {
            host: fqdn.clone(),
            port: Some(5000),
            subset: Some(name.into()),
        });
        let names = [name.to_owned(), format!("outbound|5000|{name}|{fqdn}")].into();
        (
            target,
            1,
            Clues {
                names,
                labels: [label.to_owned()].into(),
                workloads: [workload.to_owned()].into(),
            },
        )
    }

    fn weather() -> Expected {
        let parts = vec![
            subset("weather", "canary", "multiple", "weather-multi"),
            subset("weather", "stable", "single", "weather-solo"),
        ];
        Expected::from_weights("test", Mechanism::Iid, parts).expect("a split")
    }

    fn named(names: &[&str]) -> Expected {
        let parts = names
            .iter()
            .map(|name| (Target::Named((*name).to_owned()), 1, Clues::default()))
            .collect();
        Expected::from_weights("test", Mechanism::Iid, parts).expect("a split")
    }

    fn derive(
        expected: &Expected,
        rules: &[MapRule],
        values: &[&str],
    ) -> Result<Mapping, MappingError> {
        let bucket = |value: &&str| Bucket {
            identity: Identity::Value((*value).to_owned()),
            status: 200,
        };
        Mapping::derive(
            expected,
            rules,
            &values.iter().map(bucket).collect::<Vec<_>>(),
        )
    }

    fn target(expected: &Expected, value: &str) -> Option<String> {
        let mapping = derive(expected, &[], &[value]).ok()?;
        mapping
            .target(value)
            .map(|index| expected.declared()[index].name.clone())
    }

    #[test]
    fn each_kind_of_clue_finds_its_target() {
        let expected = weather();
        for (value, name) in [
            ("stable", "stable"),
            (
                "outbound|5000|canary|weather.default.svc.cluster.local",
                "canary",
            ),
            ("weather-solo-6757db4ff5-8jzqn", "stable"),
            ("weather-multi", "canary"),
            ("single", "stable"),
            ("weather-backend: single", "stable"),
            ("WEATHER-BACKEND: MULTIPLE", "canary"),
        ] {
            assert_eq!(target(&expected, value).as_deref(), Some(name), "{value}");
        }
    }

    #[test]
    fn tokens_that_nest_are_refused_not_guessed() {
        assert_eq!(
            target(&named(&["v1", "v10"]), "hello from v10").as_deref(),
            Some("v10")
        );
        assert!(matches!(
            derive(&named(&["blue", "blue-green"]), &[], &["hello blue-green"]),
            Err(MappingError::Unclear { .. })
        ));
    }

    #[test]
    fn an_ambiguous_value_comes_with_a_ready_to_paste_map() {
        let error =
            derive(&named(&["v1", "v2"]), &[], &["it's v1, not v2"]).expect_err("ambiguous");
        assert!(error.to_string().contains("v1 or v2"), "{error}");
        assert!(
            error.help().contains(r"--map 'it'\''s v1, not v2=v1'"),
            "{}",
            error.help()
        );
    }

    #[test]
    fn nothing_recognised_at_all_is_an_error_but_one_stranger_is_not() {
        let expected = named(&["v1", "v2"]);
        let error = derive(&expected, &[], &["blue", "green"]).expect_err("no clue");
        assert!(
            error.help().contains("--map 'blue=v1' --map 'green=v2'"),
            "{}",
            error.help()
        );
        let mapping = derive(&expected, &[], &["v1", "green"]).expect("one is known");
        assert_eq!(
            (mapping.target("v1"), mapping.target("green")),
            (Some(0), None)
        );
    }

    #[test]
    fn what_an_error_answer_says_is_never_a_reason_to_refuse() {
        let bucket = |value: &str, status| Bucket {
            identity: Identity::Value(value.into()),
            status,
        };
        let buckets = [
            bucket("v1", 200),
            bucket("neither v1 nor v2", 503),
            bucket("no healthy upstream", 503),
            bucket("v2 broke", 500),
        ];
        let mapping = Mapping::derive(&named(&["v1", "v2"]), &[], &buckets).expect("clear");
        let targets: Vec<Option<usize>> = buckets
            .iter()
            .filter_map(Bucket::value)
            .map(|value| mapping.target(value))
            .collect();
        assert_eq!(targets, [Some(0), None, None, Some(1)]);
    }

    #[test]
    fn the_users_word_comes_first() {
        let expected = named(&["v1", "v2"]);
        let rules: Vec<MapRule> = ["a=b=v1", "/^v1$/=v2"]
            .iter()
            .map(|rule| rule.parse().expect("a rule"))
            .collect();
        let mapping = derive(&expected, &rules, &["a=b", "v1"]).expect("ruled");
        assert_eq!(
            (mapping.target("a=b"), mapping.target("v1")),
            (Some(0), Some(1))
        );
    }

    #[test]
    fn a_value_that_is_never_the_same_twice_is_known_by_its_rule_or_its_word() {
        let expected = named(&["blue", "green"]);
        let rules: Vec<MapRule> = vec!["/v1/=blue".parse().expect("a rule")];
        assert_eq!(recognise(&expected, &rules, "v1 at 12:00:01"), Some("blue"));
        assert_eq!(
            recognise(&expected, &rules, "green at 12:00:02"),
            Some("green")
        );
        assert_eq!(recognise(&expected, &rules, "blue or green"), None);
    }

    #[test]
    fn a_rule_for_an_unknown_target_and_a_malformed_rule_are_refused() {
        let rule: MapRule = "blue=v3".parse().expect("a rule");
        assert!(matches!(
            Mapping::derive(&named(&["v1"]), &[rule], []),
            Err(MappingError::UnknownTarget { .. })
        ));
        for text in ["blue", "blue=", "/(/=v1", "/a/v1"] {
            assert!(text.parse::<MapRule>().is_err(), "{text}");
        }
    }
}
