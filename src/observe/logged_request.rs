//! One request as a log has it: when it began, how long its parts took, and how it ended.

use std::time::Duration;

use super::{Outcome, Setup};

/// One request. Responses are counted under numbers of whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// Its place in the order of dispatch, from 0.
    pub sequence: u64,
    /// The connection it went over last, numbered within the run.
    pub connection: u32,
    /// When it was taken up, since the begin of the run.
    pub begun: Duration,
    /// How much later than intended that was; `None` where nothing was intended but to send when the last response had come.
    pub late: Option<Duration>,
    /// From there to its first send: opening a connection, or waiting for a stream; `None` where it was never sent.
    pub blocked: Option<Duration>,
    /// What it took to open the connection that was opened for it.
    pub setup: Option<Setup>,
    /// From the first send to the first byte of the response; `None` without one.
    pub first_byte: Option<Duration>,
    /// From when it was taken up to its end.
    pub took: Duration,
    /// Bytes of the body.
    pub bytes: u64,
    /// Whether it had to be sent again.
    pub resent: bool,
    /// How it ended.
    pub outcome: Outcome<usize>,
}

impl LoggedRequest {
    /// From the first send to the end: the service time of a response.
    #[must_use]
    pub fn service(&self) -> Duration {
        self.took.saturating_sub(self.blocked.unwrap_or_default())
    }

    /// From the intended start to the end, or from the send where none was intended.
    #[must_use]
    pub fn response(&self) -> Duration {
        self.late
            .map_or_else(|| self.service(), |late| late + self.took)
    }

    /// From the start of [`Self::response`] to the first byte of the response.
    #[must_use]
    pub fn time_to_first_byte(&self) -> Option<Duration> {
        let before = self.response().saturating_sub(self.service());
        self.first_byte.map(|first| before + first)
    }
}
