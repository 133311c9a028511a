//! The responses of a bucket over the time of a run: how many of their requests began in each interval of it, and how long they
//! took. Intervals get wider as the run gets longer, so that there are never many.

use std::time::Duration;

/// The width of an interval at first, in microseconds.
const FINEST: u64 = 1000;
/// Intervals are twice as wide from the moment on in which there would be more of them.
const MOST: u64 = 64;
/// Below this many microseconds each has a cell of its own; above, there are half as many for each power of two.
const EXACT: u64 = 1 << EXACT_BITS;
const EXACT_BITS: u32 = 4;
/// Cells that there are.
const CELLS: u16 = 496;

/// Requests by the time at which they began, counted from the moment in which the run began. `merge` is associative and
/// commutative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseSeries {
    /// In microseconds, [`FINEST`] times a power of two that keeps `last` within [`MOST`] intervals; of what was recorded here
    /// the least one.
    width: u64,
    /// When the last request began.
    last: u64,
    /// In the order of time; those in which nothing began are left out.
    intervals: Vec<Interval>,
}

/// The requests that began in one interval of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Its place: it begins after so many intervals.
    pub at: u64,
    /// How many took how long, by cell, in ascending order.
    cells: Vec<(u16, u64)>,
}

impl Default for ResponseSeries {
    fn default() -> Self {
        Self {
            width: FINEST,
            last: 0,
            intervals: Vec::new(),
        }
    }
}

impl Interval {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count).sum()
    }

    /// How many took how long, by the number of a cell.
    #[must_use]
    pub fn cells(&self) -> &[(u16, u64)] {
        &self.cells
    }

    /// So many microseconds were enough for this part of them; within a cell they are taken as evenly spread. `None` of none.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let rank = part * self.count() as f64;
        let mut before = 0.0;
        for (cell, count) in &self.cells {
            let count = *count as f64;
            if before + count >= rank && count > 0.0 {
                let (low, high) = bounds(*cell);
                let within = ((rank - before) / count).clamp(0.0, 1.0);
                return Some(low as f64 + (high - low) as f64 * within);
            }
            before += count;
        }
        None
    }

    /// Adds others that began at the same time.
    pub fn add(&mut self, other: &Self) {
        for (cell, count) in &other.cells {
            self.record(*cell, *count);
        }
    }

    fn record(&mut self, cell: u16, count: u64) {
        match self.cells.binary_search_by_key(&cell, |own| own.0) {
            Ok(place) => self.cells[place].1 += count,
            Err(place) => self.cells.insert(place, (cell, count)),
        }
    }
}

impl ResponseSeries {
    /// A series from its parts: intervals with cells, in any order, which may be finer or wider than those of this version.
    /// `None` where something lies beyond its end, or is in no cell.
    #[must_use]
    pub fn of(width: u64, last: u64, intervals: Vec<(u64, Vec<(u16, u64)>)>) -> Option<Self> {
        if !width.is_multiple_of(FINEST) || !(width / FINEST).is_power_of_two() {
            return None;
        }
        let mut own = Self {
            width,
            last,
            ..Self::default()
        };
        for (at, cells) in intervals {
            if at > last / width {
                return None;
            }
            let interval = own.interval(at);
            for (cell, count) in cells {
                if cell >= CELLS || count == 0 {
                    return None;
                }
                interval.record(cell, count);
            }
        }
        own.count()?;
        own.reach(last);
        Some(own)
    }

    /// Counts a request that began at this time of the run and took so long.
    pub fn record(&mut self, begun: Duration, took: Duration) {
        let begun = micros(begun);
        self.reach(begun);
        let at = begun / self.width;
        self.interval(at).record(cell(micros(took)), 1);
    }

    /// Adds what another thread or moment of the same run saw.
    pub fn merge(&mut self, other: &Self) {
        if other.intervals.is_empty() {
            return;
        }
        self.reach(other.last);
        while self.width < other.width {
            self.widen();
        }
        // Widths differ by a power of two.
        let wider = self.width / other.width;
        for interval in &other.intervals {
            self.interval(interval.at / wider).add(interval);
        }
    }

    /// How wide an interval is, in microseconds.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.width
    }

    /// When the last request began, in microseconds from the beginning of the run.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The intervals in which a request began, in the order of time.
    #[must_use]
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// How many requests there are; `None` where they are more than can be counted.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let mut cells = self.intervals.iter().flat_map(|interval| &interval.cells);
        cells.try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count))
    }

    /// Makes intervals as wide as it takes to get that far.
    fn reach(&mut self, last: u64) {
        self.last = self.last.max(last);
        while self.last / self.width >= MOST {
            self.widen();
        }
    }

    fn widen(&mut self) {
        self.width *= 2;
        let fine = std::mem::take(&mut self.intervals);
        for interval in &fine {
            self.interval(interval.at / 2).add(interval);
        }
    }

    /// The interval at this place, which is nearly always the last one or close to it.
    fn interval(&mut self, at: u64) -> &mut Interval {
        let place = match self.intervals.last() {
            Some(last) if last.at == at => self.intervals.len() - 1,
            _ => (self.intervals)
                .binary_search_by_key(&at, |interval| interval.at)
                .unwrap_or_else(|place| {
                    let empty = Interval {
                        at,
                        ..Interval::default()
                    };
                    self.intervals.insert(place, empty);
                    place
                }),
        };
        &mut self.intervals[place]
    }
}

