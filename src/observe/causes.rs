//! What was said about failures of one kind: one example for each cause, a few causes for each kind.

use std::collections::BTreeMap;

use super::{Failure, FailureCause, FailureKind};

/// Causes of one kind that are told apart; those that come after are counted under their kind alone.
pub const MOST_CAUSES: usize = 8;

/// How many requests failed with which message, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(BTreeMap<FailureKind, BTreeMap<String, (Option<FailureCause>, u64)>>);

impl Causes {
    /// Counts so many failures like this one.
    pub fn add(&mut self, failure: &Failure, count: u64) {
        let known = self.0.entry(failure.kind).or_default();
        if let Some((_, sum)) = known.get_mut(&failure.message) {
            *sum += count;
        } else if known.len() < MOST_CAUSES {
            known.insert(failure.message.clone(), (failure.cause, count));
        }
    }

    /// The failures of a kind, and how many of each, the most frequent first.
    #[must_use]
    pub fn of(&self, kind: FailureKind) -> Vec<(Failure, u64)> {
        let known = self.0.get(&kind).into_iter().flatten();
        let mut known: Vec<(Failure, u64)> = known
            .map(|(message, (cause, count))| {
                let failure = Failure::new(kind, message.as_str()).with_cause(*cause);
                (failure, *count)
            })
            .collect();
        known.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        known
    }

    /// Adds what another thread, moment or run saw.
    pub fn merge(&mut self, other: &Self) {
        for kind in other.0.keys() {
            for (failure, count) in other.of(*kind) {
                self.add(&failure, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_counted_until_there_are_many() {
        let mut causes = Causes::default();
        let malformed = |number| Failure::new(FailureKind::Malformed, format!("cause {number:02}"));
        let refused = Failure::because(FailureCause::StreamRefused, "closed");
        for number in 0..20 {
            causes.add(&malformed(number), 1);
        }
        causes.add(&malformed(3), 4);
        causes.add(&refused, 2);
        let mut twice = causes.clone();
        twice.merge(&causes);
        for (seen, times) in [(&causes, 1), (&twice, 2)] {
            let several = seen.of(FailureKind::Malformed);
            assert_eq!(several.len(), MOST_CAUSES);
            assert_eq!(several[0], (malformed(3), 5 * times));
            assert_eq!(several[1], (malformed(0), times));
            assert_eq!(seen.of(FailureKind::Reset), [(refused.clone(), 2 * times)]);
            assert_eq!(seen.of(FailureKind::Dns), []);
        }
    }
}
