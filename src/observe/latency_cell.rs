//! A latency in two bytes: the cell of a histogram with three significant digits.

use std::time::Duration;

/// Below this many microseconds every one has a cell of its own; above, the cells double with every power of two.
const EXACT_BITS: u32 = 11;
const HALF: u16 = 1 << (EXACT_BITS - 1);

/// The cell of a latency. Cells are those of `hdrhistogram` at three significant digits, so that a limit divides the
/// latencies of single requests exactly as it divides their histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LatencyCell(u16);

impl LatencyCell {
    /// The cell of a time in whole microseconds.
    #[must_use]
    pub fn of(latency: Duration) -> Self {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(EXACT_BITS);
        let within = u16::try_from(micros >> shift).unwrap_or(u16::MAX);
        let before = u16::try_from(shift).unwrap_or(u16::MAX) * HALF;
        Self(before + within)
    }

    /// The cell with this number; there are 56,320.
    #[must_use]
    pub fn numbered(number: u16) -> Option<Self> {
        (number < HALF * 55).then_some(Self(number))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// The lowest and the highest time in it, in microseconds.
    #[must_use]
    pub fn bounds(self) -> (u64, u64) {
        let shift = (self.0 / HALF).saturating_sub(1);
        let within = u64::from(self.0 - shift * HALF);
        (within << shift, (within << shift) | ((1_u64 << shift) - 1))
    }

    /// The middle of it, in microseconds.
    #[must_use]
    pub fn middle(self) -> f64 {
        let (low, high) = self.bounds();
        low as f64 + (high - low) as f64 / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_have_cells() {
        for micros in [0, 1, 2047, 2048, 4095, 4096, u64::MAX >> 1, u64::MAX] {
            let cell = LatencyCell::of(Duration::from_micros(micros));
            let (low, high) = cell.bounds();
            assert!((low..=high).contains(&micros), "{micros}: {low} to {high}");
            assert_eq!(LatencyCell::numbered(cell.number()), Some(cell));
        }
        assert_eq!(LatencyCell::numbered(u16::MAX), None);
    }

    proptest! {
        #[test]
        fn cells_are_those_of_the_histogram(micros in prop_oneof![0_u64..5000, 0_u64..10_000_000, 0_u64..1 << 50]) {
            let mut histogram = super::super::histogram();
            histogram.record(micros.max(1)).expect("it grows");
            let (low, high) = LatencyCell::of(Duration::from_micros(micros)).bounds();
            prop_assert_eq!(low, histogram.lowest_equivalent(micros));
            prop_assert_eq!(high, histogram.highest_equivalent(micros));
        }
    }
}
