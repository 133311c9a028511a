//! The type of a YAML scalar that was written without quotes.

use std::borrow::Cow;

/// The type of a scalar, as `kubectl` reads it (YAML 1.1: `yes` and `on` are booleans).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'n> {
    /// Nothing, `~` or `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(&'n str),
}

/// The type of text written without quotes.
pub(super) fn plain(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            return Scalar::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        _ => {}
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Scalar::Float(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Scalar::Text(text);
    }
    if let Some(number) = whole(digits) {
        return Scalar::Int(if negative { -number } else { number });
    }
    // Rust reads `inf`, `nan` and `infinity` too; the first character rules them out.
    let number = digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    match digits.parse::<f64>() {
        Ok(value) if number => Scalar::Float(if negative { -value } else { value }),
        _ => Scalar::Text(text),
    }
}

/// Digits, with the bases and underscores that YAML 1.1 knows.
fn whole(digits: &str) -> Option<i128> {
    let digits = if digits.contains('_') {
        Cow::Owned(digits.replace('_', ""))
    } else {
        Cow::Borrowed(digits)
    };
    let based = |prefix: &str, radix| {
        digits
            .strip_prefix(prefix)
            .map(|rest| i128::from_str_radix(rest, radix).ok())
    };
    if let Some(number) = based("0x", 16)
        .or_else(|| based("0o", 8))
        .or_else(|| based("0b", 2))
    {
        return number.filter(|number| *number >= 0);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return i128::from_str_radix(&digits, 8).ok();
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_follow_kubectl() {
        for (text, scalar) in [
            ("", Scalar::Null),
            ("~", Scalar::Null),
            ("yes", Scalar::Bool(true)),
            ("off", Scalar::Bool(false)),
            ("90", Scalar::Int(90)),
            ("-1", Scalar::Int(-1)),
            ("0x10", Scalar::Int(16)),
            ("010", Scalar::Int(8)),
            ("1_000", Scalar::Int(1000)),
            ("1.5", Scalar::Float(1.5)),
            ("1.10", Scalar::Float(1.1)),
            (".5", Scalar::Float(0.5)),
            ("1e2", Scalar::Float(100.0)),
            ("v1", Scalar::Text("v1")),
            ("1.2.3", Scalar::Text("1.2.3")),
            ("2020-01-01T00:00:00Z", Scalar::Text("2020-01-01T00:00:00Z")),
            ("infinity", Scalar::Text("infinity")),
            ("-", Scalar::Text("-")),
        ] {
            assert_eq!(plain(text), scalar, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_type(text in ".*") {
            let _ = plain(&text);
        }
    }
}
