//! The request whose route is asked for: what the load will send is what is resolved.

use std::fmt::Write as _;
use std::net::IpAddr;

/// The parts of a request that routing may look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// `GET`.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The host of the URL: where the connection goes.
    pub address: String,
    /// The port of the URL.
    pub port: u16,
    /// The `Host` header as it is sent, with its port if it has one.
    pub authority: String,
    /// The path, at least `/`, without the query.
    pub path: String,
    /// The query without `?`.
    pub query: Option<String>,
    /// The headers that are sent on top of `Host`.
    pub headers: Vec<(String, String)>,
}

impl Probe {
    /// The request for an absolute URL.
    #[must_use]
    pub fn new(method: &str, url: &http::Uri) -> Option<Self> {
        let scheme = url.scheme_str()?;
        let path = if url.path().is_empty() {
            "/"
        } else {
            url.path()
        };
        let address = url.host()?.to_owned();
        let port = url.port_u16().unwrap_or(default_port(scheme));
        let authority = if port == default_port(scheme) {
            address.clone()
        } else {
            format!("{address}:{port}")
        };
        Some(Self {
            method: method.to_owned(),
            scheme: scheme.to_owned(),
            address,
            port,
            authority,
            path: path.to_owned(),
            query: url.query().map(str::to_owned),
            headers: Vec::new(),
        })
    }

    /// The same request with another `Host` header.
    #[must_use]
    pub fn with_host(self, authority: impl Into<String>) -> Self {
        Self {
            authority: authority.into(),
            ..self
        }
    }

    /// The host that is asked for: the `Host` header without its port; an IPv6 address keeps its colons.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => {
                name
            }
            _ => &self.authority,
        }
    }

    /// The port of the service, where the request tells it: a connection to an address of this machine may be a
    /// port-forward, whose port says nothing.
    #[must_use]
    pub fn service_port(&self) -> Option<u16> {
        if !is_local(&self.address) {
            return Some(self.port);
        }
        let host = self.host();
        let named = self.authority.strip_prefix(host)?.strip_prefix(':')?;
        if is_local(host) {
            None
        } else {
            named.parse().ok()
        }
    }

    /// Whether the host asked for is an address or `localhost`, which is not the name of a service.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_local(self.host())
    }

    /// Whether the host asked for is this machine, where a port-forward may stand for any service.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>();
        let own = |address: IpAddr| address.is_loopback() || address.is_unspecified();
        address.map_or_else(|_| is_local(host), own)
    }

    /// The value of the first query parameter of that name, neither of them unescaped.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.query.as_deref()?.split('&');
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The value of the first cookie of a name, its quotes taken off.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let headers = self.headers.iter();
        let mut cookies = headers
            .filter(|(key, _)| key.eq_ignore_ascii_case("cookie"))
            .flat_map(|(_, value)| value.split(';'));
        let (_, value) = cookies.find_map(|cookie| {
            let pair = cookie.trim().split_once('=')?;
            (pair.0 == name).then_some(pair)
        })?;
        let bare = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        Some(bare.unwrap_or(value))
    }

    /// The path as the proxy matches it, normalised as every proxy of a mesh is told to: dot segments resolved, letters
    /// and digits that were escaped without need unescaped, a backslash taken for a slash. Other escapes stay.
    #[must_use]
    pub fn normal_path(&self) -> String {
        // Most paths are normal already, and every condition asks.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_~.".contains(&byte);
        if self.path.starts_with('/') && self.path.bytes().all(plain) && !self.path.contains("/.") {
            return self.path.clone();
        }
        let mut segments: Vec<String> = Vec::new();
        let mut directory = false;
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        for written in path.split(['/', '\\']) {
            let segment = canonical(written);
            // What follows a semicolon are parameters of a segment; behind dots that were escaped they are not.
            let bare = written.split(';').next().unwrap_or(written);
            let bare = if matches!(bare, "." | "..") {
                bare
            } else {
                &segment
            };
            directory = matches!(bare, "." | "..");
            match bare {
                "." => {}
                ".." => {
                    segments.pop();
                }
                _ => segments.push(segment),
            }
        }
        let end = if directory && !segments.is_empty() {
            "/"
        } else {
            ""
        };
        format!("/{}{end}", segments.join("/"))
    }
}

