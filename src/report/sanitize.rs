//! Foreign text made safe and short for a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character could move the cursor, hide text or turn its direction.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text with every unsafe character escaped: `\n`, `\u{1b}`.
pub(super) fn safe(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if is_unsafe(c) {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

/// The same for text that is JSON: there only `\uXXXX` escapes exist, and control characters below U+0020 have them.
pub(super) fn safe_json(text: &str) -> String {
    let escaped = |c: char| {
        if is_unsafe(c) && c != '\n' {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

/// Safe text in at most `width` columns. What does not fit is left out of the middle: long values end in a hash.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    let text = safe(text);
    if text.width() <= width {
        return text;
    }
    let tail: String = taken(text.chars().rev(), width / 3)
        .into_iter()
        .rev()
        .collect();
    let room = width.saturating_sub(1 + tail.width());
    let head: String = taken(text.chars(), room).into_iter().collect();
    format!("{head}…{tail}")
}

/// The first characters that fit.
fn taken(chars: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    chars.take_while(fits).collect()
}

/// Without the number of skipped cases in the root element: the schema by which Jenkins reads has it in suites alone.
pub(super) fn without_skipped_in_all(xml: &str) -> String {
    let parted = xml.split_once(" skipped=\"").and_then(|(before, rest)| {
        let (_, after) = rest.split_once('"')?;
        Some(format!("{before}{after}"))
    });
    parted.unwrap_or_else(|| xml.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        assert_eq!(
            safe("a\x1b[2Jb\n\u{202e}c\u{9b}"),
            r"a\u{1b}[2Jb\n\u{202e}c\u{9b}"
        );
        assert_eq!(safe("päivää 🌦 天気"), "päivää 🌦 天気");
        assert_eq!(safe_json("\"\u{9b}\u{202e}\"\n"), "\"\\u009b\\u202e\"\n");
    }

    proptest! {
        #[test]
        fn fits_and_is_safe(text in any::<String>(), width in 1_usize..60) {
            let fitted = fitted(&text, width);
            prop_assert!(fitted.width() <= width, "{:?}", fitted);
            prop_assert!(!fitted.chars().any(is_unsafe));
        }
    }
}
