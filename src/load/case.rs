//! The kinds of requests that share the connections of a run, and which of them is sent next.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::request::Prepared;
use crate::bucket::Bucketer;
use crate::plan::{LoadPlan, RequestTemplate, VariedRequest};

/// Requests of one kind that a worker sends one after the other: the least that shows whether connections stick to a target.
const STREAK: u32 = 2;

/// One kind of request, and how its responses are counted.
#[derive(Debug)]
pub struct LoadCase {
    /// What every request of it says.
    pub request: RequestTemplate,
    /// What its responses are counted under.
    pub bucketer: Bucketer,
    /// Requests of it, at most.
    pub most: u64,
}

/// A kind of request while it is sent.
pub(super) struct Case {
    pub(super) prepared: Prepared,
    pub(super) idempotent: bool,
    pub(super) bucketer: Bucketer,
    most: u64,
    /// The sequence number of the next request.
    next: AtomicU64,
    stopped: AtomicBool,
}

impl Case {
    pub(super) fn new(plan: &LoadPlan, case: LoadCase) -> Self {
        Self {
            prepared: Prepared::new(plan, &case.request),
            idempotent: case.request.method.is_idempotent(),
            bucketer: case.bucketer,
            most: case.most,
            next: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Takes the right to send one more.
    pub(super) fn take(&self) -> Option<u64> {
        if self.is_stopped() {
            return None;
        }
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|sequence| *sequence < self.most)
    }

    /// Nothing more of it is sent.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was stopped.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether nothing more of it is sent.
    pub(super) fn over(&self) -> bool {
        self.is_stopped() || self.next.load(Ordering::Relaxed) >= self.most
    }
}

/// A request that says something else than the others of its kind.
pub(super) struct OwnRequest {
    pub(super) prepared: Prepared,
    pub(super) idempotent: bool,
    /// What is logged in the place of the connection.
    pub(super) key: Option<u32>,
}

impl OwnRequest {
    pub(super) fn new(plan: &LoadPlan, varied: &VariedRequest) -> Self {
        Self {
            prepared: Prepared::new(plan, &varied.request),
            idempotent: varied.request.method.is_idempotent(),
            key: varied.key,
        }
    }
}

/// What a worker sends: a few requests of one kind, then a few of the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Streak {
    case: usize,
    left: u32,
}

impl Streak {
    /// The kind and the sequence number of the next request; none where nothing more is sent. `turn` goes round over all workers.
    pub(super) fn next(&mut self, cases: &[Case], turn: &AtomicU64) -> Option<(usize, u64)> {
        if let [only] = cases {
            return only.take().map(|sequence| (0, sequence));
        }
        let mut left = STREAK - 1;
        if self.left > 0 {
            self.left -= 1;
            if let Some(sequence) = cases[self.case].take() {
                return Some((self.case, sequence));
            }
            // The place beside the last one of a kind is another kind's, so that those after it go together.
            left = self.left;
        }
        let from = turn.fetch_add(1, Ordering::Relaxed) % cases.len() as u64;
        let from = usize::try_from(from).unwrap_or(0);
        let mut order = (from..cases.len()).chain(0..from);
        order.find_map(|case| {
            let open = &cases[case];
            let sequence = if open.over() { None } else { open.take() }?;
            *self = Self { case, left };
            Some((case, sequence))
        })
    }
}
