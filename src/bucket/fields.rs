//! The header fields of a response, where they were read to.

use http::HeaderName;

/// A borrowed view of header fields; trailers of a gRPC call are among them.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'r>(pub &'r [httparse::Header<'r>]);

impl<'r> Fields<'r> {
    /// The value of the first field of that name.
    #[must_use]
    pub fn get(self, name: &HeaderName) -> Option<&'r [u8]> {
        self.all(name).next()
    }

    /// The values of all fields of that name, in their order.
    pub fn all(self, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'r [u8]> {
        let named = |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case(name.as_str());
        self.0.iter().filter(named).map(|field| field.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_of_a_name_is_found_in_any_case() {
        let fields =
            [("X-Version", "v1"), ("x-version", "v2")].map(|(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            });
        let get = |name| Fields(&fields).get(&HeaderName::from_static(name));
        assert_eq!((get("x-version"), get("x")), (Some(&b"v1"[..]), None));
    }
}
