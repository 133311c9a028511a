//! Another split that the traffic could follow, and what it would mean.

use serde::{Deserialize, Serialize};

/// Another split that the traffic could follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// A stable short name, `kebab-case`.
    pub id: String,
    /// What it would mean, and what to look at.
    pub message: String,
    /// Shares of the declared targets, in their order; they sum to 1.
    pub shares: Vec<f64>,
}
