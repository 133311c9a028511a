//! The HTTP status.

use std::borrow::Cow;

use super::{Extract, Reply};

/// `status`
#[derive(Debug)]
pub(super) struct Status;

impl Extract for Status {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        Some(Cow::Owned(reply.status.to_string()))
    }
}