/// The cell of a time in microseconds.
fn cell(micros: u64) -> u16 {
    let shift = (u64::BITS - micros.leading_zeros()).saturating_sub(EXACT_BITS);
    let number = u64::from(shift) * (EXACT / 2) + (micros >> shift);
    u16::try_from(number).expect("there are few cells")
}

/// The lowest time of a cell, and that of the next one, in microseconds.
fn bounds(cell: u16) -> (u64, u64) {
    let cell = u64::from(cell);
    if cell < EXACT {
        return (cell, cell + 1);
    }
    let shift = cell / (EXACT / 2) - 1;
    let within = cell - shift * (EXACT / 2);
    (
        within << shift,
        ((within + 1) << shift).max(within << shift),
    )
}

fn micros(time: Duration) -> u64 {
    // So that the end of the last cell is a number too: 292,271 years.
    u64::try_from(time.as_micros()).map_or(u64::MAX >> 1, |micros| micros.min(u64::MAX >> 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Requests of a day: when they began and how long they took.
    fn requests() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let begun = prop_oneof![0_u64..500_000, 0_u64..86_400_000_000];
        prop::collection::vec((begun, 0_u64..90_000_000), 0..40)
    }

    fn series(requests: &[(u64, u64)]) -> ResponseSeries {
        let mut own = ResponseSeries::default();
        for (begun, took) in requests {
            own.record(Duration::from_micros(*begun), Duration::from_micros(*took));
        }
        own
    }

    fn merged(parts: &[&ResponseSeries]) -> ResponseSeries {
        let mut sum = ResponseSeries::default();
        for part in parts {
            sum.merge(part);
        }
        sum
    }

    proptest! {
        #[test]
        fn merge_is_associative_commutative_and_the_same_as_counting_at_once(a in requests(), b in requests(), c in requests()) {
            let [one, two, three] = [&a, &b, &c].map(|part| series(part));
            let all = series(&[a, b, c].concat());
            prop_assert_eq!(&merged(&[&one, &two, &three]), &all);
            prop_assert_eq!(&merged(&[&three, &merged(&[&two, &one])]), &all);
            prop_assert_eq!(&merged(&[&merged(&[&one, &three]), &two]), &all);
        }

        #[test]
        fn every_request_is_in_one_of_few_intervals(requests in requests()) {
            let own = series(&requests);
            prop_assert_eq!(own.count(), Some(requests.len() as u64));
            prop_assert!(own.intervals().windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert!(own.last() / own.width() < MOST);
            // No wider than it has to be.
            prop_assert!(own.width() == FINEST || own.last() / (own.width() / 2) >= MOST);
        }

        #[test]
        fn a_time_lies_in_its_cell_which_is_narrow(micros in prop_oneof![0_u64..5000, 0_u64..1 << 40, 0_u64..u64::MAX >> 1]) {
            let own = cell(micros);
            let (low, high) = bounds(own);
            prop_assert!(own < CELLS);
            prop_assert!((low..high).contains(&micros), "{} to {}", low, high);
            prop_assert!(high - low <= 1 || (high - low) * 8 <= low, "{} to {}", low, high);
        }

        #[test]
        fn a_quantile_is_close_to_that_of_the_times(mut took in prop::collection::vec(1_u64..10_000_000, 1..200), part in 0_usize..100) {
            let own = series(&took.iter().map(|took| (0, *took)).collect::<Vec<_>>());
            took.sort_unstable();
            let rank = (part * took.len()).div_ceil(100).max(1);
            let exact = took[rank - 1] as f64;
            let quantile = own.intervals()[0].quantile(part as f64 / 100.0).expect("requests");
            prop_assert!(quantile >= exact / 1.126 - 1.0 && quantile <= exact * 1.126 + 1.0, "{} of {}", quantile, exact);
        }
    }

    #[test]
    fn a_run_of_a_third_of_a_second_has_many_intervals_and_one_of_a_day_no_more() {
        let each = |length: u64| -> Vec<(u64, u64)> {
            (0..1000).map(|at| (at * length / 1000, 5)).collect()
        };
        for (length, width) in [(300_000, 8000), (86_400_000_000, 2_097_152_000)] {
            let own = series(&each(length));
            assert_eq!(own.width(), width);
            assert!((32..=64).contains(&own.intervals().len()));
        }
        assert_eq!(series(&[]).intervals().len(), 0);
    }

    #[test]
    fn parts_of_another_width_are_taken() {
        let parts = |width: u64, last: u64| {
            let each = (0..=last / width).map(|at| (at, vec![(3, 1)])).collect();
            ResponseSeries::of(width, last, each).expect("a series")
        };
        let (fine, wide) = (parts(1000, 99_999), parts(64_000, 99_999));
        assert_eq!(
            (fine.width(), fine.intervals().len(), fine.count()),
            (2000, 50, Some(100))
        );
        let sum = merged(&[&fine, &wide]);
        assert_eq!((sum.width(), sum.count()), (64_000, Some(102)));
        assert_eq!(sum, merged(&[&wide, &fine]));
    }

    #[test]
    fn parts_that_contradict_each_other_are_refused() {
        for (width, last, intervals) in [
            (500, 0, vec![]),
            (3000, 0, vec![]),
            (0, 0, vec![]),
            (1000, 0, vec![(1, vec![])]),
            (1000, 0, vec![(0, vec![(CELLS, 1)])]),
            (1000, 0, vec![(0, vec![(3, 0)])]),
            (1000, 0, vec![(0, vec![(3, u64::MAX), (4, 1)])]),
        ] {
            assert_eq!(
                ResponseSeries::of(width, last, intervals.clone()),
                None,
                "{intervals:?}"
            );
        }
    }
}
