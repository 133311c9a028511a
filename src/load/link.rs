//! An open connection, whatever will be spoken on it.

use std::rc::Rc;

use super::socket::Stream;
use crate::observe::Setup;

/// An open connection.
pub(super) struct Link {
    pub(super) stream: Stream,
    /// Who is at the other end, as it is shown.
    pub(super) peer: Rc<str>,
    /// How long it took.
    pub(super) setup: Setup,
}