/// Escapes what must be escaped, and nothing that need not be.
fn canonical(segment: &str) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = segment.as_bytes();
    let mut canonical = String::with_capacity(segment.len());
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        match first {
            b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x7F.. | ..0x20 => {
                let _ = write!(canonical, "%{first:02X}");
            }
            b'%' => {
                let code = hex(rest.first()).zip(hex(rest.get(1)));
                let meant = code.and_then(|(high, low)| char::from_u32(high * 16 + low));
                match meant.filter(|c| c.is_ascii_alphanumeric() || "-._~".contains(*c)) {
                    Some(plain) => {
                        canonical.push(plain);
                        bytes = &rest[2..];
                    }
                    None => canonical.push('%'),
                }
            }
            plain => canonical.push(char::from(*plain)),
        }
    }
    canonical
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok() || bare.eq_ignore_ascii_case("localhost")
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn default_port(scheme: &str) -> u16 {
    if scheme.eq_ignore_ascii_case("https") {
        443
    } else {
        80
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn probe(url: &str) -> Probe {
        Probe::new("GET", &url.parse().expect("a URL")).expect("an absolute URL")
    }

    /// What Envoy 1.40 does with `normalize_path`.
    #[test]
    fn dot_segments_are_resolved_and_needed_escapes_kept() {
        for (path, normal) in [
            ("/a/../b", "/b"),
            ("/a/./b/", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a//b", "/a//b"),
            ("//b", "//b"),
            ("/%2e/b", "/b"),
            ("/a/%2E%2e", "/"),
            ("/a%41%7e", "/aA~"),
            ("/a\\b", "/a/b"),
            ("/a|b", "/a%7Cb"),
            ("/a/..;x/b", "/b"),
            ("/a/%2e%2e;x/b", "/a/..;x/b"),
            ("/a%zz%", "/a%zz%"),
        ] {
            assert_eq!(
                probe(&format!("http://h{path}")).normal_path(),
                normal,
                "{path}"
            );
        }
    }

    #[test]
    fn the_authority_includes_the_port_as_sent() {
        assert_eq!(probe("http://reviews:9080/").authority, "reviews:9080");
        assert_eq!(probe("http://reviews/").authority, "reviews");
        assert_eq!(probe("https://reviews:443/").authority, "reviews");
    }

    #[test]
    fn the_port_of_the_service_is_not_that_of_a_port_forward() {
        assert_eq!(probe("http://reviews:9080/").service_port(), Some(9080));
        let forward = probe("http://127.0.0.1:15000/");
        assert_eq!(forward.service_port(), None);
        let named = forward.clone().with_host("reviews");
        assert_eq!(
            (named.host(), named.is_local(), named.service_port()),
            ("reviews", false, None)
        );
        let named = forward.with_host("reviews:9080");
        assert_eq!(
            (named.host(), named.service_port()),
            ("reviews", Some(9080))
        );
    }

    #[test]
    fn addresses_and_localhost_are_local() {
        for url in [
            "http://127.0.0.1:5000",
            "http://[::1]/",
            "http://LOCALHOST/",
        ] {
            assert!(probe(url).is_local(), "{url}");
        }
        assert!(!probe("http://weather-backend:5000").is_local());
        for (url, own) in [
            ("http://127.0.0.9", true),
            ("http://[::1]", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("http://[fd00::1]", false),
            ("http://web", false),
        ] {
            assert_eq!(probe(url).is_loopback(), own, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_path_normalises_to_a_path(path in ".*") {
            let probe = Probe { path, ..probe("http://h/") };
            prop_assert!(probe.normal_path().starts_with('/'));
        }
    }
}
