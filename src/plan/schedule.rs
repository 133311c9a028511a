//! When the requests of an open loop start: a pure function of the rate, the seed and the number of the request.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Spacing, Stop, Warmup};
use crate::units::Rate;

/// The start of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// From the beginning of the run, warm-up included.
    pub offset: Duration,
    /// Its place in the order of starts, from 0; `None` in the warm-up.
    pub sequence: Option<u64>,
}

/// The slots of one thread, in order: those whose number is its own modulo the number of threads.
///
/// Every thread walks through the whole schedule and keeps its own: a slot costs a few nanoseconds, and no thread has to
/// ask another.
#[derive(Clone, Debug)]
pub struct Slots {
    rate: Rate,
    spacing: Spacing,
    warmup: Warmup,
    stop: Stop,
    /// This thread, and how many there are.
    shard: (u64, u64),
    rng: Xoshiro256PlusPlus,
    /// The number of the next slot of all threads, warm-up included.
    number: u64,
    /// For exponential gaps: their sum so far, in mean gaps.
    gaps: f64,
    /// The first that counts: its number and its offset.
    begin: Option<(u64, Duration)>,
    next: Option<Slot>,
}

impl Slots {
    /// The slots of the thread `shard.0` of `shard.1`.
    pub(super) fn new(
        rate: Rate,
        spacing: Spacing,
        seed: u64,
        (warmup, stop): (Warmup, Stop),
        shard: (u32, u32),
    ) -> Self {
        let mut slots = Self {
            rate,
            spacing,
            warmup,
            stop,
            shard: (shard.0.into(), shard.1.into()),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            number: 0,
            gaps: 0.0,
            begin: None,
            next: None,
        };
        slots.next = slots.own();
        slots
    }

    /// The next slot; `None` when there are no more.
    #[must_use]
    pub fn peek(&self) -> Option<Slot> {
        self.next
    }

    /// From the beginning of the run to what counts, as far as that is known.
    #[must_use]
    pub fn begin(&self) -> Option<Duration> {
        match (self.warmup, self.begin) {
            (_, Some((_, begin))) => Some(begin),
            (Warmup::None, None) => Some(Duration::ZERO),
            (Warmup::Elapsed(warmup), None) => Some(warmup),
            (Warmup::Requests(_), None) => None,
        }
    }

    /// How many of the slots that count are left before this offset, or altogether.
    #[must_use]
    pub fn left(&self, until: Option<Duration>) -> u64 {
        if self.next.is_none() {
            return 0;
        }
        match self.spacing {
            Spacing::Constant => self.left_of_constant(until),
            Spacing::Poisson => {
                let due = |slot: &Slot| until.is_none_or(|until| slot.offset < until);
                let slots = self.clone().take_while(due);
                slots.filter(|slot| slot.sequence.is_some()).count() as u64
            }
        }
    }

    /// By arithmetic: a rate may be so high that nobody has the time to count.
    fn left_of_constant(&self, until: Option<Duration>) -> u64 {
        let (index, of) = self.shard;
        let (first, begin) = match self.warmup {
            Warmup::None => (0, Duration::ZERO),
            Warmup::Requests(n) => (n, self.rate.offset(n)),
            Warmup::Elapsed(warmup) => (self.rate.before(warmup), warmup),
        };
        let last = match self.stop {
            Stop::Requests(n) => first.saturating_add(n),
            Stop::Elapsed(duration) => self.rate.before(begin.saturating_add(duration)),
        };
        let last = until.map_or(last, |until| last.min(self.rate.before(until)));
        // Numbers below `end` that are this thread's.
        let own = |end: u64| (end + of - 1).saturating_sub(index) / of;
        // The next slot has been taken from the schedule, but not by anybody.
        let next = self.number - 1;
        own(last).saturating_sub(own(first.max(next)))
    }

    fn own(&mut self) -> Option<Slot> {
        let (index, of) = self.shard;
        loop {
            let mine = self.number % of == index;
            let slot = self.any()?;
            if mine {
                return Some(slot);
            }
        }
    }

    /// The next slot of all threads.
    fn any(&mut self) -> Option<Slot> {
        let number = self.number;
        let offset = match self.spacing {
            Spacing::Constant => self.rate.offset(number),
            Spacing::Poisson => {
                if number > 0 {
                    // 1 - u lies in (0, 1], whose logarithm is finite.
                    self.gaps -= (1.0 - self.rng.random::<f64>()).ln();
                }
                Duration::try_from_secs_f64(self.gaps / self.rate.per_second())
                    .unwrap_or(Duration::MAX)
            }
        };
        let warming = match self.warmup {
            Warmup::None => false,
            Warmup::Requests(n) => number < n,
            Warmup::Elapsed(warmup) => offset < warmup,
        };
        self.number += 1;
        if warming {
            let slot = Slot {
                offset,
                sequence: None,
            };
            return Some(slot);
        }
        let begins = match self.warmup {
            Warmup::Elapsed(warmup) => warmup,
            Warmup::Requests(n) if n > 0 => offset,
            _ => Duration::ZERO,
        };
        let (first, begin) = *self.begin.get_or_insert((number, begins));
        let sequence = number - first;
        let within = match self.stop {
            Stop::Requests(n) => sequence < n,
            Stop::Elapsed(duration) => offset.saturating_sub(begin) < duration,
        };
        within.then_some(Slot {
            offset,
            sequence: Some(sequence),
        })
    }
}

