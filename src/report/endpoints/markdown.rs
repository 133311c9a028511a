//! The table for a comment on a change.

use std::io::{self, Write};

use super::EndpointsReport;
use crate::report::sanitize::safe;

pub(super) fn render(report: &EndpointsReport, out: &mut dyn Write) -> io::Result<()> {
    let cell = |text: &str| safe(text).replace('|', "\\|");
    writeln!(out, "**{}**: {}\n", report.outcome, cell(&report.reason))?;
    writeln!(
        out,
        "| request | value | should get | landed on | verdict |"
    )?;
    writeln!(out, "|---|---|---|---|---|")?;
    for row in &report.rows {
        writeln!(
            out,
            "| {} | {} | {} | {} | {}: {} |",
            cell(&row.name),
            cell(&row.value()),
            cell(&row.expected.text()),
            cell(&row.seen()),
            row.outcome,
            cell(&row.reason)
        )?;
    }
    for note in &report.notes {
        writeln!(out, "\n> {}", cell(&note.message))?;
    }
    Ok(())
}
