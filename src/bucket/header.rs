//! The value of a response header.

use std::borrow::Cow;

use http::HeaderName;

use super::{Extract, Origin, Reply};

/// `header:NAME`
#[derive(Debug)]
struct Header(HeaderName);

pub(super) fn parse(name: &str) -> Result<Box<dyn Extract>, String> {
    let name = name
        .parse()
        .map_err(|_| format!("`{name}` is not a valid header name"))?;
    Ok(Box::new(Header(name)))
}

impl Extract for Header {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        reply.headers.get(&self.0).map(text)
    }

    fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        let value = reply.headers.get(&self.0)?;
        Some((Origin::Header, value))
    }
}

/// The value of a field as text, without the white space around it.
pub(super) fn text(value: &[u8]) -> Cow<'_, str> {
    let value = value.trim_ascii();
    let text = String::from_utf8_lossy(value);
    if value.contains(&b'\n') {
        Cow::Owned(unfolded(&text))
    } else {
        text
    }
}

/// A value that was sent over several lines (obs-fold), in one: "replace each received obs-fold with one or more SP octets"
/// (RFC 9112, 5.2).
fn unfolded(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::value;

    #[test]
    fn a_folded_value_is_one_line() {
        let of = |text| value("header:x-a", 200, &[("x-a", text)], "");
        assert_eq!(of("1\r\n  2 3 \n\t4").as_deref(), Some("1 2 3 4"));
        assert_eq!(of("1  2").as_deref(), Some("1  2"));
    }
}
