//! Findings as SARIF 2.1.0, which code scanners read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Findings, region};
use crate::diag::{Code, Label, Severity, Sources};
use crate::lint::{Finding, RULES};
use crate::report::sanitize::safe_json;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn render(findings: &Findings<'_>, _: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code.id(),
                "name": rule.name,
                "shortDescription": { "text": rule.code.title() },
                "fullDescription": { "text": rule.rationale },
                "help": { "text": rule.fix },
                "defaultConfiguration": { "level": level(rule.code.severity()) },
            })
        })
        .collect();
    let mut places: BTreeMap<Code, usize> = RULES
        .iter()
        .enumerate()
        .map(|(at, rule)| (rule.code, at))
        .collect();
    // Problems of decoding have no rule of their own; what they are called is listed behind the rules.
    for finding in findings.findings {
        places.entry(finding.code()).or_insert_with(|| {
            rules.push(json!({
                "id": finding.code().id(),
                "shortDescription": { "text": finding.note.code.title() },
            }));
            rules.len() - 1
        });
    }
    let results: Vec<Value> = findings
        .findings
        .iter()
        .map(|finding| result(finding, places[&finding.code()], findings.sources))
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&log).map_err(io::Error::from)?;
    writeln!(out, "{}", safe_json(&text))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn result(finding: &Finding, index: usize, sources: &Sources) -> Value {
    let mut message = finding.note.message.clone();
    if let Some(help) = &finding.note.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    let mut result = json!({
        "ruleId": finding.code().id(),
        "ruleIndex": index,
        "level": level(finding.severity()),
        "message": { "text": message },
    });
    let [first, more @ ..] = &finding.note.labels[..] else {
        return result;
    };
    let mut place = location(first, sources);
    if let Some(object) = &finding.object {
        place["logicalLocations"] = json!([{ "fullyQualifiedName": object, "kind": "object" }]);
    }
    result["locations"] = json!([place]);
    if !more.is_empty() {
        let more: Vec<Value> = more.iter().map(|label| location(label, sources)).collect();
        result["relatedLocations"] = json!(more);
    }
    result
}

fn location(label: &Label, sources: &Sources) -> Value {
    let (line, column, last, after) = region(sources, label.span);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(sources.get(label.span.source).name()) },
            "region": { "startLine": line, "startColumn": column, "endLine": last, "endColumn": after },
        },
    });
    if !label.message.is_empty() {
        location["message"] = json!({ "text": label.message });
    }
    location
}

/// A path as a reference: what is no letter of a URI is escaped.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference() {
        assert_eq!(uri("a b/ä:c.yaml"), "a%20b/%C3%A4%3Ac.yaml");
        assert_eq!(uri("/tmp/x.yaml"), "file:///tmp/x.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}
