//! The whole model as JSON, schema [`super::SCHEMA`].

use std::io::{self, Write};

use super::sanitize::safe_json;
use super::{Report, Style};

pub(super) fn render(report: &Report, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    writeln!(out, "{}", safe_json(&text))
}
