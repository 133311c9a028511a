//! How long this thread waited for a processor. Where processors are scarce, what came in time is noticed late.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

/// Where Linux counts it: nanoseconds on a processor, nanoseconds runnable without one, turns.
const COUNTED: &str = "/proc/thread-self/schedstat";
/// Samples that are kept, and how far they lie apart at least.
const SAMPLES: usize = 128;
const APART: Duration = Duration::from_millis(20);

/// The delays of one thread, sampled as time goes by.
#[derive(Debug, Default)]
pub(super) struct RunDelay(RefCell<VecDeque<(Instant, Duration)>>);

impl RunDelay {
    /// Remembers what the count is now.
    pub(super) fn sample(&self, now: Instant) {
        let mut samples = self.0.borrow_mut();
        if samples.back().is_some_and(|(last, _)| now < *last + APART) {
            return;
        }
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back((now, counted()));
    }

    /// How much of the time since then was a wait for a processor, at most.
    pub(super) fn since(&self, then: Instant) -> Duration {
        let samples = self.0.borrow();
        let before = samples.iter().rev().find(|(at, _)| *at <= then);
        let before = before.or_else(|| samples.front());
        before.map_or(Duration::ZERO, |(_, before)| {
            counted().saturating_sub(*before)
        })
    }
}

/// The count of this thread; zero where nobody counts.
fn counted() -> Duration {
    let text = fs::read_to_string(COUNTED).unwrap_or_default();
    let nanoseconds = text.split_ascii_whitespace().nth(1);
    let nanoseconds = nanoseconds.and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_before_does_not_count_since() {
        let delay = RunDelay::default();
        let now = Instant::now();
        assert_eq!(delay.since(now), Duration::ZERO);
        delay.sample(now);
        delay.sample(now);
        assert_eq!(delay.0.borrow().len(), 1);
        // Before the first sample nothing had been counted.
        let (_, counted) = delay.0.borrow()[0];
        let earlier = now.checked_sub(APART).expect("the machine runs for longer");
        delay.0.borrow_mut().push_front((earlier, Duration::ZERO));
        let since = [now, earlier].map(|then| delay.since(then));
        assert!(since[1] >= counted && since[0] <= since[1], "{since:?}");
    }
}
