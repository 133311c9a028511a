//! Waiting until a split is stationary, before the sample that is judged. What it is stationary at plays no part: a wrong
//! split that stays is judged, never waited away.

#![allow(clippy::disallowed_methods, reason = "waiting has a clock")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::failure::Failure;
use crate::bucket::Bucketer;
use crate::diag::{Code, Note};
use crate::load::{self, Control, LoadError};
use crate::observe::Observation;
use crate::plan::{LoadPlan, Stop};
use crate::split::Expected;
use crate::stats::change::change_of_blocks;
use crate::stats::heterogeneity::Heterogeneity;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::{MapRule, Mapping};

/// Into how many windows the longest wait is cut.
const WINDOWS: u32 = 10;
/// The shortest and the longest window.
const WINDOW: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// What the last window may at least take.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// How long an interruption may go unnoticed.
const GLANCE: Duration = Duration::from_millis(20);
/// Windows that have to agree.
const AGREEING: usize = 2;
/// They disagree when chance would make them differ as much this rarely.
const DISAGREE: f64 = 0.01;
/// Draws of the permutation test.
const DRAWS: u32 = 1999;

/// Sends until consecutive windows agree, at most `limit`, and shows how much of that is left; a caveat where they never did.
pub(super) fn settle(
    plan: &LoadPlan,
    bucketer: impl Fn() -> Bucketer,
    expected: &Expected,
    rules: &[MapRule],
    limit: Duration,
    interrupted: &Arc<AtomicBool>,
    show: impl Fn(Duration),
) -> Result<Option<Note>, Failure> {
    let window = (limit / WINDOWS).clamp(WINDOW.0, WINDOW.1).min(limit);
    let start = Instant::now();
    let mut blocks: Vec<Vec<u64>> = Vec::new();
    while start.elapsed() < limit && !interrupted.load(Ordering::Relaxed) {
        let mut plan = plan.clone();
        let left = limit.saturating_sub(start.elapsed()).max(SHORTEST_WAIT);
        show(left);
        plan.stop = Stop::Elapsed(window.min(left));
        plan.timeout = plan.timeout.min(left);
        plan.connect_timeout = plan.connect_timeout.min(left);
        let until = Instant::now() + window.min(left);
        let Some(seen) = seen_in_window(plan, bucketer(), interrupted)? else {
            break;
        };
        // A name that does not resolve yet ends the window at once.
        while Instant::now() < until && !interrupted.load(Ordering::Relaxed) {
            thread::sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
        }
        // Values that mean nothing yet (the route is not there) are what is waited for.
        let counts = Mapping::derive(expected, rules, seen.tallies.keys())
            .map(|mapping| Attribution::new(&seen, Some((expected, &mapping))));
        let counts = counts.map(|sorted| {
            let mut counts = sorted.counts;
            counts.push(sorted.undeclared + sorted.unattributed);
            counts
        });
        match counts {
            Ok(counts) => blocks.push(counts),
            Err(_) => blocks.clear(),
        }
        if stationary(&blocks, expected) {
            return Ok(None);
        }
    }
    if interrupted.load(Ordering::Relaxed) {
        return Ok(None);
    }
    Ok(Some(Note::new(
        Code::NotSettled,
        format!(
            "the split was not stationary within {limit:?}; what follows was judged all the same"
        ),
    )))
}

/// What one window shows; `None` where it was interrupted: what is under way then is not waited for.
fn seen_in_window(
    plan: LoadPlan,
    bucketer: Bucketer,
    interrupted: &Arc<AtomicBool>,
) -> Result<Option<Observation>, Failure> {
    let (ended, result) = mpsc::channel();
    let stop = Arc::clone(interrupted);
    let send = move || {
        let seen = load::run(plan, bucketer, &mut |_| {
            if stop.load(Ordering::Relaxed) {
                Control::Stop
            } else {
                Control::Continue
            }
        });
        // Nobody waits for it after an interruption.
        let _ = ended.send(seen);
    };
    let thread = thread::Builder::new().name("settle".to_owned());
    let thread = thread.spawn(send).map_err(LoadError::Thread)?;
    loop {
        match result.recv_timeout(GLANCE) {
            Ok(seen) => return Ok(Some(seen?)),
            Err(RecvTimeoutError::Timeout) if !interrupted.load(Ordering::Relaxed) => {}
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Ok(()) => return Ok(None),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// Whether the last windows agree: with each other, and each attributed to targets at all.
fn stationary(blocks: &[Vec<u64>], expected: &Expected) -> bool {
    let Some(last) = blocks
        .len()
        .checked_sub(AGREEING)
        .map(|from| &blocks[from..])
    else {
        return false;
    };
    let answered = last
        .iter()
        .all(|counts| counts[..expected.declared().len()].iter().sum::<u64>() > 0);
    answered
        && Heterogeneity::new(last, DRAWS, 0).p() >= DISAGREE
        && change_of_blocks(last).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::parse_weights;

    #[test]
    fn windows_that_agree_are_stationary_at_whatever_split() {
        let expected = parse_weights(&["v1=90,v2=10"]).expect("a split");
        assert!(stationary(
            &[vec![500, 500, 0], vec![490, 510, 0]],
            &expected
        ));
        assert!(!stationary(
            &[vec![500, 500, 0], vec![900, 100, 0]],
            &expected
        ));
        assert!(stationary(
            &[vec![500, 500, 0], vec![900, 100, 0], vec![890, 110, 0]],
            &expected
        ));
        assert!(!stationary(&[vec![0, 0, 900], vec![0, 0, 900]], &expected));
        assert!(!stationary(&[vec![500, 500, 0]], &expected));
    }
}
