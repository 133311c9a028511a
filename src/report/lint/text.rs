//! Findings as text: the source with carets, then the sum.

use std::io::{self, Write};

use super::Findings;
use crate::diag::render::render_coded;

pub(super) fn render(findings: &Findings<'_>, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let coded: Vec<_> = findings
        .findings
        .iter()
        .map(|finding| (finding.title(), &finding.note))
        .collect();
    let text = render_coded(&coded, findings.sources, colour);
    if !text.is_empty() {
        writeln!(out, "{text}")?;
    }
    writeln!(out, "{}", findings.summary())
}
