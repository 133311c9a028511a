//! A value inside a JSON body, by JSON Pointer (RFC 6901).

use std::borrow::Cow;

use serde_json::Value;

use super::{Extract, Origin, Reply};

/// `json:/POINTER`
#[derive(Debug)]
struct Json(String);

pub(super) fn parse(pointer: &str) -> Result<Box<dyn Extract>, String> {
    if !pointer.starts_with('/') {
        return Err(format!(
            "a JSON pointer starts with a slash: json:/{}",
            pointer.replace('.', "/")
        ));
    }
    Ok(Box::new(Json(pointer.to_owned())))
}

impl Extract for Json {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        let value: Value = serde_json::from_slice(reply.body).ok()?;
        value.pointer(&self.0).map(text)
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
