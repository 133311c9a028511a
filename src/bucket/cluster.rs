//! Nothing of a response: the proxy's counters say who got the requests.

use std::borrow::Cow;

use super::{Extract, Reply};

/// `cluster`
#[derive(Debug)]
pub(super) struct Cluster;

impl Extract for Cluster {
    fn extract<'r>(&self, _reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        None
    }
}
