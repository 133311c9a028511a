//! Ctrl-C, SIGTERM and SIGHUP during a run: the first stops sending, a later one ends the process.
#![allow(
    clippy::disallowed_methods,
    reason = "the second signal ends the process at once, from a thread of its own"
)]

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;

use super::exit::Exit;
use super::sidecar;
use super::signals::asking_to_end;

/// Signals this close together are one: `timeout` and terminals signal a process and its group.
const ONE_PRESS: Duration = Duration::from_millis(50);

/// A flag that the first signal sets, after which `warn` is called with what happens now, and whether the signal was typed.
/// Without a handler a signal ends the process at once, as it always did.
pub(super) fn listen(warn: impl Fn(&str, bool) + Send + 'static) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    if let Ok(signals) = Signals::new(asking_to_end()) {
        let set = Arc::clone(&flag);
        // Where no thread can be had, the run cannot start either, and says so.
        let _ = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || wait(signals, &set, warn));
        sidecar::leave_signals_to_the_run();
    }
    flag
}

fn wait(mut signals: Signals, flag: &AtomicBool, warn: impl Fn(&str, bool)) {
    let mut first: Option<Instant> = None;
    for signal in signals.forever() {
        match first {
            None => {
                first = Some(Instant::now());
                flag.store(true, Ordering::Relaxed);
                warn(
                    "stopping: waiting for the responses under way; Ctrl-C again ends without a report",
                    signal == SIGINT,
                );
            }
            Some(first) if first.elapsed() < ONE_PRESS => {}
            Some(_) => {
                sidecar::quit();
                process::exit(i32::from(Exit::Interrupted.code()));
            }
        }
    }
}
