//! Which target a value belongs to: by the user's word, else by the names, labels and workloads of the targets. A
//! value that could mean two targets is refused, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use super::meaning::{Meaning, is_other_version, meaning};
use crate::split::{Bucket, Expected, Identity};

pub use super::map_rule::{MapRule, MapRuleError};
use super::shell::quoted;

/// Buckets with the position of their target in [`Expected::declared`]. A bucket without a target is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    targets: BTreeMap<Bucket, usize>,
    /// Buckets of targets that are not declared, with the place where the manifests name them.
    known: BTreeMap<Bucket, String>,
    /// Buckets that name another version than the only target that is declared.
    others: BTreeSet<Bucket>,
    /// Nothing says which value means which target.
    unknown: bool,
}

/// Values that are shown, and options that are proposed, at most.
const MOST_SHOWN: usize = 10;

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
    /// Some values could mean several targets.
    Unclear {
        /// Every such value with the targets it could mean.
        values: Vec<(String, Vec<String>)>,
    },
    /// None of the values means a target.
    Untied {
        /// The names there are.
        known: Vec<String>,
    },
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
        if let Some(rule) = rules.iter().find(|rule| position(rule.target()).is_none()) {
            return Err(MappingError::UnknownTarget {
                target: rule.target().to_owned(),
                known: known(),
            });
        }
        let mut mapping = Self::default();
        let (mut ambiguous, mut untied) = (Vec::new(), Vec::new());
        for bucket in buckets {
            let candidates = match meaning(expected, rules, bucket) {
                Meaning::Targets(candidates) => candidates,
                Meaning::Known(at) => {
                    let origin = expected.known()[at].origin.clone();
                    mapping.known.insert(bucket.clone(), origin);
                    continue;
                }
            };
            match (candidates.as_slice(), bucket.value()) {
                ([target], _) => {
                    mapping.targets.insert(bucket.clone(), *target);
                }
                (_, None) => {}
                _ if bucket.is_error() || bucket.is_redirect() => {}
                ([], _) => untied.push(bucket),
                (several, Some(value)) => ambiguous.push((
                    value.to_owned(),
                    several.iter().map(|i| declared[*i].name.clone()).collect(),
                )),
            }
        }
        if !ambiguous.is_empty() {
            return Err(MappingError::Unclear { values: ambiguous });
        }
        mapping.own(expected, &untied);
        let destinations = declared
            .iter()
            .any(|declared| declared.target.status().is_none());
        if mapping.is_empty() && !untied.is_empty() && destinations {
            return Err(MappingError::Untied { known: known() });
        }
        Ok(mapping)
    }

    /// Where everything goes to one destination, and no response names it, whoever responds is it, unless a response names
    /// another version.
    fn own(&mut self, expected: &Expected, untied: &[&Bucket]) {
        let Some(sole) = expected.sole_destination() else {
            return;
        };
        let mut targets = self.targets.keys();
        if targets.any(|bucket| !bucket.is_error() && !bucket.is_redirect()) {
            return;
        }
        let declared = &expected.declared()[sole];
        let address = |value: &str| value.parse::<SocketAddr>().is_ok();
        let endpoint = expected.is_endpoint();
        let values = untied.iter().filter(|bucket| bucket.value().is_some());
        if endpoint
            && values.count() > 1
            && !untied.iter().any(|one| one.value().is_some_and(address))
        {
            // One endpoint says one thing: which of these, nobody knows.
            return;
        }
        for bucket in untied {
            match &bucket.identity {
                Identity::Value(value)
                    if is_other_version(declared, value) || (endpoint && address(value)) =>
                {
                    self.others.insert((*bucket).clone());
                }
                Identity::Value(value) if !value.is_empty() => {
                    self.targets.insert((*bucket).clone(), sole);
                }
                _ => {}
            }
        }
    }

    /// What was found before: buckets with the position of their target, and those of targets that are not declared.
    #[must_use]
    pub fn found(
        targets: impl IntoIterator<Item = (Bucket, usize)>,
        known: impl IntoIterator<Item = (Bucket, String)>,
    ) -> Self {
        Self {
            targets: targets.into_iter().collect(),
            known: known.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Where nothing says which value means which target: all responses are unattributed, none is undeclared.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            unknown: true,
            ..Self::default()
        }
    }

    /// Whether nothing says which value means which target.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether no bucket belongs to a target, declared or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.known.is_empty() && self.others.is_empty()
    }

    /// What is known from both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.targets.extend(other.targets.clone());
        self.known.extend(other.known.clone());
        self.others.extend(other.others.clone());
        self.unknown &= other.unknown;
        self
    }

    /// The position of the target a bucket belongs to.
    #[must_use]
    pub fn target(&self, bucket: &Bucket) -> Option<usize> {
        self.targets.get(bucket).copied()
    }

    /// Where the manifests name the target of a bucket, if they do and it is not declared.
    #[must_use]
    pub fn origin(&self, bucket: &Bucket) -> Option<&str> {
        self.known.get(bucket).map(String::as_str)
    }
}

