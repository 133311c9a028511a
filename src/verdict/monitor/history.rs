//! The last requests of a watch, in the order of dispatch: enough to say what was seen since a change.

use std::collections::{BTreeMap, VecDeque};

use crate::observe::FailureKind;

/// Requests that are remembered: at one a second those of 18 hours.
pub const REMEMBERED: usize = 65_536;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// At the target at this position among those with a share.
    Target(u16),
    /// With a response from where none may come from.
    Undeclared,
    /// With an error or a redirect that names no target.
    Error,
    /// With any other response that names no target.
    Unidentified,
    /// Without a response, for such a reason.
    Failed(FailureKind),
}

/// How requests ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The responses of each target with a share.
    pub targets: Vec<u64>,
    /// Responses from where none may come from.
    pub undeclared: u64,
    /// Errors and redirects that name no target.
    pub errors: u64,
    /// Other responses that name no target.
    pub unidentified: u64,
    /// Requests without a response, by why.
    pub failures: BTreeMap<FailureKind, u64>,
}

impl Counts {
    /// Nothing yet, of so many targets.
    pub(super) fn new(targets: usize) -> Self {
        Self {
            targets: vec![0; targets],
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, ended: Ended) {
        match ended {
            Ended::Target(target) => self.targets[usize::from(target)] += 1,
            Ended::Undeclared => self.undeclared += 1,
            Ended::Error => self.errors += 1,
            Ended::Unidentified => self.unidentified += 1,
            Ended::Failed(kind) => *self.failures.entry(kind).or_default() += 1,
        }
    }

    /// Responses whose target is known.
    #[must_use]
    pub fn attributed(&self) -> u64 {
        self.targets.iter().sum()
    }

    /// Requests without a response.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Requests of which nobody knows the target.
    #[must_use]
    pub fn unattributed(&self) -> u64 {
        self.errors + self.unidentified + self.failed()
    }

    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.attributed() + self.undeclared + self.unattributed()
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
struct Entry {
    ended: Ended,
    /// When, in seconds since the watch began.
    at: u32,
}

/// The last [`REMEMBERED`] requests.
#[derive(Clone, Debug)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    /// The number of the first of them.
    first: u64,
    targets: usize,
}

impl History {
    pub(super) fn new(targets: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            targets,
        }
    }

    /// Adds a request, and returns its number.
    pub(super) fn push(&mut self, ended: Ended, at: u64) -> u64 {
        if self.entries.len() == REMEMBERED {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(Entry {
            ended,
            at: u32::try_from(at).unwrap_or(u32::MAX),
        });
        self.first + self.entries.len() as u64 - 1
    }

    /// Forgets all, but goes on counting.
    pub(super) fn restart(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
    }

    /// How the requests from this number on ended, as far as they are remembered, and when the first of them did.
    pub(super) fn since(&self, number: u64) -> (Counts, Option<u64>) {
        let skipped = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let mut counts = Counts::new(self.targets);
        let mut entries = self.entries.iter().skip(skipped).peekable();
        let at = entries.peek().map(|entry| entry.at.into());
        entries.for_each(|entry| counts.add(entry.ended));
        (counts, at)
    }
}
