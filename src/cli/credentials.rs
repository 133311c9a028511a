//! User and password, as HTTP sends them (Basic, RFC 7617).

use base64::Engine;

/// As an option says them: a user alone has an empty password.
pub(super) fn typed(text: &str) -> String {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    basic(user.as_bytes(), password.as_bytes())
}

/// As a URL says them, which has its own signs percent-encoded.
pub(super) fn in_url(userinfo: &str) -> String {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    basic(&decoded(user), &decoded(password))
}

fn basic(user: &[u8], password: &[u8]) -> String {
    let pair = [user, b":", password].concat();
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {encoded}")
}

/// The bytes that are meant (RFC 3986, 2.1); a percent sign without two digits means itself, as in curl.
pub(super) fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |at: usize| char::from(*tail.get(at)?).to_digit(16);
        let byte = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_its_own_signs_encoded() {
        assert_eq!(in_url("us%40er:p%3aw"), typed("us@er:p:w"));
        assert_eq!(in_url("u:p@w%"), typed("u:p@w%"));
        assert_eq!(in_url("100%25:%zz%4"), typed("100%:%zz%4"));
        assert_eq!(in_url("%C3%BC:"), typed("ü:"));
    }

    #[test]
    fn a_user_alone_has_an_empty_password() {
        assert_eq!(typed("user"), "Basic dXNlcjo=");
        assert_eq!(in_url("user"), typed("user:"));
        assert_eq!(typed("us%65r"), typed("us%65r:"));
    }
}
