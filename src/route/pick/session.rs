//! How the filter `stateful_session` writes an endpoint into a header or a cookie.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The key of the first field of `envoy.Cookie`, a text.
const ADDRESS: u8 = 0x0A;

/// The address in a value: base64 of the address itself, or, in newer cookies, of a message whose first field it is.
pub(super) fn address(value: &str) -> Option<String> {
    let bytes = STANDARD.decode(value.trim()).ok()?;
    let text = match bytes.as_slice() {
        [ADDRESS, length, rest @ ..] => rest.get(..usize::from(*length))?,
        text => text,
    };
    let text = std::str::from_utf8(text).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// The value that stands for an address.
pub(super) fn encoded(address: &str) -> String {
    STANDARD.encode(address)
}
