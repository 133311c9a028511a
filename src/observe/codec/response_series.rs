//! Responses over time, packed: what it takes to draw a saved run over its time.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Packed, read, write};
use crate::observe::response_series::ResponseSeries;

/// A series has no more than 64 intervals, and none more than 496 cells; no two numbers take more bytes than this.
const MOST_BYTES: u64 = 64 * (20 + 496 * 12);

/// Requests by the interval of the run in which they began; intervals in which none did are left out. Unpacked, each is numbers
/// in LEB128: how many intervals after the one before it lies (the first: after the beginning); how many cells it has; and for
/// each cell, in ascending order, by how much its number exceeds that before (the first: 0) and how many requests took as long.
/// A cell below 16 is that many microseconds; above, there are 8 for each power of two.
#[derive(Serialize, Deserialize)]
struct PackedSeries {
    /// How wide an interval is, in microseconds.
    interval_us: u64,
    /// When the last request began, in microseconds from the beginning of the run.
    last_begun_us: u64,
    #[serde(flatten)]
    packed: Packed,
}

pub(crate) fn serialize<S: Serializer>(
    series: &ResponseSeries,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    PackedSeries::pack(series).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ResponseSeries, D::Error> {
    let packed = PackedSeries::deserialize(deserializer)?;
    let damaged = || D::Error::custom("responses over time do not unpack");
    packed.unpack().ok_or_else(damaged)
}

impl PackedSeries {
    fn pack(series: &ResponseSeries) -> Self {
        let mut numbers = Vec::new();
        let mut before = 0;
        for interval in series.intervals() {
            write(&mut numbers, interval.at - before);
            write(&mut numbers, interval.cells().len() as u64);
            let mut lower = 0;
            for (cell, count) in interval.cells() {
                write(&mut numbers, u64::from(cell - lower));
                write(&mut numbers, *count);
                lower = *cell;
            }
            before = interval.at;
        }
        Self {
            interval_us: series.width(),
            last_begun_us: series.last(),
            packed: Packed::new(&numbers),
        }
    }

    /// The series again; `None` where the text is damaged.
    fn unpack(&self) -> Option<ResponseSeries> {
        let numbers = self.packed.numbers(MOST_BYTES)?;
        let mut numbers = numbers.as_slice();
        let (mut intervals, mut at) = (Vec::new(), 0_u64);
        while !numbers.is_empty() {
            at = at.checked_add(read(&mut numbers)?)?;
            let (mut cells, mut cell) = (Vec::new(), 0_u16);
            for _ in 0..read(&mut numbers)? {
                let step = u16::try_from(read(&mut numbers)?).ok()?;
                cell = cell.checked_add(step)?;
                cells.push((cell, read(&mut numbers)?));
            }
            intervals.push((at, cells));
        }
        ResponseSeries::of(self.interval_us, self.last_begun_us, intervals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn series(requests: &[(u64, u64)]) -> ResponseSeries {
        let mut own = ResponseSeries::default();
        for (begun, took) in requests {
            own.record(Duration::from_micros(*begun), Duration::from_micros(*took));
        }
        own
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(requests in prop::collection::vec((0_u64..9_000_000_000, 0_u64..90_000_000), 0..60)) {
            let own = series(&requests);
            prop_assert_eq!(PackedSeries::pack(&own).unpack(), Some(own));
        }

        #[test]
        fn no_text_panics(data in "[A-Za-z0-9+/]{0,40}", numbers in prop::collection::vec(any::<u8>(), 0..40), last in any::<u64>()) {
            let mut text = Packed::new(&numbers);
            for data in [data, text.data.clone()] {
                text.data = data;
                let packed = PackedSeries { interval_us: 1000, last_begun_us: last, packed: text.clone() };
                let _ = packed.unpack();
            }
        }
    }

    #[test]
    fn a_long_run_is_a_few_thousand_bytes() {
        let requests: Vec<_> = (0..100_000_u64)
            .map(|at| (at * 9000, 700 + at * at % 40_000))
            .collect();
        let length = PackedSeries::pack(&series(&requests)).packed.data.len();
        assert!(length < 10_000, "{length}");
    }
}
