//! Copies of requests: which part of them goes to a destination beside the one that responds.

use crate::diag::Span;
use crate::split::{Destination, Share};

/// A destination that gets copies of a part of the requests; what it responds is dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct MirroredShare {
    /// Who gets them.
    pub destination: Destination,
    /// The part of the requests.
    pub share: Share,
    /// Where it is declared.
    pub span: Span,
}

impl MirroredShare {
    /// So many millionths of the requests, which is how Envoy counts; `None` where that is none of them.
    #[must_use]
    pub fn new(destination: Destination, millionths: u32, span: Span) -> Option<Self> {
        let share = Share::new(u64::from(millionths.min(1_000_000)), 1_000_000);
        Some(Self {
            destination,
            share: share.filter(|share| !share.is_zero())?,
            span,
        })
    }
}
