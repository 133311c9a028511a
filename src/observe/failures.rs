//! Requests without a response: why, how many, and what the system said.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codec::count;
use super::{FailureCause, FailureKind};

/// Why a request has no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind it is counted under.
    pub kind: FailureKind,
    /// Why, where that is known.
    pub cause: Option<FailureCause>,
    /// What the system said.
    pub message: String,
}

/// How many requests failed in one way, and what was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureCount {
    /// How many.
    pub count: u64,
    /// What the system said the first time.
    pub example: String,
    /// In the order of what was said.
    causes: Vec<SameFailures>,
}

/// Failures of which the same was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SameFailures {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cause: Option<FailureCause>,
    #[serde(deserialize_with = "count::deserialize")]
    count: u64,
}

/// Causes of one kind that are told apart; those that come after are counted under their kind alone.
pub const MOST_CAUSES: usize = 8;

impl Failure {
    /// A failure of this kind, of which nothing else is known.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            cause: None,
            message: message.into(),
        }
    }

    /// A failure of this cause.
    #[must_use]
    pub fn because(cause: FailureCause, message: impl Into<String>) -> Self {
        Self::new(cause.kind(), message).with_cause(Some(cause))
    }

    /// The same with its cause, where that is known.
    #[must_use]
    pub fn with_cause(self, cause: Option<FailureCause>) -> Self {
        Self { cause, ..self }
    }
}

impl FailureCount {
    /// So many failures of which this was said.
    #[must_use]
    pub fn new(count: u64, message: impl Into<String>) -> Self {
        let mut own = Self::default();
        own.add_said(count, None, message.into());
        own
    }

    /// Counts so many failures like this one.
    pub fn add(&mut self, count: u64, failure: Failure) {
        self.add_said(count, failure.cause, failure.message);
    }

    fn add_said(&mut self, count: u64, cause: Option<FailureCause>, message: String) {
        self.count = self.count.saturating_add(count);
        if self.example.is_empty() {
            self.example.clone_from(&message);
        }
        self.add_cause(count, cause, message);
    }

    fn add_cause(&mut self, count: u64, cause: Option<FailureCause>, message: String) {
        let found = self
            .causes
            .binary_search_by(|own| own.message.cmp(&message));
        match found {
            Ok(at) => {
                let own = &mut self.causes[at].count;
                *own = own.saturating_add(count);
            }
            Err(_) if self.causes.len() == MOST_CAUSES => {}
            Err(at) => self.causes.insert(
                at,
                SameFailures {
                    message,
                    cause,
                    count,
                },
            ),
        }
    }

    /// Adds what another thread, moment or run saw.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        if self.example.is_empty() {
            self.example.clone_from(&other.example);
        }
        for own in &other.causes {
            self.add_cause(own.count, own.cause, own.message.clone());
        }
    }

    /// Why most of them failed, where that is known.
    #[must_use]
    pub fn cause(&self) -> Option<FailureCause> {
        self.by_frequency().first().and_then(|own| own.cause)
    }

    /// How often what was said, the most frequent first, and last those that are not told apart.
    #[must_use]
    pub fn said(&self) -> Vec<(u64, &str)> {
        let causes = self.by_frequency().into_iter();
        let mut said: Vec<(u64, &str)> = causes
            .map(|own| (own.count, own.message.as_str()))
            .collect();
        let told = said
            .iter()
            .fold(0_u64, |sum, (count, _)| sum.saturating_add(*count));
        if self.count > told {
            said.push((self.count - told, "other causes"));
        }
        said
    }

    fn by_frequency(&self) -> Vec<&SameFailures> {
        let mut causes: Vec<&SameFailures> = self.causes.iter().collect();
        causes.sort_by_key(|own| Reverse(own.count));
        causes
    }
}

/// Failures of one kind in a report.
#[derive(Serialize, Deserialize)]
struct Row {
    kind: FailureKind,
    #[serde(deserialize_with = "count::deserialize")]
    count: u64,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    example: String,
    /// Why most of them failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cause: Option<FailureCause>,
    /// Where several things were said.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    causes: Vec<SameFailures>,
}

/// A row for each kind, those that did not occur too.
pub(super) fn serialize<S: Serializer>(
    failures: &BTreeMap<FailureKind, FailureCount>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(FailureKind::ALL.into_iter().map(|kind| {
        let failed = failures.get(&kind).cloned().unwrap_or_default();
        Row {
            kind,
            count: failed.count,
            cause: failed.cause(),
            causes: if failed.causes.len() > 1 {
                failed.by_frequency().into_iter().cloned().collect()
            } else {
                Vec::new()
            },
            example: failed.example,
        }
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<FailureKind, FailureCount>, D::Error> {
    let rows = Vec::<Row>::deserialize(deserializer)?;
    let occurred = rows.into_iter().filter(|row| row.count > 0);
    let failed = occurred.map(|row| {
        let mut failed = FailureCount {
            count: row.count,
            example: row.example,
            causes: Vec::new(),
        };
        if row.causes.is_empty() {
            failed.add_cause(row.count, row.cause, failed.example.clone());
        }
        for own in row.causes {
            failed.add_cause(own.count, own.cause, own.message);
        }
        (row.kind, failed)
    });
    Ok(failed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Saved(#[serde(with = "super")] BTreeMap<FailureKind, FailureCount>);

    #[test]
    fn every_cause_is_counted_until_there_are_many() {
        let malformed = |number| Failure::new(FailureKind::Malformed, format!("cause {number:02}"));
        let mut own = FailureCount::default();
        for number in 0..20 {
            own.add(1, malformed(number));
        }
        own.add(4, malformed(3));
        let mut twice = own.clone();
        twice.merge(&own);
        for (failed, times) in [(&own, 1), (&twice, 2)] {
            let said = failed.said();
            assert_eq!(said.len(), MOST_CAUSES + 1);
            assert_eq!(said[0], (5 * times, "cause 03"));
            assert_eq!(said[1], (times, "cause 00"));
            assert_eq!(said.last(), Some(&(12 * times, "other causes")));
            assert_eq!(
                (failed.count, failed.example.as_str()),
                (24 * times, "cause 00")
            );
        }
    }

    #[test]
    fn a_report_keeps_every_cause() {
        let mut reset = FailureCount::default();
        reset.add(2, Failure::new(FailureKind::Reset, "reset"));
        reset.add(3, Failure::because(FailureCause::StreamRefused, "refused"));
        assert_eq!(reset.cause(), Some(FailureCause::StreamRefused));
        let mut connect = FailureCount::default();
        connect.add(1, Failure::because(FailureCause::NoFreePort, "no port"));
        let own = Saved([(FailureKind::Reset, reset), (FailureKind::Connect, connect)].into());
        let text = serde_json::to_string(&own).expect("JSON");
        assert_eq!(text.matches("\"kind\"").count(), FailureKind::ALL.len());
        let read: Saved = serde_json::from_str(&text).expect("its own JSON");
        assert_eq!(read.0, own.0);
    }
}
