//! What a run saw, as its report holds it.

use serde::{Deserialize, Serialize};

use super::{Connections, ObservationRows};
use crate::observe::Observation;
use crate::split::Expected;
use crate::verdict::mapping::Mapping;
use crate::verdict::{Policy, ShareIntervals};

/// An observation with the rows that are derived from it. In the JSON form the responses of the observation stand in the
/// rows of their values, and a row names the target that its values mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedObservation {
    /// What was seen.
    #[serde(flatten)]
    pub seen: Observation,
    /// Which values mean which targets of the declared split.
    #[serde(skip)]
    pub mapping: Mapping,
    /// Whether the run was to end as soon as the result was certain.
    pub watched: bool,
    /// Whether it went on after that to find out why the split diverges.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub diagnosed: bool,
    /// What formats show of it.
    #[serde(flatten)]
    pub rows: ObservationRows,
}

impl SavedObservation {
    /// An observation of traffic that was split as declared, or that nothing was declared for.
    #[must_use]
    pub fn new(
        seen: Observation,
        declared: Option<(&Expected, Mapping)>,
        watched: bool,
        policy: &Policy,
        intervals: Option<ShareIntervals>,
    ) -> Self {
        let pair = declared.as_ref().map(|(split, mapping)| (*split, mapping));
        let rows = ObservationRows::of(&seen, pair, policy, intervals);
        Self {
            seen,
            mapping: declared.map(|(_, mapping)| mapping).unwrap_or_default(),
            watched,
            diagnosed: false,
            rows,
        }
    }

    /// The same where the log has keys in the place of connections: of those nothing is known by connection.
    #[must_use]
    pub fn by_key(mut self) -> Self {
        self.rows.connection_table = Connections::default();
        self
    }
}
