//! Waiting for something that a program beside the test does.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// So long that only what hangs takes longer, however busy the machine is.
pub(crate) const HANGS: Duration = Duration::from_secs(180);

/// Waits until it is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + HANGS;
    while !done() {
        assert!(Instant::now() < deadline, "it never is so: {what}");
        sleep(Duration::from_millis(2));
    }
}
