//! The course of a run in time: how many requests began, were answered and failed in each slice of it, and when the first and
//! the last response of a slice were complete. Slices get wider as the run gets longer, so that there are never too many.

use std::time::Duration;

/// The width of a slice at first, in microseconds.
const FINEST: u64 = 100_000;
/// Slices are twice as wide from the moment on in which there would be more of them: at 14 and at 27 minutes, and so on.
const MOST: u64 = 8192;

/// Requests by time, counted from the moment in which the run began. `merge` is associative and commutative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// In microseconds, [`FINEST`] times a power of two: the least that keeps `end` within [`MOST`] slices.
    width: u64,
    /// In the order of time; those in which nothing happened are left out.
    slices: Vec<Slice>,
    last_begun: u64,
    end: u64,
    /// When sending ended, where that is known; what was under way then was only waited for.
    sending: Option<u64>,
}

/// A slice of a [`Timeline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Its place: it begins after so many slices.
    pub at: u64,
    /// Requests that began in it; one that had to connect first began with that.
    pub begun: u64,
    /// When the first of them did, in microseconds from the beginning of the run; `None` without one.
    pub first_begun: Option<u64>,
    /// Responses that were complete in it.
    pub answered: u64,
    /// Requests that failed in it.
    pub failed: u64,
    /// When the first response and the last one were complete, in microseconds from the beginning of the run; `None` without
    /// one.
    pub responses: Option<(u64, u64)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            width: FINEST,
            slices: Vec::new(),
            last_begun: 0,
            end: 0,
            sending: None,
        }
    }
}

impl Slice {
    /// A slice in which nothing has happened yet.
    #[must_use]
    pub fn empty(at: u64) -> Self {
        Self {
            at,
            begun: 0,
            first_begun: None,
            answered: 0,
            failed: 0,
            responses: None,
        }
    }

    fn add(&mut self, other: &Self) {
        self.begun = self.begun.saturating_add(other.begun);
        self.first_begun = match (self.first_begun, other.first_begun) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        self.answered = self.answered.saturating_add(other.answered);
        self.failed = self.failed.saturating_add(other.failed);
        self.responses = match (self.responses, other.responses) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (own, other) => own.or(other),
        };
    }
}

impl Timeline {
    /// A timeline from its parts, in any order; `None` where slices lie beyond its end.
    #[must_use]
    pub fn of(width: u64, slices: Vec<Slice>, last_begun: u64, end: u64) -> Option<Self> {
        let mut own = Self {
            width: FINEST,
            slices: Vec::new(),
            last_begun,
            end,
            sending: None,
        };
        own.reach(end);
        if own.width != width || last_begun > end {
            return None;
        }
        for slice in slices {
            let within = |at: u64| at / width == slice.at && at <= end;
            let responses = slice
                .responses
                .is_none_or(|(first, last)| first <= last && within(first) && within(last));
            let agrees = slice.responses.is_some() == (slice.answered > 0)
                && slice.first_begun.is_some() == (slice.begun > 0);
            let inside = slice.at <= end / width && slice.first_begun.is_none_or(within);
            if !(inside && responses && agrees) {
                return None;
            }
            own.slice(slice.at).add(&slice);
        }
        Some(own)
    }

    /// Counts a request that has ended.
    pub fn record(&mut self, begun: Duration, ended: Duration, answered: bool) {
        let (begun, ended) = (micros(begun), micros(ended.max(begun)));
        self.reach(ended);
        self.last_begun = self.last_begun.max(begun);
        let width = self.width;
        let slice = self.slice(begun / width);
        slice.begun += 1;
        slice.first_begun = Some(slice.first_begun.map_or(begun, |first| first.min(begun)));
        let slice = self.slice(ended / width);
        if answered {
            slice.answered += 1;
            let (first, last) = slice.responses.unwrap_or((ended, ended));
            slice.responses = Some((first.min(ended), last.max(ended)));
        } else {
            slice.failed += 1;
        }
    }

    /// Adds what another thread or moment of the same run saw.
    pub fn merge(&mut self, other: &Self) {
        self.reach(other.end);
        self.last_begun = self.last_begun.max(other.last_begun);
        self.sending = self.sending.max(other.sending);
        // Widths differ by a power of two, and this one is not the finer one: it reaches at least as far.
        let wider = self.width / other.width;
        for slice in &other.slices {
            self.slice(slice.at / wider).add(slice);
        }
    }

