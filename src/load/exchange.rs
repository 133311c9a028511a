//! How an exchange ends, whatever the protocol. Not: how it is carried out.

use std::time::Instant;

use crate::observe::Failure;

/// An answer that came whole.
pub(super) struct Whole {
    /// The number of its bucket; a failure when what came cannot be read.
    pub(super) result: Result<usize, Failure>,
    /// When its first byte came.
    pub(super) first_byte: Instant,
    /// When its last byte came.
    pub(super) done: Instant,
}

/// An exchange without an answer.
#[derive(Debug)]
pub(super) struct Broken {
    /// How it is counted.
    pub(super) failure: Failure,
    /// Whether the server may have acted on it.
    pub(super) fate: Fate,
}

/// What the server may have made of a request that it did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The connection went away before its turn: nothing of it was written, or the server says that it looks at nothing so
    /// late.
    Untried,
    /// It has certainly not acted on it: it says that it refused it unread.
    Refused,
    /// It closed a connection that had carried requests before, and nothing of an answer came: most likely it closed the
    /// connection for being idle while the request was on its way (RFC 9112, 9.3.1).
    Crossed,
    /// It may have.
    Unknown,
}

impl Broken {
    /// The server may have acted on the request.
    pub(super) fn sent(failure: Failure) -> Self {
        Self {
            failure,
            fate: Fate::Unknown,
        }
    }

    /// The request and the end of its connection crossed, as far as can be told.
    pub(super) fn crossed(failure: Failure) -> Self {
        Self {
            failure,
            fate: Fate::Crossed,
        }
    }

    /// The connection went away before the request's turn.
    pub(super) fn untried(failure: Failure) -> Self {
        Self {
            failure,
            fate: Fate::Untried,
        }
    }

    /// The server refused the request unread.
    pub(super) fn refused(failure: Failure) -> Self {
        Self {
            failure,
            fate: Fate::Refused,
        }
    }

    /// Whether the request may be sent once more: a version that drops connections must not be drawn anew until it answers,
    /// so once, and only where nothing is done twice.
    pub(super) fn repeatable(&self, idempotent: bool) -> bool {
        match self.fate {
            Fate::Untried | Fate::Refused => true,
            Fate::Crossed => idempotent,
            Fate::Unknown => false,
        }
    }
}
