//! The cookies of a user: what a server sets, and what is sent back.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};

/// The name and the value of a `set-cookie` field, and whether the cookie is kept (RFC 6265, 5.2).
pub(super) fn set_cookie(field: &[u8]) -> Option<(String, String, bool)> {
    let text = String::from_utf8_lossy(field);
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let over = parts.any(|part| {
        let age = part
            .split_once('=')
            .filter(|(key, _)| key.eq_ignore_ascii_case("max-age"));
        age.is_some_and(|(_, age)| age.trim().parse::<i64>().is_ok_and(|age| age <= 0))
    });
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned(), !over))
}

/// Adds cookies to those that a request has; its own go first, and count where one of them has the same name.
pub(super) fn add_cookies(headers: &mut HeaderMap, cookies: &[(String, String)]) {
    let own = headers
        .get(COOKIE)
        .map(|own| String::from_utf8_lossy(own.as_bytes()).into_owned());
    let own_has = |name: &str| {
        let mut pairs = own.iter().flat_map(|own| own.split(';'));
        pairs.any(|pair| pair.trim().split('=').next() == Some(name))
    };
    let kept = cookies.iter().filter(|(name, _)| !own_has(name));
    let kept = kept.map(|(name, value)| format!("{name}={value}"));
    let all: Vec<String> = own.iter().cloned().chain(kept).collect();
    if let Ok(value) = HeaderValue::from_str(&all.join("; "))
        && !all.is_empty()
    {
        headers.insert(COOKIE, value);
    }
}
