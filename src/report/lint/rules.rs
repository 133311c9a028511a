//! The rules themselves: all of them in one line each, or one of them in full.

use std::io::{self, Write};

use crate::diag::Severity;
use crate::lint::{RULES, Rule};
use crate::report::table::{left, table};

/// How bad the findings of a rule usually are, in a word.
#[must_use]
pub fn severity(rule: &Rule) -> &'static str {
    match rule.code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// Writes one line for each rule.
pub fn list(out: &mut dyn Write) -> io::Result<()> {
    let header = vec![
        left("RULE"),
        left("NAME"),
        left("SEVERITY"),
        left("WHAT IS FOUND"),
    ];
    let rows = RULES.iter().map(|rule| {
        vec![
            left(rule.code.id()),
            left(rule.name),
            left(severity(rule)),
            left(rule.code.title()),
        ]
    });
    writeln!(out, "{}", table(header, rows))?;
    writeln!(
        out,
        "\n`resplit lint --explain RULE` says why it matters and how to mend it"
    )
}

/// Writes what a rule finds, why that matters, and what to do.
pub fn explain(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} {} ({})\n",
        rule.code.id(),
        rule.name,
        severity(rule)
    )?;
    writeln!(out, "what   {}", rule.code.title())?;
    writeln!(out, "why    {}", rule.rationale)?;
    writeln!(out, "mend   {}", rule.fix)?;
    writeln!(
        out,
        "allow  `# resplit: allow({})` on the line that is flagged or alone above it; --allow {} for all of them",
        rule.code.id(),
        rule.name
    )?;
    match rule.istio {
        Some(code) => writeln!(out, "istio  {code} of `istioctl analyze`"),
        None => Ok(()),
    }
}
