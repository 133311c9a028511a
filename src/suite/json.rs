//! How JSON values are compared.

use serde_json::{Map, Value as Json};

/// Whether two values say the same: numbers by value, `90.0` as `90`, durations by length, and what is empty, zero or false as what
/// is not there.
pub(super) fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            let null = Json::Null;
            keys.into_iter().all(|key| {
                let (one, other) = (one.get(key), other.get(key));
                same(one.unwrap_or(&null), other.unwrap_or(&null))
            })
        }
        (Json::Array(one), Json::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::String(one), Json::String(other)) => {
            one == other || seconds(one).is_some_and(|length| seconds(other) == Some(length))
        }
        (one, other) => one == other || empty(one) && empty(other),
    }
}

/// Whether a value says no more than its absence.
pub(super) fn empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.as_f64() == Some(0.0),
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.values().all(empty),
    }
}

/// The length of `1.5s`, `500ms`, `1h30m` in milliseconds.
fn seconds(text: &str) -> Option<f64> {
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "ms" => 1.0,
            "s" => 1e3,
            "m" => 6e4,
            "h" => 3.6e6,
            _ => return None,
        };
        total += number * factor;
        rest = &rest[unit..];
    }
    (!text.is_empty()).then_some(total)
}

/// The members of a map that is one, else nothing.
pub(super) fn object(value: Option<&Json>) -> Map<String, Json> {
    value.and_then(Json::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_says_the_same_is_the_same() {
        for (one, other, wanted) in [
            (
                json!({ "a": 90 }),
                json!({ "a": 90.0, "b": 0, "c": {} }),
                true,
            ),
            (json!("1.5s"), json!("1500ms"), true),
            (json!("90s"), json!("1m30s"), true),
            (json!("1s"), json!("2s"), false),
            (json!([1, 2]), json!([2, 1]), false),
            (json!([1]), json!([1, 2]), false),
            (json!(null), json!(""), true),
            (json!({ "a": { "b": "" } }), json!({}), true),
            (json!("a"), json!("b"), false),
            (json!(true), json!(null), false),
            (json!("s"), json!(""), false),
        ] {
            assert_eq!(same(&one, &other), wanted, "{one} {other}");
            assert_eq!(same(&other, &one), wanted, "{other} {one}");
        }
    }
}
