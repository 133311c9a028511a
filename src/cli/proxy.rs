//! The HTTP proxy that `-x` names.

use super::credentials;
use super::failure::Failure;

/// An HTTP proxy.
pub(super) struct Proxy {
    /// Without brackets.
    pub(super) host: String,
    /// As typed, else that of curl.
    pub(super) port: u16,
    /// The value of `Proxy-Authorization`.
    pub(super) authorization: Option<String>,
}

impl Proxy {
    /// Reads `-x`.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let wrong = |message: String| {
            let help = "write it as -x http://USER:PASSWORD@HOST:PORT, as in -x proxy:3128";
            Failure::usage(message, help)
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if !scheme.eq_ignore_ascii_case("http") {
            let message = format!("`{scheme}` is not a supported kind of proxy: expected http");
            return Err(wrong(message));
        }
        let (user, authority) = match rest.trim_end_matches('/').rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, rest.trim_end_matches('/')),
        };
        let parsed: http::uri::Authority = authority
            .parse()
            .map_err(|error| wrong(format!("`{authority}` is not a valid proxy: {error}")))?;
        let host = parsed.host().trim_start_matches('[').trim_end_matches(']');
        let port = match parsed.port_u16() {
            Some(port) if port > 0 => port,
            // As in curl.
            None if authority.len() == parsed.host().len() => 1080,
            _ => {
                return Err(wrong(format!(
                    "`{authority}` has no port between 1 and 65535"
                )));
            }
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            authorization: user.map(credentials::in_url),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_host_and_perhaps_a_user() {
        let read = |text| {
            let proxy = Proxy::read(text).expect(text);
            (proxy.host, proxy.port, proxy.authorization)
        };
        assert_eq!(read("proxy:3128"), ("proxy".to_owned(), 3128, None));
        assert_eq!(read("http://[::1]/"), ("::1".to_owned(), 1080, None));
        let authorization = Some("Basic dTpwQHc=".to_owned());
        for text in ["http://u:p@w@proxy:80", "%75:p%40w@proxy:80"] {
            let expected = ("proxy".to_owned(), 80, authorization.clone());
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for (text, part) in [
            ("socks5://u:secret@a:1", "expected http"),
            ("u:secret@a:0", "no port"),
            ("u:secret@a b", "no proxy"),
        ] {
            let message = Proxy::read(text).err().expect(text).render();
            assert!(message.contains(part), "{text}: {message}");
            assert!(!message.contains("secret"), "{text}: {message}");
        }
    }
}
