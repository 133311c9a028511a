//! How often each header and JSON member had which value, in the first responses of a run: what a person would look
//! through to find out which part of a response says where it is from.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The places that a saved run keeps: who shared out the requests, and where they went.
const SAVED: [&str; 2] = ["header:server", "peer"];

/// More distinct values than this are not kept: what tells versions apart has few.
const MOST_VALUES: usize = 10;

/// The values of the first responses, by where they stand. `merge` is associative and commutative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueCounts {
    responses: u64,
    /// By what `--bucket` calls the place: `header:x-version`, `json:/version`.
    places: BTreeMap<String, Values>,
}

/// The values of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Few(BTreeMap<String, u64>),
    /// More than [`MOST_VALUES`].
    Many,
}

impl ValueCounts {
    /// Counts what one response carries: places, each at most once, with their values.
    pub fn push(&mut self, carried: impl IntoIterator<Item = (String, String)>) {
        self.responses += 1;
        for (place, value) in carried {
            self.places.entry(place).or_default().add(value, 1);
        }
    }

    /// Adds what other responses carried.
    pub fn merge(&mut self, other: &Self) {
        self.responses = self.responses.saturating_add(other.responses);
        for (place, values) in &other.places {
            self.places.entry(place.clone()).or_default().merge(values);
        }
    }

    /// Whether a saved run keeps nothing of them.
    #[must_use]
    pub fn saves_nothing(&self) -> bool {
        !self.few().any(|(place, _)| SAVED.contains(&place))
    }

    /// Responses that were looked through.
    #[must_use]
    pub fn responses(&self) -> u64 {
        self.responses
    }

    /// The places with at most ten distinct values, and how often they had each.
    pub fn few(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, u64>)> {
        self.places
            .iter()
            .filter_map(|(place, values)| match values {
                Values::Few(few) => Some((place.as_str(), few)),
                Values::Many => None,
            })
    }
}

/// The form of a saved run: values and how often each was seen, by their place.
impl Serialize for ValueCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let saved = self.few().filter(|(place, _)| SAVED.contains(place));
        saved.collect::<BTreeMap<_, _>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ValueCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = BTreeMap::<String, BTreeMap<String, u64>>::deserialize(deserializer)?;
        let most = saved.values().map(total).max();
        let places = saved.into_iter().map(|(place, values)| {
            let mut own = Values::default();
            for (value, count) in values {
                own.add(value, count);
            }
            (place, own)
        });
        Ok(Self {
            responses: most.unwrap_or(0),
            places: places.collect(),
        })
    }
}

fn total(values: &BTreeMap<String, u64>) -> u64 {
    let add = |sum: u64, count: &u64| sum.saturating_add(*count);
    values.values().fold(0, add)
}

impl Default for Values {
    fn default() -> Self {
        Self::Few(BTreeMap::new())
    }
}

impl Values {
    fn add(&mut self, value: String, count: u64) {
        let Self::Few(few) = self else {
            return;
        };
        let own = few.entry(value).or_default();
        *own = own.saturating_add(count);
        if few.len() > MOST_VALUES {
            *self = Self::Many;
        }
    }

    fn merge(&mut self, other: &Self) {
        match other {
            Self::Few(few) => few
                .iter()
                .for_each(|(value, count)| self.add(value.clone(), *count)),
            Self::Many => *self = Self::Many,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts() -> impl Strategy<Value = ValueCounts> {
        let response = prop::collection::btree_map("[ab]", "[a-m]", 0..3);
        prop::collection::vec(response, 0..25).prop_map(|responses| {
            let mut counts = ValueCounts::default();
            for carried in responses {
                counts.push(carried);
            }
            counts
        })
    }

    fn merged(parts: &[&ValueCounts]) -> ValueCounts {
        let mut sum = ValueCounts::default();
        for part in parts {
            sum.merge(part);
        }
        sum
    }

    proptest! {
        #[test]
        fn merge_is_associative_and_commutative(a in counts(), b in counts(), c in counts()) {
            let all = merged(&[&a, &b, &c]);
            prop_assert_eq!(&merged(&[&merged(&[&a, &b]), &c]), &all);
            prop_assert_eq!(&merged(&[&c, &a, &b]), &all);
        }
    }

    #[test]
    fn a_saved_run_keeps_who_responded_and_from_where() {
        let mut counts = ValueCounts::default();
        assert!(counts.saves_nothing());
        let place = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        counts.push([place("header:server", "nginx"), place("header:x-v", "v1")]);
        counts.push([
            place("header:server", "nginx"),
            place("peer", "10.0.0.1:80"),
        ]);
        let text = serde_json::to_string(&counts).expect("JSON");
        assert_eq!(
            text,
            r#"{"header:server":{"nginx":2},"peer":{"10.0.0.1:80":1}}"#
        );
        let read: ValueCounts = serde_json::from_str(&text).expect("its own JSON");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
        assert_eq!(read.responses(), 2);
    }

    #[test]
    fn what_has_too_many_values_is_left_out_for_good() {
        let mut counts = ValueCounts::default();
        for n in 0..40 {
            let place = |name: &str, value: i32| (name.to_owned(), value.to_string());
            counts.push([place("id", n), place("version", n % 10)]);
        }
        let few: Vec<&str> = counts.few().map(|(place, _)| place).collect();
        assert_eq!(
            (few.as_slice(), counts.responses()),
            (["version"].as_slice(), 40)
        );
        let version = counts.few().next().expect("one").1;
        assert_eq!(version.values().sum::<u64>(), 40);
    }
}
