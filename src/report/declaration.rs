//! The declaration that a run was judged by, and where it stands.

use serde::{Deserialize, Serialize};

use super::Excerpt;
use crate::split::Expected;
use crate::verdict::Hypothesis;

/// A declared split, and what is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// The split.
    #[serde(flatten)]
    pub split: Expected,
    /// The rule that matches the request: `VirtualService default/weather http[0]`.
    pub rule: Option<String>,
    /// What the split could be instead.
    #[serde(rename = "rivals", skip_serializing_if = "Vec::is_empty", default)]
    pub hypotheses: Vec<Hypothesis>,
    /// The lines that declare it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub excerpt: Option<Excerpt>,
}

impl Declaration {
    /// A split of which nothing else is known.
    #[must_use]
    pub fn of(split: Expected, rule: Option<String>) -> Self {
        Self {
            split,
            rule,
            hypotheses: Vec::new(),
            excerpt: None,
        }
    }
}
