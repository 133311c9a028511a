//! The HTTP status.

use std::borrow::Cow;

use super::{Extract, Origin, Reply};

/// `status`
#[derive(Debug)]
pub(super) struct Status;

impl Extract for Status {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        Some(Cow::Owned(reply.status.to_string()))
    }

    /// Nothing: responses are told apart by their status anyway.
    fn source<'r>(&self, _reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        Some((Origin::Header, b""))
    }
}
