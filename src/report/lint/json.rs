//! Findings as JSON: `resplit.lint/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::{Findings, region};
use crate::diag::Severity;
use crate::report::sanitize::safe_json;

/// The name and major version of the JSON form.
const SCHEMA: &str = "resplit.lint/1";

#[derive(Serialize)]
struct Report<'r> {
    schema: &'static str,
    checked: &'r str,
    findings: Vec<Item<'r>>,
}

#[derive(Serialize)]
struct Item<'r> {
    rule: &'r str,
    name: &'r str,
    severity: Severity,
    object: Option<&'r str>,
    file: Option<&'r str>,
    line: Option<usize>,
    column: Option<usize>,
    message: &'r str,
    help: Option<&'r str>,
    istio: Option<&'r str>,
}

pub(super) fn render(findings: &Findings<'_>, _: bool, out: &mut dyn Write) -> io::Result<()> {
    let items = findings.findings.iter().map(|finding| {
        let place = finding.place();
        let region = place.map(|span| region(findings.sources, span));
        Item {
            rule: finding.code().id(),
            name: finding.name(),
            severity: finding.severity(),
            object: finding.object.as_deref(),
            file: place.map(|span| findings.sources.get(span.source).name()),
            line: region.map(|(line, ..)| line),
            column: region.map(|(_, column, ..)| column),
            message: &finding.note.message,
            help: finding.note.help.as_deref(),
            istio: finding.istio(),
        }
    });
    let report = Report {
        schema: SCHEMA,
        checked: &findings.checked,
        findings: items.collect(),
    };
    let text = serde_json::to_string_pretty(&report).map_err(io::Error::from)?;
    writeln!(out, "{}", safe_json(&text))
}
