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

/// Safe text in at most `width` columns, cut with an ellipsis.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    let text = safe(text);
    if text.width() <= width {
        return text;
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept + "…"
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
