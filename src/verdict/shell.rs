//! Texts as a shell reads them back.

pub use crate::units::shell_quoted as quoted;

/// A word as a shell reads it: as it is where that is plain, else in single quotes.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        quoted(text)
    }
}
