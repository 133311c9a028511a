//! The rows as a table of Markdown.

use std::io::{self, Write};

use super::text::{details, word};
use crate::report::Report;
use crate::report::markdown::{code, prose};

/// Writes the table, and what has to be known beside it.
pub(in crate::report) fn rows(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "| Rule | Request | Sent | Declared | Observed | Verdict |"
    )?;
    writeln!(out, "|---|---|--:|---|---|---|")?;
    for row in &report.rules {
        let request = row.request.as_ref().map(|own| code(&own.brief()));
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            code(&row.label()),
            request.unwrap_or_default(),
            row.observed.as_ref().map_or(0, |own| own.seen.sent),
            prose(&row.declared()),
            prose(&row.seen()),
            word(row)
        )?;
    }
    writeln!(out)?;
    for line in details(report) {
        let sub = if line.starts_with("    ") { "  " } else { "" };
        writeln!(out, "{sub}- {}", prose(line.trim()))?;
    }
    writeln!(out)
}
