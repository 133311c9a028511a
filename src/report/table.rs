//! The lines of the result tables: one for each target, its values below it where it has several.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};
use unicode_width::UnicodeWidthStr;

use super::lines::{Line, lines};
use super::sanitize::fitted;
use super::{BucketRow, Report};
use crate::observe::Latency;
use crate::units::percent;

/// More values than this are summed up, for all of them and for one target.
const MOST_ROWS: usize = 20;
const MOST_VALUES: usize = 3;

/// One row of the tables.
struct Row {
    label: String,
    /// A value below its target.
    nested: bool,
    count: u64,
    share: f64,
    interval: [f64; 2],
    errors: u64,
    /// Its declared share, or else its place, and the name of the target.
    declared: (String, String),
    latency: Option<Latency>,
    p99: Option<(f64, Option<f64>)>,
    first_byte: Option<Latency>,
}

/// Everything worth showing, in the order of the declaration, and a remark about what is left out.
pub(super) struct Lines {
    rows: Vec<Row>,
    pub(super) hidden: Option<String>,
}

impl Lines {
    pub(super) fn new(report: &Report) -> Self {
        let mut rows = Vec::new();
        let (targets, others): (Vec<Line<'_>>, Vec<Line<'_>>) =
            (lines(report).into_iter()).partition(|line| line.declared.is_some());
        for line in targets {
            match line.values.as_slice() {
                [] if line.declared <= Some(0.0) => {}
                [value] => rows.push(Row {
                    label: value.bucket.clone(),
                    ..Row::of(&line)
                }),
                several => {
                    rows.push(Row::of(&line));
                    rows.extend(
                        several
                            .iter()
                            .take(MOST_VALUES)
                            .map(|value| Row::nested(value)),
                    );
                    if let Some(rest) = several.get(MOST_VALUES..).filter(|rest| !rest.is_empty()) {
                        rows.push(Row::rest(rest));
                    }
                }
            }
        }
        rows.extend(others.iter().take(MOST_ROWS).map(Row::of));
        let rest = others.get(MOST_ROWS..).filter(|rest| !rest.is_empty());
        let hidden = rest.map(|rest| {
            let responses: u64 = rest.iter().map(|line| line.count).sum();
            format!(
                "and {} more values with {responses} responses; --bucket chooses what tells responses apart",
                rest.len()
            )
        });
        Self { rows, hidden }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How often each responded, beside what was declared, in so many columns if names can be shortened to that; and the
    /// columns of a name.
    pub(super) fn shares(&self, report: &Report, columns: usize) -> (String, usize) {
        let names = self.widest(Row::label);
        let targets = self.widest(Row::declared);
        let drawn = self.shares_with(report, names, targets);
        let room = columns.saturating_sub(width_of(&drawn).saturating_sub(names + targets));
        if names + targets <= room {
            return (drawn, names);
        }
        // Each may have half of the room, and what the other leaves.
        let targets = targets.min((room / 2).max(room.saturating_sub(names)));
        let names = names.min(room.saturating_sub(targets));
        (self.shares_with(report, names, targets), names)
    }

    /// The columns of the longest text of a line, whole.
    fn widest(&self, text: fn(&Row, usize) -> String) -> usize {
        let lines = self.rows.iter().map(|line| text(line, usize::MAX).width());
        lines.max().unwrap_or(0)
    }

    fn shares_with(&self, report: &Report, names: usize, targets: usize) -> String {
        let errors = self.rows.iter().any(|line| line.errors > 0);
        let judged = report.expected.is_some();
        let mut header = vec![left("RESPONSE"), right("REQUESTS"), right("SHARE")];
        header.push(right(&format!(
            "{} INTERVAL",
            percent(1.0 - report.verdict.alpha)
        )));
        if errors {
            header.push(right("ERRORS"));
        }
        if judged {
            header.push(left("DECLARED"));
        }
        let rows = self.rows.iter().map(|line| {
            let [low, high] = line.interval;
            let mut cells = vec![
                left(&line.label(names)),
                right(&line.count.to_string()),
                right(&percent(line.share)),
            ];
            cells.push(right(&format!("{:.1} – {:.1}%", low * 100.0, high * 100.0)));
            if errors {
                cells.push(right(&if line.errors > 0 {
                    line.errors.to_string()
                } else {
                    String::new()
                }));
            }
            if judged {
                cells.push(left(&line.declared(targets)));
            }
            cells
        });
        table(header, rows)
    }

    /// How fast the responses were, in so many columns, with names of so many at most; the interval of the 99th percentile
    /// where there is room.
    pub(super) fn latencies(&self, columns: usize, names: usize) -> String {
        let with_interval = self.latencies_with(names, true);
        if width_of(&with_interval) <= columns {
            return with_interval;
        }
        let drawn = self.latencies_with(names, false);
        let over = width_of(&drawn).saturating_sub(columns);
        if over == 0 {
            return drawn;
        }
        self.latencies_with(names.saturating_sub(over), false)
    }

    fn latencies_with(&self, names: usize, with_interval: bool) -> String {
        let columns = ["MEAN", "P50", "P90", "P99", "P99.9", "MAX"];
        let first_bytes = self.rows.iter().any(|line| line.first_byte.is_some());
        let header = std::iter::once(left("LATENCY, MS"))
            .chain(columns.map(right))
            .chain(first_bytes.then(|| right("P99 TTFB")))
            .chain(with_interval.then(|| right("P99, 95%")))
            .collect();
        let timed = self.rows.iter().filter(|line| !line.nested);
        let rows = timed
            .filter_map(|line| Some((line, line.latency?)))
            .map(|(line, ms)| {
                let numbers = [ms.mean, ms.p50, ms.p90, ms.p99, ms.p999, ms.max];
                std::iter::once(left(&line.label(names)))
                    .chain(numbers.map(|value| right(&millis(value))))
                    .chain(first_bytes.then(|| {
                        let first_byte = line.first_byte.map(|ms| millis(ms.p99));
                        right(&first_byte.unwrap_or_default())
                    }))
                    .chain(with_interval.then(|| {
                        let interval = line.p99.map(percentile_interval);
                        right(&interval.unwrap_or_default())
                    }))
                    .collect()
            });
        table(header, rows)
    }
}

impl Row {
    fn of(line: &Line<'_>) -> Self {
        Self {
            label: line.name.to_owned(),
            nested: false,
            count: line.count,
            share: line.share,
            interval: line.interval,
            errors: line.errors(),
            declared: match line.declared {
                Some(share) => (percent(share), line.name.to_owned()),
                None => (line.place.to_owned(), String::new()),
            },
            latency: line.latency,
            p99: line.p99,
            first_byte: line.first_byte,
        }
    }

