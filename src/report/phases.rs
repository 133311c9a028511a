//! How long the parts of requests took, and how well an open loop kept its starts: summaries to read, and the histograms
//! that they come from, so that saved reports merge.

use serde::{Deserialize, Serialize};

use super::Recorded;
use crate::observe::{Latency, Observation, Phases, ScheduleStats, Tally};

/// How long the parts of requests and connections took; `None` for what was not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseRows {
    /// Asking for the addresses of the name, for each new connection.
    pub dns: Option<Latency>,
    /// Connecting, for each new connection.
    pub connect: Option<Latency>,
    /// The TLS handshake, for each new connection.
    pub tls: Option<Latency>,
    /// From the send of a request to the first byte of its answer.
    pub first_byte: Option<Latency>,
    /// From the send of a request to the last byte of its answer.
    pub total: Option<Latency>,
}

/// The same in full, in microseconds; what all answers took is kept with the answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhasesRecorded {
    /// As in [`PhaseRows`].
    pub dns: Recorded,
    /// As in [`PhaseRows`].
    pub connect: Recorded,
    /// As in [`PhaseRows`].
    pub tls: Recorded,
    /// As in [`PhaseRows`].
    pub first_byte: Recorded,
}

/// How well the starts of an open loop were kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaceRow {
    /// From the intended start of a request to the moment in which it was taken up.
    pub schedule_lag_ms: Option<Latency>,
    /// The same in full, in microseconds.
    pub schedule_lag: Recorded,
    /// Requests that were due when as many as allowed were under way.
    pub late: u64,
    /// Requests that were due and never sent.
    pub unsent: u64,
    /// Whether the process could not open as many connections as were allowed to be under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confined: bool,
}

impl PhaseRows {
    /// The parts of everything that was seen.
    pub(super) fn of(seen: &Observation) -> Self {
        let mut all = Tally::default();
        for tally in seen.tallies.values() {
            all.merge(tally);
        }
        Self {
            dns: Latency::of(&seen.phases.dns),
            connect: Latency::of(&seen.phases.connect),
            tls: Latency::of(&seen.phases.tls),
            first_byte: Latency::of(&seen.phases.first_byte),
            total: Latency::of(&all.latency),
        }
    }
}

impl PhasesRecorded {
    pub(super) fn of(phases: &Phases) -> Self {
        Self {
            dns: Recorded::of(&phases.dns),
            connect: Recorded::of(&phases.connect),
            tls: Recorded::of(&phases.tls),
            first_byte: Recorded::of(&phases.first_byte),
        }
    }

    pub(super) fn phases(&self) -> Phases {
        Phases {
            dns: self.dns.latencies().clone(),
            connect: self.connect.latencies().clone(),
            tls: self.tls.latencies().clone(),
            first_byte: self.first_byte.latencies().clone(),
        }
    }
}

impl PaceRow {
    pub(super) fn of(pace: &ScheduleStats) -> Self {
        Self {
            schedule_lag_ms: Latency::of(&pace.lag),
            schedule_lag: Recorded::of(&pace.lag),
            late: pace.late,
            unsent: pace.unsent,
            confined: pace.confined,
        }
    }

    pub(super) fn pace(&self) -> ScheduleStats {
        ScheduleStats {
            lag: self.schedule_lag.latencies().clone(),
            late: self.late,
            unsent: self.unsent,
            confined: self.confined,
        }
    }
}
