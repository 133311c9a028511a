//! Numbers for buckets: one lookup without allocation for a known value, and a cap on how many there are.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Bucketer;
use crate::split::{Bucket, Identity};

/// Distinct (value, status) pairs that are kept apart. Every one costs a histogram per thread.
const MOST_BUCKETS: usize = 64;
/// Longer values are cut, and told apart by a hash.
const LONGEST_VALUE: usize = 256;

/// The number of a bucket within one [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketId(usize);

impl BucketId {
    /// The position of the bucket in [`Names::buckets`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// The buckets seen so far, numbered in the order in which they came.
#[derive(Debug, Default)]
pub struct Names {
    buckets: Vec<Bucket>,
    known: HashMap<u16, HashMap<String, BucketId>>,
}

impl Names {
    /// The bucket of an answer with this value and status.
    pub fn id(&mut self, bucketer: &Bucketer, value: Option<&str>, status: u16) -> BucketId {
        let Some(value) = value else {
            return self.special(Identity::Missing, status);
        };
        if let Some(id) = self.known.get(&status).and_then(|values| values.get(value)) {
            return *id;
        }
        let short = shortened(value);
        if self.known_short(&short, status) || self.buckets.len() < MOST_BUCKETS {
            return self.add(short, status);
        }
        // Too many values: what counts is which target the answer names, if it names one.
        match bucketer.reduce(value) {
            Some(short) => self.add(short, status),
            None => self.special(Identity::Overflow, status),
        }
    }

    /// All buckets, in the order of their numbers.
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    fn known_short(&self, short: &str, status: u16) -> bool {
        self.known
            .get(&status)
            .is_some_and(|values| values.contains_key(short))
    }

    fn add(&mut self, value: String, status: u16) -> BucketId {
        if let Some(id) = self
            .known
            .get(&status)
            .and_then(|values| values.get(&value))
        {
            return *id;
        }
        let id = BucketId(self.buckets.len());
        self.buckets.push(Bucket {
            identity: Identity::Value(value.clone()),
            status,
        });
        self.known.entry(status).or_default().insert(value, id);
        id
    }

    fn special(&mut self, identity: Identity, status: u16) -> BucketId {
        let bucket = Bucket { identity, status };
        let position = self
            .buckets
            .iter()
            .position(|known| *known == bucket)
            .unwrap_or_else(|| {
                self.buckets.push(bucket);
                self.buckets.len() - 1
            });
        BucketId(position)
    }
}

/// The value itself, or its beginning with its length and a hash.
fn shortened(value: &str) -> String {
    if value.len() <= LONGEST_VALUE {
        return value.to_owned();
    }
    let end = (0..=LONGEST_VALUE / 2)
        .rev()
        .find(|end| value.is_char_boundary(*end))
        .unwrap_or(0);
    format!(
        "{}… ({} bytes, #{:08x})",
        &value[..end],
        value.len(),
        short_hash(value.as_bytes())
    )
}

/// A hash to tell long or binary values apart; the same in every thread and run.
pub(super) fn short_hash(bytes: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let hash = hasher.finish();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves are folded together"
    )]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}

#[cfg(test)]
mod tests {
    use super::super::Reduce;
    use super::*;

    /// Knows `v1` and `v2` at the beginning of a value.
    #[derive(Debug)]
    struct FirstWord;

    impl Reduce for FirstWord {
        fn reduce(&self, value: &str) -> Option<String> {
            let word = value.split(' ').next()?;
            ["v1", "v2"].contains(&word).then(|| word.to_owned())
        }
    }

    fn bucketer() -> Bucketer {
        Bucketer::parse(&["body"])
            .expect("a spec")
            .with_reducer(FirstWord)
    }

    #[test]
    fn the_same_value_and_status_is_one_bucket() {
        let (mut names, bucketer) = (Names::default(), bucketer());
        let first = names.id(&bucketer, Some("v1"), 200);
        assert_eq!(names.id(&bucketer, Some("v1"), 200), first);
        assert_ne!(names.id(&bucketer, Some("v1"), 500), first);
        assert_ne!(names.id(&bucketer, None, 200), first);
    }

    #[test]
    fn past_the_cap_a_value_is_reduced_to_its_word_else_it_is_other() {
        let (mut names, bucketer) = (Names::default(), bucketer());
        for n in 0..1000 {
            names.id(&bucketer, Some(&format!("v1 at {n}")), 200);
            names.id(&bucketer, Some(&format!("noise {n}")), 200);
        }
        assert_eq!(names.buckets().len(), MOST_BUCKETS + 2);
        let last: Vec<String> = names.buckets()[MOST_BUCKETS..]
            .iter()
            .map(|b| b.identity.to_string())
            .collect();
        assert_eq!(last, ["v1", "(other values)"]);
    }

    #[test]
    fn a_long_value_is_cut_at_a_character_and_keeps_its_difference() {
        let (mut names, bucketer) = (Names::default(), bucketer());
        let long = "é".repeat(1000);
        let (a, b) = (
            names.id(&bucketer, Some(&format!("{long}a")), 200),
            names.id(&bucketer, Some(&format!("{long}b")), 200),
        );
        assert_ne!(a, b);
        assert_eq!(names.id(&bucketer, Some(&format!("{long}a")), 200), a);
        assert!(
            names
                .buckets()
                .iter()
                .all(|bucket| bucket.value().is_some_and(|value| value.len() < 300))
        );
    }
}
