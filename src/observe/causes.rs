//! What was said about failures of one kind: one example for each cause, a few causes for each kind.

use std::collections::BTreeMap;

use super::FailureKind;

/// Causes of one kind that are told apart; those that come after are counted under their kind alone.
pub const MOST_CAUSES: usize = 8;

/// How many requests failed with which message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(BTreeMap<FailureKind, BTreeMap<String, u64>>);

impl Causes {
    /// Counts failures that said this.
    pub fn add(&mut self, kind: FailureKind, message: &str, count: u64) {
        let known = self.0.entry(kind).or_default();
        if let Some(sum) = known.get_mut(message) {
            *sum += count;
        } else if known.len() < MOST_CAUSES {
            known.insert(message.to_owned(), count);
        }
    }

    /// The messages of a kind, the most frequent first.
    #[must_use]
    pub fn of(&self, kind: FailureKind) -> Vec<(&str, u64)> {
        let known = self.0.get(&kind).into_iter().flatten();
        let mut known: Vec<(&str, u64)> = known
            .map(|(message, count)| (message.as_str(), *count))
            .collect();
        known.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        known
    }

    /// Adds what another thread, moment or run saw.
    pub fn merge(&mut self, other: &Self) {
        for (kind, messages) in &other.0 {
            for (message, count) in messages {
                self.add(*kind, message, *count);
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
        for number in 0..20 {
            causes.add(FailureKind::Malformed, &format!("cause {number:02}"), 1);
        }
        causes.add(FailureKind::Malformed, "cause 03", 4);
        causes.add(FailureKind::Reset, "closed", 2);
        let mut twice = causes.clone();
        twice.merge(&causes);
        for (seen, times) in [(&causes, 1), (&twice, 2)] {
            let malformed = seen.of(FailureKind::Malformed);
            assert_eq!(malformed.len(), MOST_CAUSES);
            assert_eq!(malformed[0], ("cause 03", 5 * times));
            assert_eq!(malformed[1], ("cause 00", times));
            assert_eq!(seen.of(FailureKind::Reset), [("closed", 2 * times)]);
            assert_eq!(seen.of(FailureKind::Dns), []);
        }
    }
}
