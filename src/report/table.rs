//! The lines of the result tables: one for each target, its values below it where it has several.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};
use unicode_width::UnicodeWidthStr;

use super::latency_table::{Column, Times};
use super::lines::{Line, lines};
use super::sanitize::fitted;
use super::{BucketRow, Report};
use crate::units::{Percentiles, percent};

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
    times: Option<Times>,
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
        // Shares of nothing are none.
        let none = report.observation.rows.answered == 0;
        let shares = percents(self.rows.iter().map(|line| line.share));
        let highest = self.rows.iter().map(|line| line.interval[1]);
        let upper = format!("{:.1}", highest.fold(0.0, f64::max) * 100.0).len();
        let rows = self.rows.iter().zip(shares).map(|(line, share)| {
            let [low, high] = line.interval.map(|end| end * 100.0);
            let mut cells = vec![
                left(&line.label(names)),
                right(&line.count.to_string()),
                right(if none { "-" } else { &share }),
            ];
            cells.push(right(&if none {
                "-".to_owned()
            } else {
                format!("{low:.1} – {high:>upper$.1}%")
            }));
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

    /// How fast the responses were, in so many columns, with names of so many at most; columns that do not fit are left out.
    pub(super) fn latencies(
        &self,
        columns: usize,
        names: usize,
        percentiles: Percentiles,
    ) -> String {
        let rows = self.rows.iter().filter(|line| !line.nested);
        let (lines, times): (Vec<&Row>, Vec<&Times>) = rows
            .filter_map(|line| Some((line, line.times.as_ref()?)))
            .unzip();
        let draw = |shown: &[Column], names: usize| {
            let header = std::iter::once(left("LATENCY, MS"))
                .chain(shown.iter().map(|column| right(&column.title())));
            let cells: Vec<Vec<String>> = (shown.iter().map(|own| own.cells(&times))).collect();
            let rows = lines.iter().enumerate().map(|(at, line)| {
                std::iter::once(left(&line.label(names)))
                    .chain(cells.iter().map(|column| right(&column[at])))
                    .collect()
            });
            table(header.collect(), rows)
        };
        let mut shown = Column::all(percentiles, &times);
        let mut spare = Column::spare(percentiles).into_iter();
        loop {
            let drawn = draw(&shown, names);
            let over = width_of(&drawn).saturating_sub(columns);
            if over == 0 {
                return drawn;
            }
            let Some(left_out) = spare.next() else {
                return draw(&shown, names.saturating_sub(over));
            };
            shown.retain(|column| *column != left_out);
        }
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
            times: Times::of(line),
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
            times: None,
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

/// Shares with as many decimals as the one that needs the most.
pub(super) fn percents(shares: impl Iterator<Item = f64>) -> Vec<String> {
    let texts: Vec<(f64, String)> = shares.map(|share| (share, percent(share))).collect();
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, after)| after.len() - 1);
    let most = texts
        .iter()
        .map(|(_, text)| decimals(text))
        .max()
        .unwrap_or(0);
    texts
        .iter()
        .map(|(share, _)| format!("{:.most$}%", share * 100.0))
        .collect()
}

/// The columns of a table.
fn width_of(table: &str) -> usize {
    table.lines().map(UnicodeWidthStr::width).max().unwrap_or(0)
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
