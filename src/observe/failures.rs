//! Requests without a response: why, how many, and what the system said.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a request has no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind it is counted under.
    pub kind: FailureKind,
    /// What the system said.
    pub message: String,
}

/// The kinds of failure, in the order of a request's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The host name has no address.
    Dns,
    /// No connection: refused, unreachable, out of ports or file descriptors.
    Connect,
    /// No TLS: the handshake failed, or the certificate is not trusted.
    Tls,
    /// Nothing complete within the timeout.
    Timeout,
    /// The connection was closed before the response began, or reset at any time.
    Reset,
    /// The connection was closed within the response.
    Truncated,
    /// The response is larger than is read.
    Oversized,
    /// What came is not valid HTTP.
    Malformed,
}

/// How many requests failed in one way, and what was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureCount {
    /// How many.
    pub count: u64,
    /// What the system said the first time.
    pub example: String,
    /// How often what was said.
    causes: BTreeMap<String, u64>,
}

/// Causes of one kind that are told apart; those that come after are counted under their kind alone.
pub const MOST_CAUSES: usize = 8;

impl Failure {
    /// A failure of this kind.
    #[must_use]
    pub fn new(kind: FailureKind, message: String) -> Self {
        Self { kind, message }
    }
}

impl FailureKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::Truncated,
        Self::Oversized,
        Self::Malformed,
    ];
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
        })
    }
}

impl FailureCount {
    /// So many failures of which this was said.
    #[must_use]
    pub fn new(count: u64, message: impl Into<String>) -> Self {
        let mut own = Self::default();
        own.add(count, message.into());
        own
    }

    /// Counts failures of which this was said.
    pub fn add(&mut self, count: u64, message: String) {
        self.count += count;
        if self.example.is_empty() {
            self.example.clone_from(&message);
        }
        self.add_cause(count, message);
    }

    fn add_cause(&mut self, count: u64, message: String) {
        if let Some(sum) = self.causes.get_mut(&message) {
            *sum += count;
        } else if self.causes.len() < MOST_CAUSES {
            self.causes.insert(message, count);
        }
    }

    /// Adds what another thread, moment or run saw.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if self.example.is_empty() {
            self.example.clone_from(&other.example);
        }
        for (message, count) in &other.causes {
            self.add_cause(*count, message.clone());
        }
    }

    /// How often what was said, the most frequent first, and last those that are not told apart.
    #[must_use]
    pub fn causes(&self) -> Vec<(u64, &str)> {
        let mut causes: Vec<(u64, &str)> = (self.causes.iter())
            .map(|(message, count)| (*count, message.as_str()))
            .collect();
        causes.sort_by_key(|(count, _)| Reverse(*count));
        let told: u64 = causes.iter().map(|(count, _)| count).sum();
        if self.count > told {
            causes.push((self.count - told, "other causes"));
        }
        causes
    }
}

/// Failures of one kind in a report.
#[derive(Serialize, Deserialize)]
struct Row {
    kind: FailureKind,
    count: u64,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    example: String,
    /// Where several things were said.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    causes: Vec<Cause>,
}

#[derive(Serialize, Deserialize)]
struct Cause {
    message: String,
    count: u64,
}

/// A row for each kind, those that did not occur too.
pub(super) fn serialize<S: Serializer>(
    failures: &BTreeMap<FailureKind, FailureCount>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(FailureKind::ALL.into_iter().map(|kind| {
        let failed = failures.get(&kind).cloned().unwrap_or_default();
        let mut causes: Vec<Cause> = Vec::new();
        if failed.causes.len() > 1 {
            let told = failed.causes.iter();
            causes.extend(told.map(|(message, count)| Cause {
                message: message.clone(),
                count: *count,
            }));
            causes.sort_by_key(|cause| Reverse(cause.count));
        }
        Row {
            kind,
            count: failed.count,
            example: failed.example,
            causes,
        }
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<FailureKind, FailureCount>, D::Error> {
    let rows = Vec::<Row>::deserialize(deserializer)?;
    let occurred = rows.into_iter().filter(|row| row.count > 0);
    let failed = occurred.map(|row| {
        let mut failed = FailureCount::new(row.count, row.example);
        if !row.causes.is_empty() {
            let causes = row.causes.into_iter();
            failed.causes = causes.map(|cause| (cause.message, cause.count)).collect();
        }
        (row.kind, failed)
    });
    Ok(failed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_counted_until_there_are_many() {
        let mut own = FailureCount::default();
        for number in 0..20 {
            own.add(1, format!("cause {number:02}"));
        }
        own.add(4, "cause 03".to_owned());
        let mut twice = own.clone();
        twice.merge(&own);
        for (failed, times) in [(&own, 1), (&twice, 2)] {
            let causes = failed.causes();
            assert_eq!(causes.len(), MOST_CAUSES + 1);
            assert_eq!(causes[0], (5 * times, "cause 03"));
            assert_eq!(causes[1], (times, "cause 00"));
            assert_eq!(causes.last(), Some(&(12 * times, "other causes")));
            assert_eq!(
                (failed.count, failed.example.as_str()),
                (24 * times, "cause 00")
            );
        }
    }
}
