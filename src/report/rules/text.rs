//! The rows for a terminal.

use unicode_width::UnicodeWidthStr;

use crate::report::sanitize::{fitted, safe};
use crate::report::table::{left, right, table};
use crate::report::{Report, text};
use crate::verdict::Outcome;

use super::RuleResult;

/// Columns of the name of a rule at most, of a cell at least, and of all that is no text.
const NAME: usize = 36;
const CELL: usize = 16;
const NUMBERS: usize = 28;

/// A line for each row.
pub(in crate::report) fn listing(report: &Report, columns: usize) -> String {
    let brief = |row: &RuleResult| {
        row.request
            .as_ref()
            .map_or_else(String::new, super::SentRequest::brief)
    };
    let widest = |text: &dyn Fn(&RuleResult) -> String| {
        report
            .rules
            .iter()
            .map(|row| text(row).width())
            .max()
            .unwrap_or(0)
    };
    let room = columns.saturating_sub(widest(&RuleResult::label).min(NAME) + NUMBERS);
    // A third of the room is for each, and what one leaves is for the others, for shares first.
    let wanted = [
        widest(&brief),
        widest(&RuleResult::declared),
        widest(&RuleResult::seen),
    ];
    let mut given = wanted.map(|columns| columns.min((room / 3).max(CELL)));
    let mut left_over = room.saturating_sub(given.iter().sum());
    for at in [1, 2, 0] {
        let more = left_over.min(wanted[at] - given[at]);
        given[at] += more;
        left_over -= more;
    }
    let [request, declared, seen] = given;
    let header = ["RULE", "REQUEST"].map(left).into_iter();
    let header = header.chain([
        right("SENT"),
        left("DECLARED"),
        left("OBSERVED"),
        left("VERDICT"),
    ]);
    let rows = report.rules.iter().map(|row| {
        let sent = row.observed.as_ref().map_or(0, |own| own.seen.sent);
        vec![
            left(&fitted(&row.label(), NAME)),
            left(&fitted(&brief(row), request)),
            right(&sent.to_string()),
            left(&fitted(&row.declared(), declared)),
            left(&fitted(&row.seen(), seen)),
            left(&word(row)),
        ]
    });
    table(header.collect(), rows)
}

/// What became of a row, in a word.
pub(super) fn word(row: &RuleResult) -> String {
    match &row.unreachable {
        Some(unreachable) if unreachable.proven => "unreachable".to_owned(),
        Some(_) => "not tested".to_owned(),
        None => row.verdict.outcome.to_string(),
    }
}

/// What has to be known about rows beside their line: why they do not hold, and what cannot be reached.
pub(in crate::report) fn details(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for row in report.rules.iter().filter(|row| !holds(row)) {
        let place = format!("{} ({})", safe(&row.label()), safe(&row.source));
        if let Some(unreachable) = &row.unreachable {
            lines.push(format!("  {place}: {}", safe(&unreachable.message)));
            continue;
        }
        lines.push(format!(
            "  {}  {place}: {}",
            word(row),
            safe(&row.verdict.reason)
        ));
        for why in &row.verdict.diagnosis {
            lines.push(format!("    why: {}", safe(&why.message)));
        }
        for note in &row.verdict.caveats {
            lines.push(format!("    note: {}", safe(&note.message)));
        }
        if let Some(request) = &row.request {
            lines.push(format!("    {}", safe(&request.curl)));
        }
    }
    if let Some(coverage) = &report.coverage {
        lines.push(format!("  coverage: {}", coverage.sentence()));
    }
    lines
}

/// Whether there is nothing to add to the line of a row.
pub(super) fn holds(row: &RuleResult) -> bool {
    row.unreachable.is_none() && row.verdict.outcome == Outcome::Pass
}

/// The whole report of a row.
pub(super) fn whole(row: &RuleResult, report: &Report, style: crate::report::Style) -> Vec<u8> {
    let mut screen = Vec::new();
    if let Some(own) = row.alone(report) {
        // What is written to memory is written.
        let _ = text::render(&own, style, &mut screen);
    }
    screen
}
