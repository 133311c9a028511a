//! The name a response is counted under.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ResponseFlag;

/// Responses that are counted together: the same identity and the same status.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bucket {
    /// What the answer says about where it comes from.
    pub identity: Identity,
    /// The HTTP status, or [`Bucket::NO_STATUS`].
    pub status: u16,
}

/// What a response says about where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// A value was read; it may be empty.
    Value(String),
    /// No extractor found a value.
    Missing,
    /// One value too many: more distinct values came than are kept apart.
    Overflow,
    /// The proxy replied by itself, and nothing in the reply names a target.
    LocalReply {
        /// Why, where that is known.
        flag: Option<ResponseFlag>,
        /// The text of the reply, which may be empty.
        text: String,
    },
}

impl Bucket {
    /// The status of a response of which none is known: counts that somebody else has made may have none.
    pub const NO_STATUS: u16 = 0;

    /// The value that was read, if one was; of a local reply its text.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match &self.identity {
            Identity::Value(value) => Some(value),
            Identity::LocalReply { text, .. } => Some(text),
            Identity::Missing | Identity::Overflow => None,
        }
    }

    /// Why a proxy replied by itself, if it did, and the text of the reply. Reports that were saved before local replies were
    /// told apart have the text of Envoy as a value.
    #[must_use]
    pub fn local_reply(&self) -> Option<(Option<ResponseFlag>, &str)> {
        match &self.identity {
            Identity::LocalReply { flag, text } => Some((*flag, text)),
            Identity::Value(text) if self.is_error() => {
                ResponseFlag::of_text(text).map(|flag| (Some(flag), text.as_str()))
            }
            _ => None,
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

    /// Whether the status sends the client elsewhere (3xx): what such a response says of itself is who redirects.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
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
            Self::Value(text) | Self::LocalReply { text, .. } if text.is_empty() => {
                f.write_str("(empty)")
            }
            Self::Value(text) | Self::LocalReply { text, .. } => f.write_str(text),
            Self::Missing => f.write_str("(no identity)"),
            Self::Overflow => f.write_str("(other values)"),
        }
    }
}
