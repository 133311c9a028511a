//! What a regular expression finds in the body: its first group, else the whole match.

use std::borrow::Cow;

use regex::bytes::Regex;

use super::{Extract, Origin, Reply};

/// `regex:RE`
#[derive(Debug)]
pub(super) struct Pattern(pub(super) Regex);

pub(super) fn parse(pattern: &str) -> Result<Box<dyn Extract>, String> {
    let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
    Ok(Box::new(Pattern(regex)))
}

impl Extract for Pattern {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        let captures = self.0.captures(reply.body)?;
        let found = captures.get(1).or_else(|| captures.get(0))?;
        Some(String::from_utf8_lossy(found.as_bytes()))
    }

    fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        Some((Origin::Body, reply.body))
    }
}