    fn nested(row: &BucketRow) -> Self {
        Self {
            nested: true,
            declared: Default::default(),
            ..Self::of(&Line::of_value(row))
        }
    }

    /// The values of a target that are not shown one by one; an interval of their sum would mean nothing.
    fn rest(rows: &[&BucketRow]) -> Self {
        Self {
            label: format!("and {} more values", rows.len()),
            nested: true,
            count: rows.iter().map(|row| row.count).sum(),
            share: rows.iter().map(|row| row.share).sum(),
            interval: [0.0, 1.0],
            errors: rows.iter().map(|row| row.errors()).sum(),
            declared: Default::default(),
            latency: None,
            p99: None,
            first_byte: None,
        }
    }

    fn label(&self, width: usize) -> String {
        if self.nested {
            format!("  {}", fitted(&self.label, width.saturating_sub(2)))
        } else {
            fitted(&self.label, width)
        }
    }

    /// `90% single`
    fn declared(&self, width: usize) -> String {
        let (share, target) = &self.declared;
        let room = width.saturating_sub(share.width() + 1);
        format!("{share} {}", fitted(target, room))
            .trim_end()
            .to_owned()
    }
}

/// The columns of a table.
fn width_of(table: &str) -> usize {
    table.lines().map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// Milliseconds with the digits that matter.
pub(super) fn millis(value: f64) -> String {
    let decimals = match value {
        _ if value >= 100.0 => 0,
        _ if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// The interval of a percentile in milliseconds; `?` for an end that the responses do not bound.
pub(super) fn percentile_interval((low, high): (f64, Option<f64>)) -> String {
    let high = high.map_or_else(|| "?".to_owned(), millis);
    format!("{}–{high}", millis(low))
}

pub(super) fn left(text: &str) -> Cell {
    Cell::new(text)
}

pub(super) fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// The table without the blanks at the end of lines.
pub(super) fn table(header: Vec<Cell>, rows: impl Iterator<Item = Vec<Cell>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header).add_rows(rows);
    table
        .lines()
        .map(|line| format!(" {}", line.trim_end()))
        .collect::<Vec<_>>()
        .join("\n")
}
