//! Another split that the traffic could follow, and what it would mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diag::Note;

/// Another split that the traffic could follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// What it would mean, and what to look at.
    #[serde(flatten)]
    pub note: Note,
    /// The split in words, as `an even split over 2 targets`, where the note says what it would mean; `None` where the note says
    /// both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Shares of the declared targets, in their order; together with those in `known` they sum to 1.
    pub shares: Vec<f64>,
    /// Shares of targets that are not declared, by the place where the manifests name them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub known: BTreeMap<String, f64>,
}

impl Hypothesis {
    /// One that gives all traffic to declared targets.
    #[must_use]
    pub fn new(note: Note, shares: Vec<f64>) -> Self {
        Self {
            note,
            split: None,
            shares,
            known: BTreeMap::new(),
        }
    }

    /// The same with the split in words.
    #[must_use]
    pub fn named(self, split: impl Into<String>) -> Self {
        Self {
            split: Some(split.into()),
            ..self
        }
    }
}
