//! The whole report as one line between markers: it comes home in the log of a pod, whatever else stands in that.

use std::io::{self, Write};

use super::sanitize::safe_json;
use super::{GeneratorNumber, Report, Style};

/// What the line begins with, followed by which generator it was, or a dash.
const BEGIN: &str = "<<<resplit.report/1 ";
/// What it ends with.
const END: &str = " resplit.report>>>";

/// What a line of a log holds of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedReport<'a> {
    /// Which generator it is from, where it says so.
    pub generator: Option<GeneratorNumber>,
    /// The JSON of the report; `None` where the line is cut off.
    pub json: Option<&'a str>,
}

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string(report)?;
    let generator = report.record.generator;
    let generator = generator.map_or_else(|| "-".to_owned(), |generator| generator.to_string());
    writeln!(out, "{BEGIN}{generator} {}{END}", safe_json(&text))
}

/// The report in a line of a log; `None` where there is none. What stands before it and behind it was written by others.
#[must_use]
pub fn logged(line: &str) -> Option<LoggedReport<'_>> {
    let (_, rest) = line.split_once(BEGIN)?;
    let (generator, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let json = rest.rfind(END).map(|end| &rest[..end]);
    Some(LoggedReport {
        generator: generator.parse().ok(),
        json,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_found_behind_prefixes_and_before_other_text() {
        let of =
            |line| logged(line).map(|found| (found.generator.map(|own| own.index), found.json));
        for (line, found) in [
            (
                "<<<resplit.report/1 3/8 {} resplit.report>>>",
                Some((Some(3), Some("{}"))),
            ),
            (
                "[pod/a-3-x/resplit] 2026-01-01T00:00:00Z <<<resplit.report/1 - {\"a\": 1} resplit.report>>>\r",
                Some((None, Some("{\"a\": 1}"))),
            ),
            ("x <<<resplit.report/1 3/8 {\"a\": ", Some((Some(3), None))),
            ("<<<resplit.report/1 3", Some((None, None))),
            ("<<<resplit.rep", None),
            ("{}", None),
        ] {
            assert_eq!(of(line), found, "{line}");
        }
    }
}
