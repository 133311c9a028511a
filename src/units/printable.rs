//! Foreign text without what a terminal obeys, what hides other text, and what is no character of XML: the one place where
//! that is decided.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character could move the cursor, hide text or turn its direction, or is forbidden in XML 1.0.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    let noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control()
        || noncharacter
        || matches!(
            c,
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text with every unsafe character escaped: `\n`, `\u{1b}`.
#[must_use]
pub fn printable(text: &str) -> String {
    escaped(text, |_| false, false).into_owned()
}

/// The same for text of several lines: line ends and tabs stay.
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'), false)
}

/// The same for text with colours of ours, which stay.
#[must_use]
pub fn printable_colours(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'), true)
}

/// The same for text that is JSON: there only `\uXXXX` escapes exist, and control characters below U+0020 have them.
#[must_use]
pub fn printable_json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unsafe(c) && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// The text as a shell reads it back, in quotes: in `'…'`, or in `$'…'` where it holds what may not be shown as it is.
#[must_use]
pub fn shell_quoted(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut quoted = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_unsafe(c) => {
                // Its bytes: what a shell makes of a character depends on the locale.
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(quoted, "\\{byte:03o}");
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

fn escaped(text: &str, stays: impl Fn(char) -> bool, colours: bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unsafe(c) && !stays(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = if colours { colour(rest) } else { 0 };
        let length = if colour > 0 { colour } else { c.len_utf8() };
        if colour > 0 || stays(c) || !is_unsafe(c) {
            safe.push_str(&rest[..length]);
        } else {
            safe.extend(c.escape_default());
        }
        rest = &rest[length..];
    }
    Cow::Owned(safe)
}

/// How long the colour is that a text begins with (`ESC[1;31m`): 0 where it begins with none.
fn colour(text: &str) -> usize {
    let Some(after) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
    end.filter(|end| after[*end..].starts_with('m'))
        .map_or(0, |end| "\u{1b}[".len() + end + "m".len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(
            printable("a\x1b[2Jb\n\u{202e}c\u{9b}\u{ffff}"),
            r"a\u{1b}[2Jb\n\u{202e}c\u{9b}\u{ffff}"
        );
        assert_eq!(printable("päivää 🌦 天気 👍🏽"), "päivää 🌦 天気 👍🏽");
        assert_eq!(
            printable_json("\"\u{9b}\u{202e}\u{1fffe}\"\n"),
            "\"\\u009b\\u202e\\ud83f\\udffe\"\n"
        );
    }

    #[test]
    fn of_whole_texts_lines_stay_and_colours_where_they_are_ours() {
        let text = "\x1b[1;31merror\x1b[0m\ta\n\x1b[2J\r";
        assert_eq!(
            printable_colours(text),
            "\x1b[1;31merror\x1b[0m\ta\n\\u{1b}[2J\\r"
        );
        assert_eq!(
            printable_lines(text),
            "\\u{1b}[1;31merror\\u{1b}[0m\ta\n\\u{1b}[2J\\r"
        );
        assert!(matches!(printable_lines("a\n"), Cow::Borrowed("a\n")));
    }

    #[test]
    fn a_shell_gets_the_text_back() {
        for (text, quoted) in [
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("it's\n", r"$'it\'s\n'"),
            ("\x1b]0;x\x07\\", r"$'\033]0;x\007\\'"),
            ("\u{9b}1", r"$'\302\2331'"),
        ] {
            assert_eq!(shell_quoted(text), quoted);
        }
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text in any::<String>()) {
            prop_assert!(!printable(&text).chars().any(is_unsafe));
            prop_assert!(!printable_lines(&text).chars().any(|c| is_unsafe(c) && c != '\n' && c != '\t'));
            prop_assert!(!shell_quoted(&text).chars().any(is_unsafe));
            let json = serde_json::to_string(&text).expect("JSON");
            let json = printable_json(&json);
            prop_assert!(!json.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
