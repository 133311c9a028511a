//! Cases for people: a line for each, and under one that fails what differs.

use std::io::{self, Write};

use super::{CaseRow, LiveRow, TestReport};
use crate::report::sanitize::safe;
use crate::units::counted;

/// Rules without a case that are named.
const MOST_NAMED: usize = 10;

pub(super) fn render(report: &TestReport, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    for suite in &report.suites {
        writeln!(out, "{}", safe(&suite.name))?;
        for case in &suite.cases {
            row(case, colour, out)?;
        }
        writeln!(out)?;
    }
    let missing = &report.coverage.missing;
    for rule in missing.iter().take(MOST_NAMED) {
        writeln!(
            out,
            "no case takes {} ({})",
            safe(&rule.rule),
            safe(&rule.source)
        )?;
    }
    if let Some(more @ 1..) = missing.len().checked_sub(MOST_NAMED) {
        writeln!(out, "and {more} more rules")?;
    }
    for note in report.live.iter().flatten() {
        writeln!(out, "note: {}", safe(note))?;
    }
    writeln!(out, "{}", safe(&report.summary()))
}

fn row(case: &CaseRow, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let (word, code) = match case.outcome {
        "pass" => ("pass", "32"),
        "fail" => ("FAIL", "31"),
        "no-data" => ("no data", "31"),
        other => (other, "33"),
    };
    let word = if colour {
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    } else {
        word.to_owned()
    };
    let seen = case.live.as_ref().map_or_else(String::new, |live| {
        let sent = counted(live.sent, "request");
        format!(": {} ({sent})", live.observed)
    });
    writeln!(out, "  {word}  {}{}", safe(&case.name), safe(&seen))?;
    if case.outcome == "pass" {
        return Ok(());
    }
    for skipped in &case.skipped {
        writeln!(out, "        not checked: {}", safe(skipped))?;
    }
    if case.failed() {
        writeln!(
            out,
            "        resplit explain {}",
            safe(&case.request.arguments)
        )?;
        let rule = case.rule.as_deref().unwrap_or("no rule");
        let source = case
            .source
            .as_ref()
            .map_or_else(String::new, |source| format!(" ({source})"));
        writeln!(out, "        taken by {}{}", safe(rule), safe(&source))?;
        for one in &case.differences {
            writeln!(out, "        {}", safe(&one.what))?;
            writeln!(out, "          expected  {}", safe(&one.expected))?;
            writeln!(out, "          found     {}", safe(&one.found))?;
        }
    }
    if case.outcome == "skip" {
        return Ok(());
    }
    for line in case.live.iter().flat_map(LiveRow::lines) {
        writeln!(out, "        {}", safe(&line))?;
    }
    Ok(())
}
