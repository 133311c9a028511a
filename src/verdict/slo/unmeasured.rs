//! Objectives on counts that somebody else has made, which may have no times and no statuses: an error rate of which nothing
//! is known would hold whatever came back.

use super::Slo;
use crate::observe::Observation;

/// What is asked of an observation that has not measured it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasured {
    /// Latencies, or responses per second.
    #[error("{0} is about times, and counts have none")]
    Times(String),
    /// Errors, or whether every target is healthy.
    #[error("{0} is about errors, and these counts have no statuses")]
    Statuses(String),
}

impl Unmeasured {
    /// The first of the objectives that asks for what `seen` has not measured.
    #[must_use]
    pub fn find(slos: &[Slo], require_healthy: bool, seen: &Observation) -> Option<Self> {
        let of_times = Self::times(slos).filter(|_| !seen.has_times());
        of_times.or_else(|| Self::statuses(slos, require_healthy).filter(|_| !seen.has_statuses()))
    }

    /// The same for counts that will have neither times nor statuses.
    #[must_use]
    pub fn in_counts(slos: &[Slo], require_healthy: bool) -> Option<Self> {
        Self::times(slos).or_else(|| Self::statuses(slos, require_healthy))
    }

    fn times(slos: &[Slo]) -> Option<Self> {
        let asking = slos.iter().find(|slo| slo.measures_time());
        asking.map(|slo| Self::Times(format!("`{slo}`")))
    }

    fn statuses(slos: &[Slo], require_healthy: bool) -> Option<Self> {
        let asking = slos.iter().find(|slo| slo.measures_errors());
        let healthy = require_healthy.then(|| "--require-healthy".to_owned());
        asking
            .map(|slo| format!("`{slo}`"))
            .or(healthy)
            .map(Self::Statuses)
    }

    /// The next step.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Times(_) => {
                "objectives on counts are about errors and share, as in --slo 'canary.errors < 1%'"
            }
            Self::Statuses(_) => {
                "leave it out, or give counts with statuses: counters with the label response_code, an access log, or a run whose \
                 responses say who gave them"
            }
        }
    }
}
