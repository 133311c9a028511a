//! Everything in a response that `--bucket` could read: its headers, the members of its JSON body, its address.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Reply, header, json};

/// Longer values are no names.
const LONGEST: usize = 120;
/// Members that are read, and how deep they may lie.
const MOST_MEMBERS: usize = 64;
const DEEPEST: usize = 4;
/// Longer bodies are not read.
const LONGEST_BODY: usize = 64 * 1024;

/// The values of one response by the `--bucket` that reads them: `header:x-version`, `json:/version`, `peer`.
#[must_use]
pub fn all_values(reply: &Reply<'_>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut note = |spec: String, value: &str| {
        if !value.is_empty() && value.len() <= LONGEST {
            values.entry(spec).or_insert_with(|| value.to_owned());
        }
    };
    for field in reply.headers.0 {
        let name = field.name.to_ascii_lowercase();
        // Of several fields of one name `--bucket` reads the first.
        note(format!("header:{name}"), &header::text(field.value));
    }
    note("peer".to_owned(), reply.peer);
    if reply.body.len() <= LONGEST_BODY
        && reply.body.trim_ascii_start().starts_with(b"{")
        && let Ok(body) = serde_json::from_slice(reply.body)
    {
        let mut left = MOST_MEMBERS;
        members(&body, "", DEEPEST, &mut |pointer, value| {
            if left > 0 {
                left -= 1;
                note(format!("json:{pointer}"), &json::text(value));
            }
        });
    }
    values
}

/// Every scalar of an object and its objects, with its JSON pointer (RFC 6901).
fn members(object: &Value, pointer: &str, depth: usize, found: &mut impl FnMut(&str, &Value)) {
    let Value::Object(own) = object else {
        return;
    };
    for (name, value) in own {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => found(&pointer, value),
            Value::Object(_) if depth > 1 => members(value, &pointer, depth - 1, found),
            Value::Object(_) | Value::Array(_) | Value::Null => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bucketer;
    use super::super::tests::of_reply;
    use super::*;

    fn values(headers: &[(&str, &str)], body: &str) -> BTreeMap<String, String> {
        of_reply(200, headers, body, |reply| {
            let values = all_values(reply);
            // Each is what its `--bucket` reads.
            for (spec, value) in &values {
                let bucketer = Bucketer::parse(&[spec]).expect("a spec to paste");
                assert_eq!(bucketer.value(reply).as_deref(), Some(value.as_str()));
            }
            values
        })
    }

    #[test]
    fn headers_and_members_are_called_as_bucket_calls_them() {
        let headers = [("X-Version", " v1 "), ("x-version", "v2"), ("x-empty", "")];
        let body = r#"{"version": "v2", "n": 3, "on": true, "no": null, "list": ["v1"],
                       "meta": {"a/b": {"c~d": {"e": "f", "g": {"h": "i"}}}}}"#;
        let expected = [
            ("header:x-version", "v1"),
            ("json:/meta/a~1b/c~0d/e", "f"),
            ("json:/n", "3"),
            ("json:/on", "true"),
            ("json:/version", "v2"),
            ("peer", "127.0.0.1:5000"),
        ];
        let expected = expected.map(|(spec, value)| (spec.to_owned(), value.to_owned()));
        assert_eq!(values(&headers, body), expected.into());
    }

    #[test]
    fn what_is_long_or_no_object_is_left_out() {
        let long = "a".repeat(LONGEST + 1);
        let of = |body: &str| values(&[("x-long", &long)], body).len();
        for body in ["", "v1", "[1]", "{", r#""v1""#] {
            assert_eq!(of(body), 1, "{body}");
        }
        let many: Vec<String> = (0..200).map(|n| format!(r#""m{n}": {n}"#)).collect();
        assert_eq!(of(&format!("{{{}}}", many.join(","))), 1 + MOST_MEMBERS);
    }
}
