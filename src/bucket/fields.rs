//! The header fields of an answer, in whatever form the protocol has read them. Not: what they mean.

use http::{HeaderMap, HeaderName};

/// A borrowed view of header fields.
#[derive(Clone, Copy, Debug)]
pub enum Fields<'r> {
    /// Collected, as HTTP/2 has them; trailers of a gRPC call are among them.
    Map(&'r HeaderMap),
    /// As they came over an HTTP/1.1 connection: nothing is copied to look at one.
    Raw(&'r [httparse::Header<'r>]),
}

impl<'r> Fields<'r> {
    /// The value of the first field of that name.
    #[must_use]
    pub fn get(self, name: &HeaderName) -> Option<&'r [u8]> {
        match self {
            Self::Map(map) => map.get(name).map(http::HeaderValue::as_bytes),
            Self::Raw(fields) => fields
                .iter()
                .find(|field| field.name.eq_ignore_ascii_case(name.as_str()))
                .map(|field| field.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_form() {
        let name = HeaderName::from_static("x-version");
        let raw =
            [("X-Version", "v1"), ("x-version", "v2")].map(|(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            });
        let map: HeaderMap = [(name.clone(), "v1".parse().expect("a value"))]
            .into_iter()
            .collect();
        for fields in [Fields::Raw(&raw), Fields::Map(&map)] {
            assert_eq!(fields.get(&name), Some(&b"v1"[..]));
            assert_eq!(fields.get(&HeaderName::from_static("x")), None);
        }
    }
}
