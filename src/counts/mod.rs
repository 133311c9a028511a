//! Counts that somebody else has made: typed by hand, scraped from a proxy, or read from an access log. They are judged as
//! responses of a run are, though nothing is known of their order and their connections.

pub mod access_log;
pub mod lines;
pub mod prometheus;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Note};
use crate::observe::{MOST_COUNT, Observation, Tally};
use crate::route::cluster;
use crate::split::{Bucket, Identity, ResponseFlag};

/// What stands for nothing in the telemetry of a mesh.
const NOTHING: [&str; 3] = ["", "-", "unknown"];

/// How many values are kept apart, the most frequent ones: the others are counted together.
const MOST_BUCKETS: usize = 2000;

/// How many names a message lists.
const MOST_NAMES: usize = 6;

/// Responses by bucket, and what has to be said of where they come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// How many responses of each.
    pub buckets: BTreeMap<Bucket, u64>,
    /// What a reader should know of the source.
    pub notes: Vec<Note>,
}

/// Which entries of a source are counted, and under what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The label or field whose value names the target; `None` for the first usual one that does.
    pub by: Option<String>,
    /// Labels or fields with the value they must have.
    pub only: Vec<(String, String)>,
}

/// Why a source holds no counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct CountsError {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub help: String,
}

impl CountsError {
    fn new(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            help: help.into(),
        }
    }
}

impl Counts {
    fn add(&mut self, bucket: Bucket, count: u64) -> Result<(), CountsError> {
        let own = self.buckets.entry(bucket).or_default();
        *own = own.checked_add(count).ok_or_else(too_many)?;
        Ok(())
    }

    /// What a run would have seen: requests and responses, without times, connections and an order.
    ///
    /// # Errors
    ///
    /// If there are more than any run can have.
    pub fn observation(&self) -> Result<Observation, CountsError> {
        let mut sent = 0_u64;
        for count in self.buckets.values() {
            sent = sent.checked_add(*count).ok_or_else(too_many)?;
        }
        if sent > MOST_COUNT {
            return Err(too_many());
        }
        let mut counted: Vec<(&Bucket, u64)> = (self.buckets.iter())
            .map(|(bucket, count)| (bucket, *count))
            .filter(|(_, count)| *count > 0)
            .collect();
        counted.sort_by_key(|(bucket, count)| (Reverse(*count), *bucket));
        let mut tallies: BTreeMap<Bucket, Tally> = BTreeMap::new();
        for (at, (bucket, count)) in counted.into_iter().enumerate() {
            let mut bucket = bucket.clone();
            if at >= MOST_BUCKETS {
                bucket.identity = Identity::Overflow;
            }
            let none = || Tally {
                bytes: None,
                ..Tally::default()
            };
            tallies.entry(bucket).or_insert_with(none).count += count;
        }
        Ok(Observation {
            sent,
            tallies,
            ..Observation::default()
        })
    }
}

fn too_many() -> CountsError {
    let message = format!("the counts add up to more than {MOST_COUNT}, which no run has");
    CountsError::new(message, "give counts of requests")
}

/// What cannot be seen in counts.
#[must_use]
pub fn caveat() -> Note {
    Note::new(
        Code::CountsOnly,
        "counts do not show the order of the responses, nor their connections: the verdict takes every response for a draw of \
         its own, and connections that stick to a target, bursts or a change in between would go unseen",
    )
}

/// The bucket of an entry with this name of a target, status and response flags.
fn bucket(name: &str, status: u16, flags: &str) -> Bucket {
    let identity = if NOTHING.contains(&name) {
        match ResponseFlag::read(flags) {
            None => Identity::Missing,
            flag => Identity::LocalReply {
                flag,
                text: String::new(),
            },
        }
    } else {
        let named = cluster::destination(name);
        Identity::Value(named.subset.unwrap_or(named.host))
    };
    Bucket { identity, status }
}

/// The first of these labels that tells several targets apart, else the first that names any.
fn telling<'a, 'e>(
    labels: &[&'a str],
    values: impl Fn(&str) -> BTreeSet<&'e str>,
) -> Option<&'a str> {
    let named = |label: &&&str| {
        let mut own = values(label);
        own.retain(|value| !NOTHING.contains(value));
        own.len()
    };
    let several = labels.iter().find(|label| named(label) > 1);
    several
        .or_else(|| labels.iter().find(|label| named(label) > 0))
        .copied()
}

/// Names for a message: the first few, and how many there are beside them.
#[must_use]
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.into_iter().collect();
    let more = all.len().saturating_sub(MOST_NAMES);
    let shown = all[..all.len() - more].join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_counts_under_its_subset_its_host_or_why_the_proxy_replied() {
        let value = |name: &str| Identity::Value(name.to_owned());
        for (name, flags, identity) in [
            ("v1", "-", value("v1")),
            (
                "outbound|80|v1|web.default.svc.cluster.local",
                "",
                value("v1"),
            ),
            ("outbound|80||web", "", value("web")),
            ("unknown", "-", Identity::Missing),
            (
                "unknown",
                "UH",
                Identity::LocalReply {
                    flag: Some(ResponseFlag::NoHealthyUpstream),
                    text: String::new(),
                },
            ),
            ("v1", "UF,URX", value("v1")),
        ] {
            assert_eq!(
                bucket(name, 503, flags).identity,
                identity,
                "{name} {flags}"
            );
        }
    }

    #[test]
    fn a_sum_beyond_64_bits_is_refused() {
        let mut counts = Counts::default();
        for name in ["a", "b"] {
            counts
                .add(bucket(name, 200, ""), u64::MAX)
                .expect("each fits");
        }
        assert!(counts.observation().is_err());
        assert!(counts.add(bucket("a", 200, ""), 1).is_err());
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(["a", "b"]), "a, b");
        let many = ["a", "b", "c", "d", "e", "f", "g", "h"];
        assert_eq!(listed(many), "a, b, c, d, e, f and 2 more");
    }
}