/// The position of the declared target that a bucket means by itself, whatever else was seen.
#[must_use]
pub fn target_of(expected: &Expected, rules: &[MapRule], bucket: &Bucket) -> Option<usize> {
    match meaning(expected, rules, bucket) {
        Meaning::Targets(targets) => <[usize; 1]>::try_from(targets).ok().map(|[target]| target),
        Meaning::Known(_) => None,
    }
}

/// The name of the target that a value means, where it means exactly one, declared or not.
#[must_use]
pub fn recognise<'e>(
    expected: &'e Expected,
    rules: &[MapRule],
    value: &str,
    status: u16,
) -> Option<&'e str> {
    let bucket = Bucket {
        identity: Identity::Value(value.to_owned()),
        status,
    };
    match meaning(expected, rules, &bucket) {
        Meaning::Known(at) => Some(expected.known()[at].name()),
        Meaning::Targets(targets) => match targets.as_slice() {
            [target] => Some(&expected.declared()[*target].name),
            _ => None,
        },
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTarget { target, known } => write!(
                f,
                "--map names `{target}`, but the targets are {}",
                known.join(", ")
            ),
            Self::Unclear { values } => {
                f.write_str("some responses could come from several targets")?;
                for (value, candidates) in values.iter().take(MOST_SHOWN) {
                    write!(f, "\n  {value:?}  could mean  {}", candidates.join(" or "))?;
                }
                Ok(())
            }
            Self::Untied { .. } => f.write_str("no response names a declared target"),
        }
    }
}

impl std::error::Error for MappingError {}

impl MappingError {
    /// The next step.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::UnknownTarget { known, .. } => format!("use one of {}", known.join(", ")),
            Self::Unclear { values } => {
                let shown = values.iter().take(MOST_SHOWN);
                let options: Vec<String> = (shown.clone())
                    .map(|(value, _)| map_option(value, "TARGET"))
                    .collect();
                let mut targets: Vec<&str> = Vec::new();
                for target in shown.flat_map(|(_, candidates)| candidates) {
                    if !targets.contains(&target.as_str()) {
                        targets.push(target);
                    }
                }
                format!(
                    "say which value is which target: {}, where TARGET is {}",
                    options.join(" "),
                    targets.join(" or ")
                )
            }
            Self::Untied { known } => format!(
                "--bucket chooses what tells responses apart, --map VALUE=TARGET says which value is which target: {}",
                known.join(", ")
            ),
        }
    }
}

