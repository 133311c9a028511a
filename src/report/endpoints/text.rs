//! The table for a terminal.

use std::io::{self, Write};

use super::EndpointsReport;
use crate::report::sanitize::{fitted, safe};
use crate::report::table::{left, table};

/// Columns of a value.
const WIDTH: usize = 44;

pub(super) fn render(report: &EndpointsReport, out: &mut dyn Write) -> io::Result<()> {
    let (url, outcome) = (safe(&report.target.url), report.outcome.to_string());
    writeln!(out, "{}: {}", outcome.to_uppercase(), safe(&report.reason))?;
    writeln!(
        out,
        "  {} {url}, endpoint by {} ({})\n",
        report.target.method,
        safe(&report.pick),
        report.mechanism
    )?;
    let header = vec![
        left("REQUEST"),
        left("VALUE"),
        left("SHOULD GET"),
        left("VERDICT"),
    ];
    let rows = report.rows.iter().map(|row| {
        vec![
            left(&fitted(&row.name, WIDTH)),
            left(&fitted(&row.value(), WIDTH)),
            left(&fitted(&row.expected.text(), WIDTH)),
            left(&row.outcome.to_string()),
        ]
    });
    writeln!(out, "{}", table(header, rows))?;
    for row in &report.rows {
        writeln!(out, "\n  {}: {}", safe(&row.name), safe(&row.reason))?;
        writeln!(out, "    landed on {}", safe(&row.seen()))?;
    }
    for note in &report.notes {
        writeln!(out, "\nnote: {}", safe(&note.message))?;
    }
    Ok(())
}
