//! How one exchange ends, whatever the protocol, and whether its request is sent once more.
//!
//! A version that drops connections must not be drawn anew until it answers. So a request is sent again only where the
//! server has certainly not acted on it, or where an idempotent one crossed the close of a kept connection on its way.

use std::time::{Duration, Instant};

use crate::observe::Failure;

/// A close that comes no later than this after the send may have crossed the request, however fast the network is.
pub(super) const SHORTEST_RACE: Duration = Duration::from_millis(50);
/// How often a request may be refused before that counts: a server that ends idle connections can meet it several times in a
/// row, one that refuses everything would be asked for ever.
const MOST_REFUSALS: u32 = 4;

/// A complete response.
pub(super) struct Completed {
    /// The number of its bucket; a failure when what came cannot be read.
    pub(super) result: Result<usize, Failure>,
    /// Bytes of its body as they came: transfer coding removed, content coding kept.
    pub(super) bytes: u64,
    /// When its first byte came.
    pub(super) first_byte: Instant,
    /// When its last byte came.
    pub(super) done: Instant,
}

/// An exchange without a response.
#[derive(Debug)]
pub(super) struct ExchangeError {
    /// How it is counted.
    pub(super) failure: Failure,
    /// Whether the server may have acted on the request.
    pub(super) delivery: Delivery,
}

/// What became of a request that has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Nothing of it was written, or GOAWAY names a lower stream; the connection has answered others.
    NotSent,
    /// The server says that it has not looked at it: `REFUSED_STREAM`, or a GOAWAY before anything was answered.
    Refused,
    /// A kept connection ended, and nothing of a response had come: the server may have closed it for being idle while the
    /// request was on its way (RFC 9112, 9.3.1).
    IdleCloseRace,
    /// The server may have acted on it.
    Unknown,
}

/// What the rule looks at besides the delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// Whether doing it twice does no harm (RFC 9110, 9.2.2).
    pub(super) idempotent: bool,
    /// How often it was sent again before.
    pub(super) again: u32,
    /// From the send to the end of the connection, less the time for which this thread had no processor to notice it.
    pub(super) waited: Duration,
    /// How long a close may be on its way: see [`SHORTEST_RACE`].
    pub(super) race: Duration,
}

impl ExchangeError {
    pub(super) fn new(failure: Failure, delivery: Delivery) -> Self {
        Self { failure, delivery }
    }
}

impl Delivery {
    /// Whether the request is sent once more.
    pub(super) fn resend(self, circumstances: Circumstances) -> bool {
        let Circumstances {
            idempotent,
            again,
            waited,
            race,
        } = circumstances;
        match self {
            // Each further connection answers somebody at least, so that everybody has a turn in the end.
            Self::NotSent => true,
            Self::Refused => again < MOST_REFUSALS,
            Self::IdleCloseRace => idempotent && again == 0 && waited <= race.max(SHORTEST_RACE),
            Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LATE: Duration = Duration::from_millis(51);

    fn resent(delivery: Delivery, idempotent: bool, waited: Duration, race: Duration) -> bool {
        delivery.resend(Circumstances {
            idempotent,
            again: 0,
            waited,
            race,
        })
    }

    #[test]
    fn only_what_crossed_a_close_on_its_way_or_was_not_acted_on_is_sent_again() {
        let near = Duration::ZERO;
        assert!(resent(Delivery::IdleCloseRace, true, SOON, near));
        assert!(!resent(Delivery::IdleCloseRace, true, LATE, near));
        assert!(!resent(Delivery::IdleCloseRace, false, SOON, near));
        // A close takes as long as a connection over the same network.
        assert!(resent(Delivery::IdleCloseRace, true, LATE, LATE));
        for waited in [near, LATE, 100 * LATE] {
            assert!(resent(Delivery::NotSent, false, waited, near));
            assert!(resent(Delivery::Refused, false, waited, near));
            assert!(!resent(Delivery::Unknown, true, waited, near));
        }
    }

    #[test]
    fn nothing_that_may_have_arrived_is_sent_a_third_time_and_refusals_end() {
        let after = |again| Circumstances {
            idempotent: true,
            again,
            waited: Duration::ZERO,
            race: SOON,
        };
        assert!(!Delivery::IdleCloseRace.resend(after(1)));
        assert!(Delivery::Refused.resend(after(MOST_REFUSALS - 1)));
        assert!(!Delivery::Refused.resend(after(MOST_REFUSALS)));
        assert!(Delivery::NotSent.resend(after(MOST_REFUSALS)));
    }
}