/// The option to paste.
#[must_use]
pub fn map_option(value: &str, target: &str) -> String {
    format!("--map {}", quoted(&format!("{value}={target}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{Destination, Identifiers, Identity, Mechanism, Target};

    fn subset(host: &str, name: &str, label: &str, workload: &str) -> (Target, u64, Identifiers) {
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
            Identifiers {
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
            .map(|name| (Target::Named((*name).to_owned()), 1, Identifiers::default()))
            .collect();
        Expected::from_weights("test", Mechanism::Iid, parts).expect("a split")
    }

    fn bucket(value: &str, status: u16) -> Bucket {
        Bucket {
            identity: Identity::Value(value.to_owned()),
            status,
        }
    }

    fn derive(
        expected: &Expected,
        rules: &[MapRule],
        values: &[&str],
    ) -> Result<Mapping, MappingError> {
        let buckets: Vec<Bucket> = values.iter().map(|value| bucket(value, 200)).collect();
        Mapping::derive(expected, rules, &buckets)
    }

    fn target(expected: &Expected, value: &str) -> Option<String> {
        let mapping = derive(expected, &[], &[value]).ok()?;
        mapping
            .target(&bucket(value, 200))
            .map(|index| expected.declared()[index].name.clone())
    }

    #[test]
    fn an_endpoint_says_one_thing_and_another_address_is_another_endpoint() {
        let target = Target::Destination(Destination {
            host: "web".into(),
            port: None,
            subset: Some("10.0.0.7:80".into()),
        });
        let names = ["10.0.0.7:80".to_owned()].into();
        let identifiers = Identifiers {
            names,
            ..Identifiers::default()
        };
        let parts = vec![(target, 1, identifiers)];
        let expected = Expected::from_weights("test", Mechanism::Iid, parts).expect("a split");
        let tied = |values: &[&str], value: &str| {
            let mapping = derive(&expected, &[], values).ok()?;
            Some(mapping.target(&bucket(value, 200)))
        };
        assert_eq!(tied(&["b1"], "b1"), Some(Some(0)));
        assert_eq!(tied(&["b1", "b2"], "b1"), None);
        assert_eq!(
            tied(&["10.0.0.7:80", "10.0.0.8:80"], "10.0.0.7:80"),
            Some(Some(0))
        );
        assert_eq!(tied(&["10.0.0.8:80"], "10.0.0.8:80"), Some(None));
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
            error.help().contains(r"--map 'it'\''s v1, not v2=TARGET'"),
            "{}",
            error.help()
        );
    }

    #[test]
    fn nothing_recognised_at_all_is_an_error_but_one_stranger_is_not() {
        let expected = named(&["v1", "v2"]);
        let error = derive(&expected, &[], &["blue", "green"]).expect_err("no clue");
        assert!(
            matches!(error, MappingError::Untied { .. }),
            "{error}: {}",
            error.help()
        );
        let mapping = derive(&expected, &[], &["v1", "green"]).expect("one is known");
        assert_eq!(
            (
                mapping.target(&bucket("v1", 200)),
                mapping.target(&bucket("green", 200))
            ),
            (Some(0), None)
        );
    }

    #[test]
    fn whoever_responds_is_the_only_target_unless_it_says_otherwise() {
        let expected = named(&["web-v1"]);
        let place = |values: &[&str], value: &str| {
            let mapping = derive(&expected, &[], values).expect("tied");
            mapping.target(&bucket(value, 200))
        };
        for own in ["hello", "build 17", "web-5dfd", "HTTP/2 is spoken"] {
            assert_eq!(place(&[own], own), Some(0), "{own}");
        }
        for other in ["v2", "web-v2", "Hello from V2!", "web-v10-5dfd"] {
            assert_eq!(place(&[other], other), None, "{other}");
        }
        // Where the target is named, what does not name it is another one.
        assert_eq!(place(&["web-v1", "hello"], "hello"), None);
        let nothing = |identity, status| {
            let bucket = Bucket { identity, status };
            let mapping = Mapping::derive(&expected, &[], [&bucket]);
            mapping.is_ok_and(|mapping| mapping.target(&bucket).is_some())
        };
        assert!(!nothing(Identity::Value(String::new()), 200));
        assert!(!nothing(Identity::Value("moved".to_owned()), 302));
        assert!(!nothing(Identity::Value("broken".to_owned()), 500));
        assert!(!nothing(Identity::Missing, 200));
    }

    #[test]
    fn what_an_error_answer_says_is_never_a_reason_to_refuse() {
        let buckets = [
            bucket("v1", 200),
            bucket("neither v1 nor v2", 503),
            bucket("no healthy upstream", 503),
            bucket("v2 broke", 500),
        ];
        let mapping = Mapping::derive(&named(&["v1", "v2"]), &[], &buckets).expect("clear");
        let targets: Vec<Option<usize>> = buckets
            .iter()
            .map(|bucket| mapping.target(bucket))
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
            (
                mapping.target(&bucket("a=b", 200)),
                mapping.target(&bucket("v1", 200))
            ),
            (Some(0), Some(1))
        );
    }

    #[test]
    fn a_value_that_is_never_the_same_twice_is_known_by_its_rule_or_its_word() {
        let expected = named(&["blue", "green"]);
        let rules: Vec<MapRule> = vec!["/v1/=blue".parse().expect("a rule")];
        assert_eq!(
            recognise(&expected, &rules, "v1 at 12:00:01", 200),
            Some("blue")
        );
        assert_eq!(
            recognise(&expected, &rules, "green at 12:00:02", 200),
            Some("green")
        );
        assert_eq!(recognise(&expected, &rules, "blue or green", 200), None);
    }

    #[test]
    fn a_rule_for_an_unknown_target_is_refused() {
        let rule: MapRule = "blue=v3".parse().expect("a rule");
        assert!(matches!(
            Mapping::derive(&named(&["v1"]), &[rule], []),
            Err(MappingError::UnknownTarget { .. })
        ));
    }
}
