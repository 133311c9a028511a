//! A value inside a JSON body, by JSON Pointer (RFC 6901). All of the body is read, and nothing but the value is kept: a body
//! of megabytes would be tens of them as a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Extract, Origin, Reply};

/// A value of more bytes is the same as another if its text is.
const LONGEST: usize = 64 << 10;

/// `json:/POINTER`, in its parts.
#[derive(Debug)]
struct Json(Vec<String>);

pub(super) fn parse(pointer: &str) -> Result<Box<dyn Extract>, String> {
    let Some(path) = pointer.strip_prefix('/') else {
        return Err(format!(
            "a JSON pointer starts with a slash: json:/{}",
            pointer.replace('.', "/")
        ));
    };
    let parts = path
        .split('/')
        .map(|part| part.replace("~1", "/").replace("~0", "~"));
    Ok(Box::new(Json(parts.collect())))
}

impl Extract for Json {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        let raw = found(reply.body, &self.0)?.get();
        if raw.len() > LONGEST && !raw.starts_with('"') {
            return Some(Cow::Borrowed(raw));
        }
        serde_json::from_str(raw).ok().map(|value| text(&value))
    }

    fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        Some((Origin::Body, reply.body))
    }
}

/// Strings without their quotes, everything else as JSON.
pub(super) fn text<'r>(value: &Value) -> Cow<'r, str> {
    Cow::Owned(match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// The text of the value that lies at the end of a path, if the whole body is JSON.
pub(super) fn found<'b>(body: &'b [u8], path: &[String]) -> Option<&'b RawValue> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let found = At(path).deserialize(&mut json).ok()?;
    json.end().ok()?;
    found
}

/// What lies at the end of a path.
struct At<'p>(&'p [String]);

/// Whether a name is the one on the path.
struct Named<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            serde::Deserialize::deserialize(json).map(Some)
        } else {
            json.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    /// Of several members of one name the last counts, as for most readers.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(named) = members.next_key_seed(Named(&self.0[0]))? {
            if named {
                found = members.next_value_seed(At(&self.0[1..]))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut left) = (None, index(&self.0[0]));
        loop {
            if left == Some(0) {
                match items.next_element_seed(At(&self.0[1..]))? {
                    None => return Ok(found),
                    Some(item) => found = item,
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            left = left.and_then(|left| left.checked_sub(1));
        }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// The number of an item: "no leading zeros" (RFC 6901, 4).
fn index(part: &str) -> Option<usize> {
    let plain = part.bytes().all(|byte| byte.is_ascii_digit());
    let padded = part.len() > 1 && part.starts_with('0');
    part.parse().ok().filter(|_| plain && !padded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bucket::Bucketer;
    use crate::bucket::tests::of_reply;

    fn read(pointer: &str, body: &str) -> Option<String> {
        let bucketer = Bucketer::parse(&[&format!("json:{pointer}")]).expect("a pointer");
        of_reply(200, &[], body, |reply| {
            bucketer.value(reply).map(|value| value.to_string())
        })
    }

    /// What a tree says, as it was read before.
    fn of_tree(pointer: &str, body: &str) -> Option<String> {
        let tree: Value = serde_json::from_str(body).ok()?;
        tree.pointer(pointer).map(|value| text(value).into_owned())
    }

    #[test]
    fn what_is_read_is_what_a_tree_of_the_body_says() {
        let bodies = [
            r#"{"a":{"b":[1,"two",{"c":null}],"b/c":true,"~":1.50},"a":{"b":[9]},"":"empty","0":"zero"}"#,
            r#"[["x"],{"a":"\u00e9"}]"#,
            r#"{"a": {"b" : [ 1 , 2 ] } }"#,
            r#""text""#,
            "1.5",
            r#"{"a":1} x"#,
            r#"{"a":"#,
        ];
        let pointers = [
            "/a/b/0", "/a/b", "/a/b/1", "/a/b/00", "/a/b/+1", "/a/b/9", "/a/b~1c", "/a/~0", "/",
            "/0", "/0/0", "/1/a", "/a/b/2/c", "/x", "/a",
        ];
        for body in bodies {
            for pointer in pointers {
                assert_eq!(
                    read(pointer, body),
                    of_tree(pointer, body),
                    "{pointer} {body}"
                );
            }
        }
    }

    #[test]
    fn a_value_of_megabytes_is_told_by_its_text() {
        let items = |last: &str| format!(r#"{{"all":[{}{last}]}}"#, "1,".repeat(100_000));
        let of = |last: &str| read("/all", &items(last)).expect("a value");
        assert_eq!(of("1"), of("1"));
        assert_ne!(of("1"), of("2"));
    }

    proptest! {
        #[test]
        fn whatever_the_body_is(body in r#"[\[\]{}",:a0-2 ~/\\]{0,30}"#, pointer in "(/[ab01~]{0,2}){1,3}") {
            prop_assert_eq!(read(&pointer, &body), of_tree(&pointer, &body).filter(|value| value.len() <= 256));
        }
    }
}
