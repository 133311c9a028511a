//! Fields of routes that change no split: only their names are checked.

use crate::manifest::decode::Decoder;
use crate::manifest::fields::Fields;

/// Operations on headers of requests and responses.
pub(super) fn headers(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) {
    if let Some(mut headers) = fields.map("headers", "headers", decoder) {
        named_only(
            &mut headers,
            "request",
            "header operations",
            decoder,
            &["set", "add", "remove"],
        );
        named_only(
            &mut headers,
            "response",
            "header operations",
            decoder,
            &["set", "add", "remove"],
        );
        headers.finish(decoder);
    }
}

/// A map whose fields are only checked for their names.
pub(super) fn named_only(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    what: &'static str,
    decoder: &mut Decoder<'_>,
    names: &[&'static str],
) {
    if let Some(mut map) = fields.map(key, what, decoder) {
        map.ignore(names);
        map.finish(decoder);
    }
}
