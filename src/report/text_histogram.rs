//! Response times as bars of characters.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use unicode_width::UnicodeWidthStr;

use crate::units::seconds;

/// Bars of one target.
const BARS: i32 = 10;
/// Columns of the longest bar.
const WIDEST: u64 = 40;

/// How many responses took how long, the times in steps of the same ratio: each line its upper end, a bar, a number. Empty
/// without a response.
pub(super) fn histogram(latencies: &Histogram<u64>) -> String {
    let (low, high) = (latencies.min().max(1) as f64, latencies.max().max(1) as f64);
    let counts = counts(latencies, low, high);
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let ends: Vec<String> = (counts.iter())
        .map(|(end, _)| format!("≤ {}", seconds(end / 1e6)))
        .collect();
    let widest = ends.iter().map(|end| end.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (end, (_, count)) in ends.iter().zip(&counts) {
        // What is there is never drawn as nothing.
        let length = (u128::from(*count) * u128::from(WIDEST)).div_ceil(u128::from(most.max(1)));
        let bar: String = (0..length).map(|_| '█').collect();
        let blanks = " ".repeat(widest.saturating_sub(end.width()));
        let gap = if bar.is_empty() { "" } else { " " };
        let _ = writeln!(text, "    {blanks}{end}  {bar}{gap}{count}");
    }
    text
}

/// The upper ends in microseconds, and how many lie between each and the one before.
fn counts(latencies: &Histogram<u64>, low: f64, high: f64) -> Vec<(f64, u64)> {
    let bars = if high > low * 1.01 { BARS } else { 1 };
    let mut counts: Vec<(f64, u64)> = (1..=bars)
        .map(|bar| (low * (high / low).powf(f64::from(bar) / f64::from(bars)), 0))
        .collect();
    for cell in latencies.iter_recorded() {
        let micros = cell.value_iterated_to() as f64;
        let own = counts.iter().position(|(end, _)| micros <= *end);
        let own = own.unwrap_or(counts.len().saturating_sub(1));
        if let Some((_, count)) = counts.get_mut(own) {
            *count += cell.count_at_value();
        }
    }
    if latencies.is_empty() {
        counts.clear();
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(micros: &[u64]) -> Histogram<u64> {
        let mut all = crate::observe::histogram();
        for own in micros {
            all.record(*own).expect("it grows");
        }
        all
    }

    #[test]
    fn bars_are_as_long_as_their_numbers_and_what_is_rare_is_seen() {
        let mut micros = vec![1000; 400];
        micros.push(2000);
        let drawn = histogram(&of(&micros));
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines.len(), 10, "{drawn}");
        assert!(
            lines[0].ends_with(&format!("{} 400", "█".repeat(40))),
            "{drawn}"
        );
        assert!(lines[1].ends_with("  0"), "{drawn}");
        assert!(lines[9].ends_with("≤ 2ms  █ 1"), "{drawn}");
    }

    #[test]
    fn equal_times_are_one_bar_and_none_are_no_bar() {
        assert_eq!(histogram(&of(&[5000, 5000])).lines().count(), 1);
        assert_eq!(histogram(&of(&[])), "");
    }

    proptest! {
        #[test]
        fn every_response_is_in_a_bar(micros in prop::collection::vec(0_u64..10_000_000, 1..200)) {
            let all = of(&micros);
            let (low, high) = (all.min().max(1) as f64, all.max().max(1) as f64);
            let sum: u64 = counts(&all, low, high).iter().map(|(_, count)| count).sum();
            prop_assert_eq!(sum, micros.len() as u64);
        }
    }
}
