//! Which admin interface is asked, as it is typed.

use std::str::FromStr;

use crate::load::admin::AdminAddress;

/// How an interface is written.
const FORMS: &str = "write http://HOST:PORT, unix:PATH, auto or off";

/// What `--proxy-admin` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum AdminChoice {
    /// The one that is found where proxies of a mesh have it.
    Auto,
    /// None.
    Off,
    /// This one.
    At(AdminAddress),
}

impl FromStr for AdminChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => return Ok(Self::Auto),
            "off" => return Ok(Self::Off),
            _ => {}
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(format!("`{text}` names no socket: {FORMS}")),
                path => Ok(Self::At(AdminAddress::Unix(path.into()))),
            };
        }
        let rest = match text.split_once("://") {
            None => text,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) => {
                return Err(format!(
                    "`{scheme}` is not a scheme of an admin interface: {FORMS}"
                ));
            }
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let wrong = || format!("`{text}` is not the address of an admin interface: {FORMS}");
        let parsed: http::uri::Authority = authority.parse().map_err(|_| wrong())?;
        let prefix = path.trim_end_matches('/');
        let plain = prefix.parse::<http::uri::PathAndQuery>().is_ok() || prefix.is_empty();
        if authority.contains('@') || prefix.contains(['?', '#']) || !plain {
            return Err(wrong());
        }
        let host = parsed.host().trim_start_matches('[').trim_end_matches(']');
        match parsed.port_u16() {
            Some(port) if port > 0 && !host.is_empty() => Ok(Self::At(AdminAddress::Tcp {
                host: host.to_owned(),
                port,
                prefix: prefix.to_owned(),
            })),
            _ => Err(format!("`{text}` names no port: {FORMS}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        text.parse::<AdminChoice>().map(|choice| match choice {
            AdminChoice::At(address) => address.to_string(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn an_interface_is_an_address_a_socket_or_a_word() {
        for (text, meant) in [
            ("auto", "Auto"),
            ("off", "Off"),
            ("http://127.0.0.1:15000", "http://127.0.0.1:15000"),
            ("http://127.0.0.1:15000/", "http://127.0.0.1:15000"),
            ("localhost:19000", "http://localhost:19000"),
            ("HTTP://[::1]:15000", "http://[::1]:15000"),
            ("http://a:80/pods/x/proxy/", "http://a:80/pods/x/proxy"),
            ("unix:/run/admin.sock", "unix:/run/admin.sock"),
            ("unix:///run/admin.sock", "unix:/run/admin.sock"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(meant), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_forms() {
        for text in [
            "",
            "on",
            "http://",
            "https://a:1",
            "http://a",
            "http://a:0",
            "http://a:99999",
            "unix:",
            "u:p@a:1",
            "a:1?x",
            "http://a b:1",
        ] {
            let error = shown(text).expect_err(text);
            assert!(error.ends_with(FORMS), "{error}");
        }
    }
}
