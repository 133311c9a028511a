//! `resplit wait`: the main process of a pod that is exec'd into.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exit::Exit;
use super::warn;

/// Blocks until SIGTERM or SIGINT.
pub(super) fn run() -> Exit {
    match Signals::new([SIGTERM, SIGINT]) {
        Ok(mut signals) => {
            warn("waiting; use it with `kubectl exec`. SIGTERM ends it.\n");
            signals.forever().next();
            Exit::Pass
        }
        Err(error) => {
            warn(&format!(
                "error: cannot wait for signals\ncaused by: {error}\nhelp: run any other command that blocks\n"
            ));
            Exit::Usage
        }
    }
}
