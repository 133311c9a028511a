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
        .map_err(|_| format!("`{name}` is no header name"))?;
    Ok(Box::new(Header(name)))
}

impl Extract for Header {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        let value = reply.headers.get(&self.0)?;
        Some(String::from_utf8_lossy(value.trim_ascii()))
    }

    fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        let value = reply.headers.get(&self.0)?;
        Some((Origin::Header, value))
    }
}
