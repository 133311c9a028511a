//! Another split that the traffic could follow, and what it would mean.

use serde::{Deserialize, Serialize};

use crate::diag::Note;

/// Another split that the traffic could follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// What it would mean, and what to look at.
    #[serde(flatten)]
    pub note: Note,
    /// Shares of the declared targets, in their order; they sum to 1.
    pub shares: Vec<f64>,
}
