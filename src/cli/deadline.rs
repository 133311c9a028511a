//! `--max-duration`: when sending ends at the latest.

#![allow(clippy::disallowed_methods, reason = "a deadline has a clock")]

use std::time::{Duration, Instant};

use crate::observe::Observation;
use crate::plan::Stop;
use crate::verdict::{Caveat, Outcome, Verdict};

/// When sending ends at the latest, if there is a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    limit: Option<Duration>,
    begun: Instant,
}

impl Deadline {
    /// A limit that counts from now on.
    pub(super) fn after(limit: Option<Duration>) -> Self {
        Self {
            limit,
            begun: Instant::now(),
        }
    }

    /// How long it has been running.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether the time is up.
    pub(super) fn passed(&self) -> bool {
        self.limit
            .is_some_and(|limit| self.begun.elapsed() >= limit)
    }

    /// What has to be said of a run that it cut short before the result was certain.
    pub(super) fn note(&self, seen: &Observation, most: Stop, verdict: &Verdict) -> Option<Caveat> {
        let limit = self.limit.filter(|_| self.passed())?;
        let Stop::Requests(most) = most else {
            return None;
        };
        let cut_short = seen.sent < most && verdict.outcome == Outcome::Inconclusive;
        cut_short.then(|| Caveat {
            id: "max-duration".to_owned(),
            message: format!(
                "--max-duration {limit:?} ended the run after {} of at most {most} requests",
                seen.sent
            ),
        })
    }
}
