//! How a case ended, and why.

use super::actual::Actual;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that it asserts holds.
    Pass,
    /// Something does not.
    Fail,
    /// Nothing fails, and something that it asserts is not modelled.
    Skip,
    /// Requests were sent, and leave open whether it holds.
    Inconclusive,
    /// Requests were sent, and no response could be counted.
    NoData,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `rule`, `shares`, `rewrite`.
    pub what: String,
    /// What the case expects.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// How a case ended, and why.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What does not hold.
    pub differences: Vec<Difference>,
    /// What it asserts and nobody checked, with why.
    pub skipped: Vec<String>,
    /// What becomes of the request, where that can be told.
    pub actual: Option<Actual>,
}

impl Verdict {
    /// How the case ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.differences.is_empty(), self.skipped.is_empty()) {
            (false, _) => Outcome::Fail,
            (true, false) => Outcome::Skip,
            (true, true) => Outcome::Pass,
        }
    }

    /// Adds a difference unless something holds.
    pub(super) fn compare(&mut self, holds: bool, what: &str, expected: String, found: String) {
        if !holds {
            self.differences.push(Difference {
                what: what.to_owned(),
                expected,
                found,
            });
        }
    }
}
