//! A count of which nobody knows exactly how much is a target's.

use crate::stats::rate::Errors;

/// A count of one target: what is certainly its, and what may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Only what is known to be its.
    pub(super) least: Errors,
    /// With everything that may be.
    pub(super) most: Errors,
}

impl Range {
    /// Errors: an error that becomes a target's is one more of its requests too.
    pub(super) fn errors(own: Errors, nobodys: u64) -> Self {
        let most = Errors {
            errors: own.errors + nobodys,
            n: own.n + nobodys,
        };
        Self { least: own, most }
    }

    /// A share of the responses: whose they are changes nothing about how many there are.
    pub(super) fn share(own: u64, all: u64, nobodys: u64) -> Self {
        let of = |errors| Errors { errors, n: all };
        Self {
            least: of(own),
            most: of(own + nobodys),
        }
    }

    /// How many may be the target's or not.
    pub(super) fn nobodys(self) -> u64 {
        self.most.errors - self.least.errors
    }

    /// The side that decides whether an objective holds, then the one that decides whether it fails; `below` when the count
    /// is to stay low.
    pub(super) fn sides(self, below: bool) -> (Errors, Errors) {
        if below {
            (self.most, self.least)
        } else {
            (self.least, self.most)
        }
    }

    /// The highest rate that is possible, where that is not known exactly.
    pub(super) fn highest(self) -> Option<f64> {
        (self.nobodys() > 0).then(|| self.most.errors as f64 / self.most.n.max(1) as f64)
    }
}

/// What nobody can be blamed for, or tied to, and may be a target's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Nobodys {
    /// Responses with an error, and requests without a response.
    pub(super) errors: u64,
    /// Responses, whatever their status.
    pub(super) responses: u64,
}