impl Iterator for Slots {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        let slot = self.next?;
        self.next = self.own();
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slots(rate: f64, spacing: Spacing, phases: (Warmup, Stop), shard: (u32, u32)) -> Vec<Slot> {
        let rate = Rate::new(rate).expect("a rate");
        Slots::new(rate, spacing, 7, phases, shard).collect()
    }

    const SPACINGS: [Spacing; 2] = [Spacing::Constant, Spacing::Poisson];

    #[test]
    fn a_constant_rate_does_not_drift() {
        // 3 a second is no whole number of nanoseconds: after an hour of gaps of 333,333,333 ns it would be 3.6 us early.
        let all = slots(
            3.0,
            Spacing::Constant,
            (Warmup::None, Stop::Requests(10_801)),
            (0, 1),
        );
        assert_eq!(
            all.last().map(|slot| slot.offset),
            Some(Duration::from_secs(3600))
        );
    }

    #[test]
    fn a_duration_holds_as_many_starts_as_the_rate_says() {
        let stop = Stop::Elapsed(Duration::from_secs(10));
        let all = slots(250.0, Spacing::Constant, (Warmup::None, stop), (0, 1));
        assert_eq!(all.len(), 2500);
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let all = slots(
            1000.0,
            Spacing::Poisson,
            (Warmup::None, Stop::Requests(100_001)),
            (0, 1),
        );
        let gaps: Vec<f64> = all
            .windows(2)
            .map(|pair| (pair[1].offset.as_secs_f64() - pair[0].offset.as_secs_f64()) * 1000.0)
            .collect();
        let n = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / n;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
        let beyond_two = gaps.iter().filter(|gap| **gap > 2.0).count() as f64 / n;
        // Five standard errors: 1/sqrt(n) of the mean, sqrt(8/n) of the variance, and the binomial one.
        assert!((mean - 1.0).abs() < 0.016, "{mean}");
        assert!((variance - 1.0).abs() < 0.045, "{variance}");
        assert!(
            (beyond_two - (-2.0_f64).exp()).abs() < 0.0055,
            "{beyond_two}"
        );
    }

    #[test]
    fn a_warm_up_comes_first_and_does_not_count() {
        let stop = Stop::Requests(4);
        let all = slots(10.0, Spacing::Constant, (Warmup::Requests(2), stop), (0, 1));
        let counted: Vec<Option<u64>> = all.iter().map(|slot| slot.sequence).collect();
        assert_eq!(counted, [None, None, Some(0), Some(1), Some(2), Some(3)]);
        let warmup = Warmup::Elapsed(Duration::from_millis(250));
        let all = slots(10.0, Spacing::Constant, (warmup, stop), (0, 1));
        assert_eq!(all.iter().filter(|slot| slot.sequence.is_none()).count(), 3);
        assert_eq!(all.len(), 7);
    }

    proptest! {
        #[test]
        fn the_threads_together_send_every_request_once(
            n in 1_u64..300,
            warm in 0_u64..50,
            threads in 1_u32..9,
            rate in 1_u32..100_000,
            spacing in 0_usize..2,
        ) {
            let phases = (Warmup::Requests(warm), Stop::Requests(n));
            let spacing = SPACINGS[spacing];
            let all = slots(rate.into(), spacing, phases, (0, 1));
            prop_assert_eq!(all.len() as u64, n + warm);
            prop_assert!(all.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
            let mut dealt: Vec<Slot> = (0..threads)
                .flat_map(|index| slots(rate.into(), spacing, phases, (index, threads)))
                .collect();
            dealt.sort_by_key(|slot| (slot.sequence, slot.offset));
            prop_assert_eq!(dealt, all);
        }

        #[test]
        fn what_is_left_is_what_would_still_come(
            taken in 0_usize..60,
            amount in 1_u64..200,
            warm in 0_u64..50,
            kinds in (0_usize..2, 0_usize..2, 0_usize..3),
            shard in (0_u32..4, 4_u32..6),
            until in prop::option::of(0_u64..4000),
        ) {
            let rate = Rate::new(97.0).expect("a rate");
            let millis = Duration::from_millis;
            let warmup = [Warmup::None, Warmup::Requests(warm), Warmup::Elapsed(millis(warm * 10))][kinds.2];
            let stop = [Stop::Requests(amount), Stop::Elapsed(millis(amount * 10))][kinds.1];
            let until = until.map(millis);
            let mut slots = Slots::new(rate, SPACINGS[kinds.0], 7, (warmup, stop), shard);
            slots.by_ref().take(taken).for_each(drop);
            let left = slots.left(until);
            let due = |slot: &Slot| slot.sequence.is_some() && until.is_none_or(|until| slot.offset < until);
            prop_assert_eq!(left, slots.filter(due).count() as u64);
        }

        #[test]
        fn a_slot_depends_on_nothing_but_rate_seed_and_number(n in 1_u64..200, more in 0_u64..200) {
            for spacing in SPACINGS {
                let short = slots(50.0, spacing, (Warmup::None, Stop::Requests(n)), (0, 1));
                let long = slots(50.0, spacing, (Warmup::None, Stop::Requests(n + more)), (0, 1));
                prop_assert_eq!(&long[..short.len()], &short[..]);
            }
        }
    }
}
