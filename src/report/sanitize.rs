//! Foreign text made safe and short for a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) use crate::units::{printable as safe, printable_json as safe_json};

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
    use crate::units::is_unsafe;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fits_and_is_safe(text in any::<String>(), width in 1_usize..60) {
            let fitted = fitted(&text, width);
            prop_assert!(fitted.width() <= width, "{:?}", fitted);
            prop_assert!(!fitted.chars().any(is_unsafe));
        }
    }
}
