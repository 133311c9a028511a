//! The signals that ask a process to end.
#![allow(
    clippy::disallowed_methods,
    reason = "which signals are ignored stands in a file of the system"
)]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

/// Has a file that may not grow any further be an error of the write, as on a full disk, and not the end of the process.
pub(super) fn outlive_limits_of_files() {
    // Where it cannot be registered nothing is lost yet.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// Ctrl-C, SIGTERM, and SIGHUP unless whoever started the process has it ignored: `nohup` has a run outlive its terminal.
pub(super) fn asking_to_end() -> impl Iterator<Item = i32> {
    let hang_up = (!ignored(SIGHUP)).then_some(SIGHUP);
    [SIGINT, SIGTERM].into_iter().chain(hang_up)
}

/// Whether whoever started the process has it ignore a signal, as far as the system tells.
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
