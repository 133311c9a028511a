//! A gate before servers of a test: it lets a number of requests pass and holds all others until it is opened, so that what a
//! test does in between happens between two requests, and not at some time.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// The header of requests that no gate holds.
pub(crate) const PAST: &str = "x-past-the-gate";

/// Servers that share it share the number.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    /// Lets so many requests pass.
    pub(crate) fn after(requests: usize) -> Self {
        Self(Arc::new(Semaphore::new(requests)))
    }

    /// Lets everybody pass from now on.
    pub(crate) fn open(&self) {
        self.0.close();
    }

    /// Waits for one's place.
    pub(crate) async fn pass(&self) {
        // Where it is open there are no places any more.
        if let Ok(place) = self.0.acquire().await {
            place.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::http::get;
    use crate::support::mesh::Mesh;
    use crate::support::wait::wait_until;

    #[test]
    fn what_is_held_is_answered_when_the_gate_opens() {
        let gate = Gate::after(2);
        let mesh = Mesh::split([("v1", 1)]).behind(&gate).start();
        let addr = mesh.addr();
        for _ in 0..2 {
            get(addr, "/").unwrap();
        }
        let held = std::thread::spawn(move || get(addr, "/").map(|answer| answer.body));
        wait_until("the third request has come", || mesh.served() == 3);
        assert!(!held.is_finished());
        gate.open();
        assert_eq!(held.join().unwrap().unwrap(), "v1\n");
        get(addr, "/").unwrap();
    }
}
