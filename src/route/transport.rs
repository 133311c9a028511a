//! What a client says to a proxy before its first request.

use std::net::IpAddr;

use super::Probe;

/// How a connection begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Not known: no request is asked about.
    #[default]
    Unknown,
    /// Without a handshake: the request comes in the clear.
    Plain,
    /// With a TLS handshake.
    Tls {
        /// The host of the URL, unless that is an address: an address is not sent.
        server_name: Option<String>,
        /// Whether the `Host` header names the same host.
        is_host: bool,
    },
}

impl Transport {
    /// That of the connection of a request.
    #[must_use]
    pub fn of(probe: &Probe) -> Self {
        if !probe.scheme.eq_ignore_ascii_case("https") {
            return Self::Plain;
        }
        let bare = probe.address.trim_start_matches('[').trim_end_matches(']');
        let name = bare.parse::<IpAddr>().is_err().then(|| bare.to_lowercase());
        Self::Tls {
            is_host: name
                .as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(probe.host())),
            server_name: name,
        }
    }

    /// How well a TLS listener for these hosts fits the handshake: an exact name before a wildcard, a longer wildcard before
    /// a shorter one. `None` where it does not take the connection.
    #[must_use]
    pub fn fit<'h>(&self, hosts: impl Iterator<Item = &'h str>) -> Option<usize> {
        let asked = match self {
            Self::Unknown => return Some(0),
            Self::Plain => return None,
            Self::Tls { server_name, .. } => server_name.as_deref(),
        };
        let fit = |host: &str| match (host.strip_prefix('*'), asked) {
            (Some(""), _) => Some(0),
            (Some(suffix), Some(name)) => name.ends_with(suffix).then_some(suffix.len()),
            (None, Some(name)) => (name == host).then_some(usize::MAX),
            (_, None) => None,
        };
        hosts.filter_map(fit).max()
    }

    /// The connection in words, to follow `takes`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Unknown => "the connection".to_owned(),
            Self::Plain => "a connection without TLS".to_owned(),
            Self::Tls {
                server_name: Some(name),
                ..
            } => format!("a TLS handshake for `{name}`"),
            Self::Tls {
                server_name: None, ..
            } => "a TLS handshake without a server name (the host of the URL is an address)"
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Transport {
        Transport::of(&Probe::new("GET", &url.parse().expect("a URL")).expect("absolute"))
    }

    #[test]
    fn the_name_in_the_handshake_is_the_host_of_the_url_and_never_an_address() {
        assert_eq!(of("http://a.example/"), Transport::Plain);
        for (url, name) in [
            ("https://A.example:8443/", Some("a.example")),
            ("https://10.0.0.1/", None),
            ("https://[fd00::1]/", None),
        ] {
            let wanted = Transport::Tls {
                server_name: name.map(str::to_owned),
                is_host: name.is_some(),
            };
            assert_eq!(of(url), wanted, "{url}");
        }
    }

    #[test]
    fn the_best_host_fits_best() {
        let hosts = ["*", "*.example", "*.a.example", "b.a.example"];
        let fit = |url: &str, host: &'static str| of(url).fit(std::iter::once(host));
        let fits: Vec<_> = hosts.map(|host| fit("https://b.a.example/", host)).into();
        assert!(fits.is_sorted() && fits[0].is_some(), "{fits:?}");
        let none = hosts.map(|host| fit("https://10.0.0.1/", host));
        assert_eq!(none, [Some(0), None, None, None]);
        assert_eq!(
            hosts.map(|host| fit("http://b.a.example/", host)),
            [None; 4]
        );
    }
}
