//! How well the starts of an open loop were kept.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::codec;
use super::histogram::{add, histogram};

/// The difference between the schedule and what was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleStats {
    /// From the intended start to the moment in which the request was taken up, in microseconds, for every request: the
    /// error of the timer, the wait for the processor, and the wait for a free connection.
    #[serde(flatten, with = "codec::schedule_lag")]
    pub lag: Histogram<u64>,
    /// Requests that were due when as many as allowed were under way, and had to wait for one of them.
    #[serde(deserialize_with = "codec::count::deserialize")]
    pub late: u64,
    /// Requests that were due and never sent, because the run was over.
    #[serde(deserialize_with = "codec::count::deserialize")]
    pub unsent: u64,
    /// Whether this process may not open as many connections as are allowed to be under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confined: bool,
}

impl Default for ScheduleStats {
    fn default() -> Self {
        Self {
            lag: histogram(),
            late: 0,
            unsent: 0,
            confined: false,
        }
    }
}

impl ScheduleStats {
    /// Adds what another thread, moment or run saw.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.lag, &other.lag);
        self.late = self.late.saturating_add(other.late);
        self.unsent = self.unsent.saturating_add(other.unsent);
        self.confined |= other.confined;
    }
}
