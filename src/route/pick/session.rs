//! How the filter `stateful_session` writes an endpoint into a header or a cookie.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The key of the first field, a text.
const FIRST: u64 = 0x0A;

/// The address in a value: base64 of the address itself, or, in a cookie, of a message `envoy.Cookie` whose first field it is.
/// Envoy takes a cookie for such a message wherever it can, `127.0.0.1` included, which names no endpoint then.
pub(super) fn address(value: &str, in_cookie: bool) -> Option<String> {
    let bytes = STANDARD.decode(value.trim()).ok()?;
    let message = Some(bytes.as_slice()).filter(|_| in_cookie);
    let address = message.and_then(first_field);
    let text = std::str::from_utf8(address.unwrap_or(&bytes)).ok()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// The first field of a message, empty where it is not there; `None` where the bytes are no message.
fn first_field(mut rest: &[u8]) -> Option<&[u8]> {
    let mut first: &[u8] = &[];
    while !rest.is_empty() {
        let (key, after) = number(rest)?;
        let (length, after) = match key & 7 {
            0 => (0, number(after)?.1),
            1 => (8, after),
            2 => number(after)?,
            5 => (4, after),
            _ => return None,
        };
        let length = usize::try_from(length).ok().filter(|_| key >> 3 > 0)?;
        let field = after.get(..length)?;
        if key == FIRST {
            first = field;
        }
        rest = &after[length..];
    }
    Some(first)
}

/// The number at the beginning, seven bits in a byte, and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| *byte < 0x80)?;
    let (number, rest) = bytes.split_at(end + 1);
    let bits = number.iter().enumerate();
    let value = bits.fold(0, |sum, (at, byte)| {
        sum | (u64::from(byte & 0x7F) << (7 * at).min(63))
    });
    Some((value, rest))
}

/// The value that stands for an address.
pub(super) fn encoded(address: &str) -> String {
    STANDARD.encode(address)
}
