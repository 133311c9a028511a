//! How often one way to read a value was tried, and how often it found one.

/// How often a `--bucket` was asked for a value, and found one. Those behind another one are asked where that finds none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consulted {
    /// Responses that it was asked about.
    pub asked: u64,
    /// Responses in which it found a value.
    pub found: u64,
}

impl Consulted {
    /// Adds the counts of the same `--bucket` from elsewhere.
    pub fn merge(&mut self, other: Self) {
        self.asked = self.asked.saturating_add(other.asked);
        self.found = self.found.saturating_add(other.found);
    }
}
