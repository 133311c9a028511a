//! The course of a run in time, packed: what it takes to find outages in a saved run, and to draw it over time.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Packed, count, read, write};
use crate::observe::timeline::{Slice, Timeline};

/// A timeline has no more slices than this, and no slice takes more bytes.
const MOST_BYTES: u64 = 8192 * 70;

/// A timeline in slices of equal width; those in which nothing happened are left out. Unpacked, each is numbers in LEB128: how
/// many slices after the one before it lies (the first: after the beginning); how many requests began in it and, where some
/// did, when the first of them, in microseconds from the beginning of the slice; how many failed; how many were answered and,
/// where some were, when the first response was complete, and how much later the last.
#[derive(Serialize, Deserialize)]
struct PackedTimeline {
    /// How wide a slice is, in microseconds.
    slice_us: u64,
    /// When the last request began, in microseconds from the beginning of the run.
    last_begun_us: u64,
    /// When the last request ended.
    end_us: u64,
    /// When sending ended; reports of older versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sending_us: Option<u64>,
    /// How many slices there are.
    slices: u64,
    #[serde(flatten)]
    packed: Packed,
}

pub(crate) fn serialize<S: Serializer>(
    timeline: &Timeline,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    PackedTimeline::pack(timeline).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timeline, D::Error> {
    match Option::<PackedTimeline>::deserialize(deserializer)? {
        None => Ok(Timeline::default()),
        Some(packed) => {
            (packed.unpack()).ok_or_else(|| D::Error::custom("a timeline does not unpack"))
        }
    }
}

impl PackedTimeline {
    fn pack(timeline: &Timeline) -> Self {
        let mut numbers = Vec::new();
        let mut before = 0;
        for slice in timeline.slices() {
            let start = slice.at * timeline.width();
            write(&mut numbers, slice.at - before);
            write(&mut numbers, slice.begun);
            if let Some(first) = slice.first_begun {
                write(&mut numbers, first - start);
            }
            write(&mut numbers, slice.failed);
            write(&mut numbers, slice.answered);
            if let Some((first, last)) = slice.responses {
                write(&mut numbers, first - start);
                write(&mut numbers, last - first);
            }
            before = slice.at;
        }
        Self {
            slice_us: timeline.width(),
            last_begun_us: timeline.last_begun(),
            end_us: timeline.end(),
            sending_us: timeline.sending(),
            slices: timeline.slices().len() as u64,
            packed: Packed::new(&numbers),
        }
    }

    /// The timeline again; `None` where the text is damaged.
    fn unpack(&self) -> Option<Timeline> {
        let numbers = self.packed.numbers(MOST_BYTES)?;
        let mut numbers = numbers.as_slice();
        let (mut slices, mut at) = (Vec::new(), 0_u64);
        while !numbers.is_empty() {
            at = at.checked_add(read(&mut numbers)?)?;
            let start = at.checked_mul(self.slice_us)?;
            let mut next = || read(&mut numbers);
            let begun = next()?;
            let first_begun = match begun {
                0 => None,
                _ => Some(start.checked_add(next()?)?),
            };
            let (failed, answered) = (next()?, next()?);
            let responses = if answered > 0 {
                let first = start.checked_add(next()?)?;
                Some((first, first.checked_add(next()?)?))
            } else {
                None
            };
            if begun.max(failed).max(answered) > count::MOST {
                return None;
            }
            slices.push(Slice {
                at,
                begun,
                first_begun,
                answered,
                failed,
                responses,
            });
        }
        if slices.len() as u64 != self.slices {
            return None;
        }
        let mut timeline = Timeline::of(self.slice_us, slices, self.last_begun_us, self.end_us)?;
        if let Some(sending) = self.sending_us {
            timeline.sending_ended(Duration::from_micros(sending));
        }
        Some(timeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn timeline(requests: &[(u64, u64, bool)]) -> Timeline {
        let mut own = Timeline::default();
        for (begun, took, answered) in requests {
            let time = Duration::from_micros;
            own.record(time(*begun), time(begun + took), *answered);
        }
        own
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(
            requests in prop::collection::vec((0_u64..9_000_000_000, 0_u64..90_000_000, any::<bool>()), 1..60),
        ) {
            let mut own = timeline(&requests);
            if requests.len() % 2 == 0 {
                own.sending_ended(Duration::from_micros(own.last_begun()));
            }
            prop_assert_eq!(PackedTimeline::pack(&own).unpack(), Some(own));
        }

        #[test]
        fn no_text_panics(data in "[A-Za-z0-9+/]{0,40}", numbers in prop::collection::vec(any::<u8>(), 0..40), end in any::<u64>()) {
            let mut text = Packed::new(&numbers);
            for data in [data, text.data.clone()] {
                text.data = data;
                let packed = PackedTimeline {
                    slice_us: 100_000,
                    last_begun_us: 0,
                    end_us: end,
                    sending_us: Some(end),
                    slices: 1,
                    packed: text.clone(),
                };
                let _ = packed.unpack();
            }
        }
    }

    #[test]
    fn an_hour_is_a_few_thousand_bytes() {
        let requests: Vec<_> = (0..36_000).map(|at| (at * 100_000, 700, true)).collect();
        let packed = PackedTimeline::pack(&timeline(&requests));
        let length = packed.packed.data.len();
        assert!(length < 30_000, "{length}");
    }
}
