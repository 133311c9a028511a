//! How fast the responses were, in columns whose decimal points line up.

use hdrhistogram::Histogram;

use super::latency_groups::LatencyGroup;
use super::lines::Line;
use crate::observe::Latency;
use crate::units::Percentiles;

/// The response times of a line.
pub(super) struct Times {
    all: Histogram<u64>,
    /// The interval of the 99th percentile.
    p99: Option<(f64, Option<f64>)>,
    /// The 99th percentile of the times to the first byte.
    first_byte: Option<f64>,
    rps: f64,
}

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Column {
    /// Responses per second.
    PerSecond,
    Mean,
    Deviation,
    Min,
    Percentile(f64),
    Max,
    FirstByte,
    /// The interval of the 99th percentile.
    Interval,
}

/// The 99th percentile.
const P99: f64 = 99.0;

impl Times {
    /// Those of a line; `None` without a response.
    pub(super) fn of(line: &Line<'_>) -> Option<Self> {
        let all = line.latencies();
        (!all.is_empty()).then(|| Self {
            all,
            p99: line.p99,
            first_byte: line.first_byte.map(|ms| ms.p99),
            rps: line.rps,
        })
    }

    /// Those of a group.
    pub(super) fn of_group(group: &LatencyGroup) -> Self {
        Self {
            all: group.latencies.clone(),
            p99: None,
            first_byte: group.first_byte.map(|ms| ms.p99),
            rps: 0.0,
        }
    }

    /// A number in its column; `None` where the responses are too few for it.
    fn value(&self, column: Column) -> Option<f64> {
        let ms = Latency::of(&self.all)?;
        let enough = |percent: f64| tells(percent, self.all.len());
        match column {
            Column::PerSecond => Some(self.rps),
            Column::Mean => Some(ms.mean),
            Column::Deviation => Some(ms.sd).filter(|_| self.all.len() > 1),
            Column::Min => Some(ms.min),
            Column::Percentile(percent) => {
                enough(percent).then(|| self.all.value_at_quantile(percent / 100.0) as f64 / 1000.0)
            }
            Column::Max => Some(ms.max),
            Column::FirstByte => self.first_byte.filter(|_| enough(P99)),
            Column::Interval => self.p99.map(|(low, _)| low),
        }
    }
}

/// Whether a percentile of so many responses is more than the slowest of them: whether one at least is expected beyond it.
pub(super) fn tells(percent: f64, responses: u64) -> bool {
    responses as f64 * (100.0 - percent) >= 100.0 - 1e-6
}

impl Column {
    /// All that there is to show, in order.
    pub(super) fn all(percentiles: Percentiles, rows: &[&Times]) -> Vec<Self> {
        let first_bytes = rows.iter().any(|row| row.first_byte.is_some());
        let with_p99 = percentiles
            .iter()
            .any(|percent| (percent - P99).abs() < 1e-9);
        [Self::PerSecond, Self::Mean, Self::Deviation, Self::Min]
            .into_iter()
            .chain(percentiles.iter().map(Self::Percentile))
            .chain([Self::Max])
            .chain(first_bytes.then_some(Self::FirstByte))
            .chain(with_p99.then_some(Self::Interval))
            .collect()
    }

    /// What there is to show of groups.
    pub(super) fn of_groups(rows: &[&Times]) -> Vec<Self> {
        let mut columns = Self::all(Percentiles::DEFAULT, rows);
        columns.retain(|own| !matches!(own, Self::PerSecond | Self::Interval));
        columns
    }

    /// What a narrow table leaves out, the first first; percentiles that were asked for stay.
    pub(super) fn spare(percentiles: Percentiles) -> Vec<Self> {
        let mut spare = vec![Self::PerSecond, Self::Min, Self::Deviation];
        let own = |percent| (!percentiles.chosen()).then_some(Self::Percentile(percent));
        spare.extend(own(75.0));
        spare.push(Self::Interval);
        spare.extend(own(95.0));
        spare
    }

    /// Its heading.
    pub(super) fn title(self) -> String {
        match self {
            Self::PerSecond => "RESPONSES/S".to_owned(),
            Self::Mean => "MEAN".to_owned(),
            Self::Deviation => "SD".to_owned(),
            Self::Min => "MIN".to_owned(),
            Self::Percentile(percent) => format!("P{percent}"),
            Self::Max => "MAX".to_owned(),
            Self::FirstByte => "P99 TTFB".to_owned(),
            Self::Interval => "P99, 95%".to_owned(),
        }
    }

    /// Its cells: as many decimals in each as the smallest number needs.
    pub(super) fn cells(self, rows: &[&Times]) -> Vec<String> {
        let values: Vec<Option<f64>> = rows.iter().map(|row| row.value(self)).collect();
        let positive = values.iter().flatten().filter(|value| **value > 0.0);
        let decimals = decimals(positive.copied().fold(f64::INFINITY, f64::min));
        let cell = |(row, value): (&&Times, &Option<f64>)| match (self, value) {
            (Self::FirstByte, None) if row.first_byte.is_none() => String::new(),
            (_, None) => "-".to_owned(),
            (Self::Interval, Some(low)) => {
                let high = row.p99.and_then(|(_, high)| high);
                let high = high.map_or_else(|| "?".to_owned(), |high| format!("{high:.decimals$}"));
                format!("{low:.decimals$}–{high}")
            }
            (_, Some(value)) => format!("{value:.decimals$}"),
        };
        rows.iter().zip(&values).map(cell).collect()
    }
}

/// How many decimals leave three digits of a number, at most two.
fn decimals(value: f64) -> usize {
    match value {
        _ if value >= 100.0 => 0,
        _ if value >= 10.0 => 1,
        _ => 2,
    }
}

/// Milliseconds with the digits that matter.
pub(super) fn millis(value: f64) -> String {
    let decimals = decimals(value);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::histogram;

    fn times(micros: impl Iterator<Item = u64>) -> Times {
        let mut all = histogram();
        for own in micros {
            all.record(own).expect("it grows");
        }
        Times {
            all,
            p99: None,
            first_byte: None,
            rps: 12.5,
        }
    }

    #[test]
    fn a_column_has_one_number_of_decimals() {
        let (fast, slow) = (times(3380..3381), times(141_000..141_001));
        let cells = Column::Max.cells(&[&fast, &slow]);
        assert_eq!(cells, ["3.38", "141.06"]);
        assert_eq!(Column::Max.cells(&[&slow]), ["141"]);
    }

    #[test]
    fn a_percentile_that_only_the_slowest_response_could_be_is_left_out() {
        let shown = |n: u64, percent: f64| {
            Column::Percentile(percent).cells(&[&times(1000..1000 + n)])[0] != "-"
        };
        for (percent, least) in [(50.0, 2), (90.0, 10), (95.0, 20), (99.0, 100), (99.9, 1000)] {
            assert!(shown(least, percent), "{percent} of {least}");
            assert!(!shown(least - 1, percent), "{percent} of {}", least - 1);
        }
    }

    #[test]
    fn percentiles_that_were_asked_for_are_never_left_out() {
        let asked: Percentiles = "75,95".parse().expect("percentiles");
        let spare = Column::spare(asked);
        assert!(!spare.contains(&Column::Percentile(95.0)), "{spare:?}");
        let row = times(1000..2000);
        let all = Column::all(asked, &[&row]);
        let titles: Vec<String> = all.into_iter().map(Column::title).collect();
        assert_eq!(
            titles,
            ["RESPONSES/S", "MEAN", "SD", "MIN", "P75", "P95", "MAX"]
        );
    }
}
