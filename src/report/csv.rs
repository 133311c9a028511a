//! One line for each value, for spreadsheets and scripts.

use std::io::{self, Write};

use csv::Writer;

use super::sanitize::safe;
use super::{BucketRow, Report, Style};
use crate::observe::Latency;

const COLUMNS: [&str; 27] = [
    "bucket",
    "target",
    "place",
    "declared",
    "count",
    "share",
    "share_low",
    "share_high",
    "errors",
    "mean_ms",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "p999_ms",
    "max_ms",
    "verdict",
    "chi_square",
    "df",
    "chi_square_p",
    "ttfb_p50_ms",
    "ttfb_p99_ms",
    "p75_ms",
    "p95_ms",
    "min_ms",
    "sd_ms",
    "rps",
    "bytes",
];
/// Columns that are the same in every line: the verdict and Pearson's test.
const OF_THE_RUN: usize = 4;
/// Columns of the response time that were there first.
const LATENCIES: usize = 6;
/// Columns of the time to the first byte.
const FIRST_BYTES: usize = 2;
/// Columns that came later: the last.
const LATER: usize = 6;

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = Writer::from_writer(out);
    csv.write_record(COLUMNS)?;
    for row in &report.observation.rows.buckets {
        csv.write_record(cells(report, row))?;
    }
    // A target that got nothing has a line too: that is what one looks for.
    for target in report
        .observation
        .rows
        .targets
        .iter()
        .filter(|t| t.tally.count == 0)
    {
        let [low, high] = target.share_interval.map(|end| end.to_string());
        let mut cells = vec![
            String::new(),
            text(&target.target),
            "declared".to_owned(),
            target.declared.to_string(),
            "0".to_owned(),
            "0".to_owned(),
            low,
            high,
            "0".to_owned(),
        ];
        cells.resize(
            COLUMNS.len() - OF_THE_RUN - FIRST_BYTES - LATER,
            String::new(),
        );
        cells.extend(of_the_run(report));
        cells.resize(COLUMNS.len() - 2, String::new());
        cells.extend(["0".to_owned(), "0".to_owned()]);
        csv.write_record(cells)?;
    }
    csv.flush()
}

fn cells(report: &Report, row: &BucketRow) -> Vec<String> {
    let declared = report
        .observation
        .rows
        .targets
        .iter()
        .find(|target| Some(&target.target) == row.target.as_ref());
    let ms = row.response_ms;
    let mut cells = vec![
        text(&row.bucket),
        text(row.target.as_deref().unwrap_or_default()),
        row.place.to_string(),
        declared.map_or(String::new(), |target| target.declared.to_string()),
        row.count.to_string(),
        row.share.to_string(),
        row.share_interval[0].to_string(),
        row.share_interval[1].to_string(),
        row.errors().to_string(),
    ];
    let number = |part: fn(Latency) -> f64| ms.map_or_else(String::new, |ms| part(ms).to_string());
    let latencies: [fn(Latency) -> f64; LATENCIES] = [
        |ms| ms.mean,
        |ms| ms.p50,
        |ms| ms.p90,
        |ms| ms.p99,
        |ms| ms.p999,
        |ms| ms.max,
    ];
    cells.extend(latencies.map(number));
    cells.extend(of_the_run(report));
    let first_byte = |part: fn(Latency) -> f64| row.ttfb_ms.map(|ms| part(ms).to_string());
    let first_bytes: [_; FIRST_BYTES] = [first_byte(|ms| ms.p50), first_byte(|ms| ms.p99)];
    cells.extend(first_bytes.map(Option::unwrap_or_default));
    let later: [fn(Latency) -> f64; LATER - 2] =
        [|ms| ms.p75, |ms| ms.p95, |ms| ms.min, |ms| ms.sd];
    cells.extend(later.map(number));
    cells.push(ms.map_or_else(String::new, |_| row.rps.to_string()));
    cells.push(row.bytes.map_or(String::new(), |bytes| bytes.to_string()));
    cells
}

fn of_the_run(report: &Report) -> [String; OF_THE_RUN] {
    let verdict = &report.verdict;
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    [
        verdict.outcome.to_string(),
        number(verdict.chi_square),
        verdict.df.map_or(String::new(), |df| df.to_string()),
        number(verdict.chi_square_p),
    ]
}

/// Foreign text: what a spreadsheet would take for a formula gets an apostrophe in front.
fn text(text: &str) -> String {
    let text = safe(text);
    if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text
    }
}
