//! Findings as workflow commands of GitHub Actions, which show them beside the changed lines.

use std::io::{self, Write};

use super::{Findings, region};
use crate::diag::Severity;
use crate::report::sanitize::safe;

pub(super) fn render(findings: &Findings<'_>, _: bool, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings.findings {
        let level = match finding.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        write!(out, "::{level} ")?;
        if let Some(span) = finding.place() {
            let (line, column, last, after) = region(findings.sources, span);
            let file = property(&safe(findings.sources.get(span.source).name()));
            write!(
                out,
                "file={file},line={line},endLine={last},col={column},endColumn={after},"
            )?;
        }
        let mut message = safe(&finding.note.message);
        if let Some(help) = &finding.note.help {
            message = format!("{message}\nhelp: {}", safe(help));
        }
        writeln!(
            out,
            "title={}::{}",
            property(&safe(&finding.title())),
            data(&message)
        )?;
    }
    writeln!(out, "{}", data(&findings.summary()))
}

/// The text of a command: nothing in it may end the line.
pub(in crate::report) fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property: nothing in it may end the property either.
pub(in crate::report) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("C:\\a,b"), "C%3A\\a%2Cb");
    }
}
