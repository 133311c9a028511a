//! How heads of HTTP/1.1 responses are parsed, for connections and for tunnels through a proxy.

use httparse::ParserConfig;

use crate::observe::{Failure, FailureKind};

/// How heads are read: with folded lines, which "a user agent that receives an obs-fold" replaces by blanks (RFC 9112, 5.2;
/// whoever makes a text of a value does), and blanks before a colon (RFC 9112, 5.1).
pub(super) fn heads() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true);
    config
}

/// What is sent is not HTTP.
pub(super) fn malformed(message: &str) -> Failure {
    Failure::new(FailureKind::Malformed, message.to_owned())
}
