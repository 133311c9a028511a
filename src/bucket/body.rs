//! The whole body, surrounding white space apart.

use std::borrow::Cow;

use super::shorten::short_hash;
use super::{Extract, Origin, Reply};

/// `body`
#[derive(Debug)]
pub(super) struct Body;

impl Extract for Body {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        Some(text(reply.body))
    }

    fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        Some((Origin::Body, reply.body))
    }
}

/// The body as text. Bytes that are no text are told apart by a hash, and never shown raw.
pub(super) fn text(body: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text.trim()),
        Err(_) => Cow::Owned(format!(
            "({} bytes of binary, #{:08x})",
            body.len(),
            short_hash(body)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn binary_bodies_are_named_by_length_and_hash() {
        let (a, b) = (text(b"\xff\x00a"), text(b"\xff\x00b"));
        assert!(a.starts_with("(3 bytes of binary, #"), "{a}");
        assert_ne!(a, b);
        assert_eq!(text(b" v1\r\n"), "v1");
    }
}
