//! What a declaration asks for and no proxy can deliver.

use serde::{Deserialize, Serialize};

use super::{Destination, Share};
use crate::diag::Note;

/// The destinations of a declaration that do not exist for the proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undeliverable {
    /// Each of them with its share of the requests, which is not zero.
    pub destinations: Vec<(Destination, Share)>,
    /// Why they do not exist.
    pub reasons: Vec<Note>,
}
