//! What weakens an answer about a request, and which requests that concerns.

use std::sync::Arc;

use super::matching::Held;
use super::{Condition, Probe};
use crate::diag::{Note, Severity};

/// Something true that weakens the answer: a field that is not judged, an assumption that was made. As an error it is why
/// the proxies do not have a destination: what is declared for it is never delivered.
pub type Caveat = Note<AppliesTo>;

/// The requests that a caveat concerns.
#[derive(Clone, Debug)]
pub enum AppliesTo {
    /// Those with this method.
    Method(&'static str),
    /// Those with this scheme.
    Scheme(&'static str),
    /// Those for which all conditions of one of these sets hold.
    Matching(Arc<[Vec<Condition>]>),
}

impl PartialEq for AppliesTo {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Method(one), Self::Method(other)) | (Self::Scheme(one), Self::Scheme(other)) => {
                one == other
            }
            // Regular expressions cannot be compared: only the same sets are equal.
            (Self::Matching(one), Self::Matching(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for AppliesTo {}

impl Caveat {
    /// Whether the caveat concerns a request.
    #[must_use]
    pub fn concerns(&self, probe: &Probe) -> bool {
        match &self.applies_to {
            Some(AppliesTo::Method(method)) => probe.method == *method,
            Some(AppliesTo::Scheme(scheme)) => probe.scheme.eq_ignore_ascii_case(scheme),
            Some(AppliesTo::Matching(sets)) => sets.iter().any(|set| {
                let holds = |one: &Condition| one.holds(probe) == Held::Yes;
                set.iter().all(holds)
            }),
            None => true,
        }
    }

    /// The same caveat, as the reason why the proxies do not have a destination.
    #[must_use]
    pub fn breaking(self) -> Self {
        self.graded(Severity::Error)
    }

    /// Whether it is why the proxies do not have a destination.
    #[must_use]
    pub fn breaks(&self) -> bool {
        self.severity == Severity::Error
    }
}
