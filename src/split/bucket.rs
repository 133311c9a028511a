//! The name an answer is counted under. Not: how the name is read from an answer (see `bucket`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Answers that are counted together: the same identity and the same status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bucket {
    /// What the answer says about where it comes from.
    pub identity: Identity,
    /// The HTTP status.
    pub status: u16,
}

/// What an answer says about where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// A value was read; it may be empty.
    Value(String),
    /// No extractor found a value.
    Missing,
    /// One value too many: more distinct values came than are kept apart.
    Overflow,
}

impl Bucket {
    /// The value that was read, if one was.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match &self.identity {
            Identity::Value(value) => Some(value),
            Identity::Missing | Identity::Overflow => None,
        }
    }

    /// Where it counts when there are too many values to keep apart.
    #[must_use]
    pub fn overflow(&self) -> Self {
        Self {
            identity: Identity::Overflow,
            status: self.status,
        }
    }

    /// Whether the status says that something went wrong (4xx, 5xx).
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.status >= 400
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) if value.is_empty() => f.write_str("(empty)"),
            Self::Value(value) => f.write_str(value),
            Self::Missing => f.write_str("(no identity)"),
            Self::Overflow => f.write_str("(other values)"),
        }
    }
}
