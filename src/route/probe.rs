//! The request whose route is asked for: what the load will send is what is resolved.

use std::net::IpAddr;

/// The parts of a request that routing may look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `GET`.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The host of the `Host` header, without port.
    pub host: String,
    /// The port dialled.
    pub port: u16,
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
        Some(Self {
            method: method.to_owned(),
            scheme: scheme.to_owned(),
            host: url.host()?.to_owned(),
            port: url.port_u16().unwrap_or(default_port(scheme)),
            path: path.to_owned(),
            query: url.query().map(str::to_owned),
            headers: Vec::new(),
        })
    }

    /// What stands in the `Host` header: the port is written unless it is the default of the scheme.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == default_port(&self.scheme) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether the host is an address or `localhost`: a port-forward or a test, not the name of a service.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.bare_host();
        host.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost")
    }

    /// The host without the brackets of an IPv6 address.
    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The path as the proxy matches it: dot segments resolved, escapes kept.
    #[must_use]
    pub fn normal_path(&self) -> String {
        let mut segments: Vec<&str> = Vec::new();
        let mut directory = false;
        for segment in self.path.trim_start_matches('/').split('/') {
            directory = matches!(segment, "." | "..");
            match segment {
                "." => {}
                ".." => {
                    segments.pop();
                }
                other => segments.push(other),
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

    #[test]
    fn dot_segments_are_resolved_and_escapes_kept() {
        for (path, normal) in [
            ("/a/../b", "/b"),
            ("/a/./b/", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/a%2Fb", "/a%2Fb"),
            ("/a//b", "/a//b"),
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
        assert_eq!(probe("http://reviews:9080/").authority(), "reviews:9080");
        assert_eq!(probe("http://reviews/").authority(), "reviews");
        assert_eq!(probe("https://reviews:443/").authority(), "reviews");
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
    }

    proptest! {
        #[test]
        fn any_path_normalises_to_a_path(path in ".*") {
            let probe = Probe { path, ..probe("http://h/") };
            prop_assert!(probe.normal_path().starts_with('/'));
        }
    }
}
