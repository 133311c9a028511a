//! What a value means: declared targets, or a target that the manifests know and that is not declared.

use std::collections::BTreeSet;

use super::map_rule::MapRule;
use crate::split::{
    Bucket, Expected, Identifiers, KnownTarget, Target, TargetShare, contains_word, workload,
};

/// What a value means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Declared targets, by their position: one where it is clear, none where nothing says anything.
    Targets(Vec<usize>),
    /// A target that is not declared, by its position in [`Expected::known`].
    Known(usize),
}

/// What the value of a bucket means: by the user's word, else by the strongest kind of clue that points anywhere.
pub(super) fn meaning(expected: &Expected, rules: &[MapRule], bucket: &Bucket) -> Meaning {
    let declared = expected.declared();
    let by_rule = rules.iter().find(|rule| rule.matches(bucket, expected));
    let position = |name: &str| declared.iter().position(|declared| declared.name == name);
    if let Some(target) = by_rule.and_then(|rule| position(rule.target())) {
        return Meaning::Targets(vec![target]);
    }
    let Some(value) = bucket.value() else {
        return Meaning::Targets(Vec::new());
    };
    let exact = exactly(declared, value);
    if !exact.is_empty() {
        return Meaning::Targets(exact);
    }
    let known = expected.known();
    if let Some(at) = known
        .iter()
        .position(|known| names(&known.identifiers, value))
    {
        return Meaning::Known(at);
    }
    let within = by(declared, |one| {
        words(one).any(|word| contains_word(value, word))
    });
    // An error may quote whatever it likes: only what names its sender as a whole counts against the declaration.
    let error = bucket.is_error() || bucket.is_redirect();
    if !error && let Some(at) = mentioned(declared, known, value) {
        return Meaning::Known(at);
    }
    if !within.is_empty() {
        return Meaning::Targets(within);
    }
    let telling = by(declared, |one| {
        telling(declared, one).any(|word| contains_word(value, &word))
    });
    if !telling.is_empty() {
        return Meaning::Targets(telling);
    }
    let own = !value.is_empty() && !error;
    Meaning::Targets(sole_service(expected).filter(|_| own).into_iter().collect())
}

/// The destination that everything goes to, where it is a whole Service: whoever responds is one of its pods.
fn sole_service(expected: &Expected) -> Option<usize> {
    expected.sole_destination().filter(|at| {
        matches!(&expected.declared()[*at].target, Target::Destination(one) if one.subset.is_none())
    })
}

/// The targets that a value names as a whole, by the strongest kind of clue that points anywhere.
fn exactly(declared: &[TargetShare], value: &str) -> Vec<usize> {
    let kinds: [&dyn Fn(&TargetShare) -> bool; 3] = [
        &|one| one.name == value || one.identifiers.names.contains(value),
        &|one| {
            one.identifiers
                .workloads
                .contains(workload(value).unwrap_or(value))
        },
        &|one| one.identifiers.labels.contains(value),
    ];
    let mut found = kinds.iter().map(|kind| by(declared, kind));
    found.find(|found| !found.is_empty()).unwrap_or_default()
}

/// The positions of the destinations for which something holds.
fn by(declared: &[TargetShare], holds: impl Fn(&TargetShare) -> bool) -> Vec<usize> {
    let matching = |(index, one): (usize, &TargetShare)| {
        (one.target.status().is_none() && holds(one)).then_some(index)
    };
    declared.iter().enumerate().filter_map(matching).collect()
}

/// Whether a value is one of the words, or the name of a pod of one of the workloads.
fn names(identifiers: &Identifiers, value: &str) -> bool {
    identifiers.names.contains(value)
        || identifiers
            .workloads
            .contains(workload(value).unwrap_or(value))
        || identifiers.labels.contains(value)
}

/// The target beside the declared ones that a longer value mentions, unless a word of a declared one stands there too: of two
/// words of which one is a part of the other, the longer one is meant (`web-canary`, not `web`).
fn mentioned(declared: &[TargetShare], known: &[KnownTarget], value: &str) -> Option<usize> {
    let own: Vec<&str> = (declared.iter().flat_map(words))
        .filter(|word| contains_word(value, word))
        .collect();
    let means = |word: &String| {
        contains_word(value, word)
            && own
                .iter()
                .all(|own| own.len() < word.len() && contains_word(word, own))
    };
    known.iter().position(|known| known.words.iter().any(means))
}

/// The words that stand for a target inside a longer value: its subset and the labels behind it, else its service.
fn words(declared: &TargetShare) -> impl Iterator<Item = &str> {
    let own = match &declared.target {
        Target::Named(name) => Some(name.as_str()),
        Target::Destination(destination) => Some(
            destination
                .subset
                .as_deref()
                .unwrap_or_else(|| destination.service()),
        ),
        Target::LocalReply(_) => None,
    };
    own.into_iter()
        .chain(declared.identifiers.labels.iter().map(String::as_str))
}

/// The parts of the name of a destination that no other destination has in its name: `v1` of `web-v1` beside `web-v2`.
fn telling<'d>(declared: &'d [TargetShare], own: &'d TargetShare) -> impl Iterator<Item = String> {
    let others: BTreeSet<String> = (declared.iter())
        .filter(|other| other.target != own.target)
        .flat_map(parts)
        .collect();
    let alone = others.is_empty();
    parts(own).filter(move |part| !alone && !others.contains(part))
}

/// Whether a value names another version than the target: a word that is a part of the target's name but for its numbers (`v2`
/// beside `web-v1`).
pub(super) fn is_other_version(declared: &TargetShare, value: &str) -> bool {
    let own: Vec<String> = parts(declared).filter(|part| versioned(part)).collect();
    let shapes: Vec<String> = own.iter().map(|part| shape(part)).collect();
    let words = value.split(|c: char| !c.is_alphanumeric());
    let mut words = words.map(str::to_ascii_lowercase);
    words.any(|word| versioned(&word) && !own.contains(&word) && shapes.contains(&shape(&word)))
}

fn versioned(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic)
}

/// The word with each of its numbers as one digit.
fn shape(word: &str) -> String {
    let mut shape = String::new();
    for c in word.chars() {
        match c {
            '0'..='9' if shape.ends_with('0') => {}
            '0'..='9' => shape.push('0'),
            c => shape.push(c),
        }
    }
    shape
}

fn parts(declared: &TargetShare) -> impl Iterator<Item = String> {
    let name = match &declared.target {
        Target::Destination(destination) => match &destination.subset {
            Some(subset) => subset.clone(),
            None => destination.service().to_owned(),
        },
        Target::Named(name) => name.clone(),
        Target::LocalReply(_) => String::new(),
    };
    let parts: Vec<String> = (name.split(|c: char| !c.is_alphanumeric()))
        .filter(|part| part.contains(char::is_alphabetic))
        .map(str::to_ascii_lowercase)
        .collect();
    parts.into_iter()
}
