//! Which target a value belongs to: by the user's word, else by the names, labels and workloads of the targets. A
//! value that could mean two targets is refused, never guessed.

mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::meaning::{Meaning, is_other_version, meaning};
use crate::split::{Bucket, Expected, Identity};

pub use super::map_rule::{MapRule, MapRuleError};
pub use error::{MappingError, map_option};

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

#[cfg(test)]
mod tests;
