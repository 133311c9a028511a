//! What a watch tells: that something has changed, and the numbers that say so.

use super::history::Counts;
use crate::stats::interval::Interval;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No response has named a target yet.
    NoData,
    /// Nothing speaks against the split.
    Ok,
    /// So many requests have no response that names a target that more cannot be said.
    Failing,
    /// The split is another one.
    Diverged,
    /// Nobody is there.
    Unreachable,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::NoData,
        Self::Ok,
        Self::Failing,
        Self::Diverged,
        Self::Unreachable,
    ];

    /// As events and metrics name it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NoData => "no-data",
            Self::Ok => "ok",
            Self::Failing => "failing",
            Self::Diverged => "diverged",
            Self::Unreachable => "unreachable",
        }
    }
}

/// A target with a share, and what was seen of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenShare {
    /// Its name.
    pub target: String,
    /// The share that it should get.
    pub declared: f64,
    /// Its responses.
    pub count: u64,
    /// Their part of all that name a target; `None` without any.
    pub share: Option<f64>,
    /// Where the true share lies.
    pub interval: Interval,
    /// Whether the declared share lies outside of it.
    pub is_off: bool,
}

/// What was seen since a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// When the first of the requests ended, in seconds since the watch began.
    pub since: u64,
    /// How the requests ended.
    pub counts: Counts,
    /// The shares.
    pub shares: Vec<SeenShare>,
}

/// Evidence, and what it takes. The unit is requests: without a change it takes so many for one alarm, on average at least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The e-value.
    pub value: f64,
    /// What it takes.
    pub threshold: f64,
}

/// Why a split is another one.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// The share of this target is another one.
    Share(String),
    /// A response came from where none may come from: what it is counted as.
    Undeclared(String),
}

/// A change.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The split is another one.
    Diverged {
        /// Why.
        cause: Cause,
        /// What was seen since the change.
        period: Period,
        /// The evidence.
        evidence: Evidence,
    },
    /// It is the declared one again.
    Recovered {
        /// What was seen since the change.
        period: Period,
        /// The evidence.
        evidence: Evidence,
    },
    /// More requests than may be have no response that names a target.
    Failing {
        /// The part that may be.
        most: f64,
        /// What was seen since the change.
        period: Period,
        /// The evidence.
        evidence: Evidence,
        /// What came of the last of them.
        last: String,
    },
    /// They have one again.
    Responding {
        /// The part that may be.
        most: f64,
        /// What was seen since the change.
        period: Period,
        /// The evidence.
        evidence: Evidence,
    },
    /// Nobody is there.
    Unreachable {
        /// What came of the requests in a row without a response that names a target.
        counts: Counts,
        /// What came of the last of them.
        last: String,
    },
    /// Somebody is there again.
    Reachable {
        /// What came of the requests of the outage without such a response.
        counts: Counts,
        /// Responses in a row that ended it.
        in_a_row: u64,
        /// How the split stood before, and stands until there is other evidence.
        state: State,
    },
}