    /// How wide a slice is, in microseconds.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.width
    }

    /// The slices in which something happened, in the order of time.
    #[must_use]
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// When the last request began, in microseconds from the beginning of the run.
    #[must_use]
    pub fn last_begun(&self) -> u64 {
        self.last_begun
    }

    /// When the last request ended, in microseconds from the beginning of the run.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Says when sending ended, counted from the beginning of the run.
    pub fn sending_ended(&mut self, at: Duration) {
        self.sending = Some(micros(at));
    }

    /// When sending ended, in microseconds from the beginning of the run, where that is known.
    #[must_use]
    pub fn sending(&self) -> Option<u64> {
        self.sending
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Requests that began, were answered and failed; `None` where there are more than can be counted.
    #[must_use]
    pub fn counts(&self) -> Option<[u64; 3]> {
        self.slices
            .iter()
            .try_fold([0_u64; 3], |[begun, answered, failed], slice| {
                Some([
                    begun.checked_add(slice.begun)?,
                    answered.checked_add(slice.answered)?,
                    failed.checked_add(slice.failed)?,
                ])
            })
    }

    /// Makes slices as wide as it takes to get that far.
    fn reach(&mut self, end: u64) {
        self.end = self.end.max(end);
        while self.end / self.width >= MOST {
            self.width *= 2;
            let fine = std::mem::take(&mut self.slices);
            for slice in &fine {
                self.slice(slice.at / 2).add(slice);
            }
        }
    }

    /// The slice at this place, which is nearly always the last one or close to it.
    fn slice(&mut self, at: u64) -> &mut Slice {
        let place = match self.slices.last() {
            Some(last) if last.at == at => Ok(self.slices.len() - 1),
            _ => self.slices.binary_search_by_key(&at, |slice| slice.at),
        };
        let place = place.unwrap_or_else(|place| {
            self.slices.insert(place, Slice::empty(at));
            place
        });
        let slice = &mut self.slices[place];
        slice.at = at;
        slice
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Requests of a day: when they began, how long they took, whether they were answered.
    fn requests() -> impl Strategy<Value = Vec<(u64, u64, bool)>> {
        let begun = prop_oneof![0_u64..5_000_000, 0_u64..86_400_000_000];
        prop::collection::vec((begun, 0_u64..90_000_000, any::<bool>()), 0..40)
    }

    fn timeline(requests: &[(u64, u64, bool)]) -> Timeline {
        let mut own = Timeline::default();
        for (begun, took, answered) in requests {
            let time = Duration::from_micros;
            own.record(time(*begun), time(begun + took), *answered);
        }
        own
    }

    fn merged(parts: &[&Timeline]) -> Timeline {
        let mut sum = Timeline::default();
        for part in parts {
            sum.merge(part);
        }
        sum
    }

    proptest! {
        #[test]
        fn merge_is_associative_commutative_and_the_same_as_counting_at_once(a in requests(), b in requests(), c in requests()) {
            let [one, two, three] = [&a, &b, &c].map(|part| timeline(part));
            let all = timeline(&[a, b, c].concat());
            prop_assert_eq!(&merged(&[&one, &two, &three]), &all);
            prop_assert_eq!(&merged(&[&three, &merged(&[&two, &one])]), &all);
            prop_assert_eq!(&merged(&[&merged(&[&one, &three]), &two]), &all);
        }

        #[test]
        fn every_request_begins_and_ends_in_one_of_few_slices(requests in requests()) {
            let own = timeline(&requests);
            let sum = |of: fn(&Slice) -> u64| own.slices().iter().map(of).sum::<u64>();
            prop_assert_eq!(sum(|slice| slice.begun), requests.len() as u64);
            prop_assert_eq!(sum(|slice| slice.answered + slice.failed), requests.len() as u64);
            prop_assert!(own.slices().windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert!(own.end() / own.width() < MOST);
            // No wider than it has to be.
            prop_assert!(own.width() == FINEST || own.end() / (own.width() / 2) >= MOST);
        }

        #[test]
        fn its_parts_make_it_again(requests in requests()) {
            let own = timeline(&requests);
            let parts = own.slices().iter().rev().copied().collect();
            prop_assert_eq!(Timeline::of(own.width(), parts, own.last_begun(), own.end()), Some(own));
        }
    }

    #[test]
    fn the_first_and_the_last_response_of_a_slice_are_exact() {
        let own = timeline(&[
            (0, 130_000, true),
            (0, 170_000, true),
            (120_000, 10_000, false),
        ]);
        let slices: Vec<_> = own
            .slices()
            .iter()
            .map(|s| (s.at, s.begun, s.responses))
            .collect();
        assert_eq!(slices, [(0, 2, None), (1, 1, Some((130_000, 170_000)))]);
        assert_eq!(
            (own.slices()[1].failed, own.last_begun(), own.end()),
            (1, 120_000, 170_000)
        );
    }

    #[test]
    fn parts_that_contradict_each_other_are_refused() {
        let slice = |at, answered, responses| Slice {
            answered,
            responses,
            ..Slice::empty(at)
        };
        for (width, slices, last_begun, end) in [
            (50_000, vec![], 0, 0),
            (200_000, vec![], 0, 0),
            (100_000, vec![], 5, 4),
            (100_000, vec![slice(1, 0, None)], 0, 0),
            (100_000, vec![slice(0, 1, None)], 0, 90),
            (100_000, vec![slice(0, 1, Some((90, 80)))], 0, 90),
            (100_000, vec![slice(0, 1, Some((90, 100_000)))], 0, 100_000),
            (100_000, vec![slice(0, 1, Some((80, 90)))], 0, 85),
            (
                100_000,
                vec![Slice {
                    begun: 1,
                    ..Slice::empty(0)
                }],
                0,
                85,
            ),
        ] {
            assert_eq!(
                Timeline::of(width, slices.clone(), last_begun, end),
                None,
                "{slices:?}"
            );
        }
    }
}
