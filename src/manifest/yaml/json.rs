//! YAML as JSON values.

use serde_json::Value as Json;

use super::{Entry, Node, Scalar, Value};

/// A node as a JSON value; places are lost.
#[must_use]
pub fn json(node: &Node<'_>) -> Json {
    match &node.value {
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => {
            let entry = |entry: &Entry<'_>| (entry.key.to_string(), json(&entry.value));
            Json::Object(entries.iter().map(entry).collect())
        }
        Value::Scalar { text, .. } => match node.scalar() {
            Some(Scalar::Null) | None => Json::Null,
            Some(Scalar::Bool(value)) => Json::Bool(value),
            Some(Scalar::Int(value)) => match i64::try_from(value) {
                Ok(value) => Json::from(value),
                Err(_) => Json::from(text.to_string()),
            },
            Some(Scalar::Float(value)) => Json::from(value),
            Some(Scalar::Text(text)) => Json::from(text),
        },
    }
}
