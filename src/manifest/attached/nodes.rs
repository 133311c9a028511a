//! What is read of a node without minding what is wrong with it.

use crate::manifest::yaml::{Node, Value};

/// The text of a scalar, quoted or not.
pub(in crate::manifest) fn text(node: &Node<'_>) -> Option<String> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Some(text.to_string()),
        _ => None,
    }
}

/// The items of a list; none where it is absent or no list.
pub(in crate::manifest) fn items<'n, 's>(node: &'n Node<'s>, key: &str) -> &'n [Node<'s>] {
    match node.get(key).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The texts of a list.
pub(in crate::manifest) fn texts(node: &Node<'_>, key: &str) -> Vec<String> {
    items(node, key).iter().filter_map(text).collect()
}
