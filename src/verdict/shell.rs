//! Texts as a shell reads them back.

/// The text in single quotes, as a shell reads it back.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
