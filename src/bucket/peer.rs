//! The address that answered.

use std::borrow::Cow;

use super::{Extract, Reply};

/// `peer`
#[derive(Debug)]
pub(super) struct Peer;

impl Extract for Peer {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        Some(Cow::Borrowed(reply.peer))
    }
}
