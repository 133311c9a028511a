//! Whether an open loop kept its schedule: where it did not, its latencies say something about the sender.

use std::fmt::Write as _;

use crate::diag::{Code, Note};
use crate::observe::Observation;
use crate::units::seconds;

/// A lag of the schedule that is worth a word, in microseconds, at its 99th percentile: ten ticks of an ordinary timer.
const NOTABLE_LAG: u64 = 10_000;

/// A word about a sender that could not keep up.
pub(super) fn caveat(seen: &Observation) -> Option<Note> {
    let pace = seen.pace.as_ref()?;
    let lag = pace.lag.value_at_quantile(0.99);
    if pace.late == 0 && pace.unsent == 0 && (pace.lag.is_empty() || lag < NOTABLE_LAG) {
        return None;
    }
    let mut message = "the schedule was not kept: ".to_owned();
    let mut parts = Vec::new();
    if pace.late > 0 {
        parts.push(format!(
            "{} of {} requests were due when as many as allowed were under way, and had to wait",
            pace.late, seen.sent
        ));
    }
    if pace.unsent > 0 {
        parts.push(format!("{} were never sent", pace.unsent));
    }
    if !pace.lag.is_empty() {
        let time = |micros: u64| seconds(micros as f64 / 1e6);
        let median = time(pace.lag.value_at_quantile(0.5));
        parts.push(format!(
            "requests began late by {median} (p50), {} (p99)",
            time(lag)
        ));
    }
    message.push_str(&parts.join("; "));
    let waited = pace.late > 0 || pace.unsent > 0;
    let help = if waited && pace.confined {
        "; this process may not have more connections: raise its limit of file descriptors (ulimit -n), or lower --rate"
    } else if waited {
        "; allow more with --in-flight, or lower --rate"
    } else {
        "; this machine is too busy for the rate: lower --rate, or free some of it"
    };
    let _ = write!(message, "{help}. Response times include the wait");
    Some(Note::new(Code::GeneratorSaturated, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::ScheduleStats;

    fn said(late: u64, unsent: u64, lag: &[u64]) -> Option<String> {
        let mut pace = ScheduleStats {
            late,
            unsent,
            ..ScheduleStats::default()
        };
        for micros in lag {
            pace.lag.record(*micros).expect("it grows");
        }
        let seen = Observation {
            sent: 1000,
            pace: Some(pace),
            ..Observation::default()
        };
        caveat(&seen).map(|caveat| caveat.message)
    }

    #[test]
    fn a_schedule_that_was_kept_needs_no_word() {
        assert_eq!(caveat(&Observation::default()), None);
        assert_eq!(said(0, 0, &[]), None);
        assert_eq!(said(0, 0, &[50, 80, 2000]), None);
    }

    #[test]
    fn a_schedule_that_was_not_kept_is_said_with_figures() {
        assert_eq!(
            said(312, 40, &[50; 3]).as_deref(),
            Some(
                "the schedule was not kept: 312 of 1000 requests were due when as many as allowed were under way, and had to \
                 wait; 40 were never sent; requests began late by 50us (p50), 50us (p99); allow more with --in-flight, or \
                 lower --rate. Response times include the wait"
            )
        );
        let busy = said(0, 0, &[20_000; 5]).expect("a word");
        assert!(busy.contains("this machine is too busy"), "{busy}");
    }
}
