//! Where a redirect leads.

use serde_json::Value as Json;

use crate::route::Probe;

/// Where a redirect leads; what is `None` may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: String,
    /// Whether it stays at the scheme, host and port of the request, so that a path alone says the same.
    same_origin: bool,
}

impl Location {
    /// The place of an absolute URL; `None` where it is none.
    fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (host, port.parse().ok()?)
            }
            _ => (authority, default_port(scheme)),
        };
        Some(Self {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_ascii_lowercase(),
            port: Some(port),
            path: rooted(path),
            same_origin: false,
        })
    }

    /// The place that a URL says, reached from a request.
    pub(super) fn from(url: &str, probe: &Probe) -> Option<Self> {
        let mut own = Self::of_url(url)?;
        let origin = Self::of_url(&format!("{}://{}/", probe.scheme, probe.authority))?;
        // A proxy leaves the port of the other scheme out where it changes the scheme of what was asked.
        let stale = own.scheme != origin.scheme && own.host == origin.host;
        if stale && own.port == Some(default_port(&origin.scheme)) {
            own.port = Some(default_port(&own.scheme));
        }
        own.same_origin =
            (&own.scheme, &own.host, own.port) == (&origin.scheme, &origin.host, origin.port);
        Some(own)
    }

    /// The place that `requestRedirect` of an HTTPRoute says. Which port it is where none is written depends on the implementation.
    pub(super) fn of_filter(redirect: &Json, probe: &Probe, matched: &str) -> Option<Self> {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let origin = Self::of_url(&format!("{}://{}/", probe.scheme, probe.authority))?;
        let scheme = text(&redirect["scheme"]).unwrap_or_else(|| origin.scheme.clone());
        let host = text(&redirect["hostname"]);
        let port = redirect["port"].as_u64().map(u16::try_from);
        let path = &redirect["path"];
        let rest = probe.path.get(matched.len()..).unwrap_or_default();
        let path = match (
            text(&path["replaceFullPath"]),
            text(&path["replacePrefixMatch"]),
        ) {
            (Some(full), _) => full,
            (None, Some(prefix)) => {
                let rest = rest.trim_start_matches('/');
                let slash = if rest.is_empty() { "" } else { "/" };
                rooted(&format!("{}{slash}{rest}", prefix.trim_end_matches('/')))
            }
            (None, None) => probe.path.clone(),
        };
        let query = probe.query.as_ref().filter(|_| !path.contains('?'));
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        Some(Self {
            same_origin: scheme == origin.scheme && host.is_none() && port.is_none(),
            host: host.unwrap_or(origin.host),
            port: port.transpose().ok()?,
            path: format!("{path}{query}"),
            scheme,
        })
    }

    /// Whether a `location` field says this place.
    pub(super) fn is_said_by(&self, field: &str) -> bool {
        if field.starts_with('/') && !field.starts_with("//") {
            return self.same_origin && field == self.path;
        }
        Self::of_url(field).is_some_and(|found| {
            self.scheme == found.scheme
                && self.host == found.host
                && self.path == found.path
                && self.port.is_none_or(|port| Some(port) == found.port)
        })
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let port = self.port.filter(|port| *port != default_port(&self.scheme));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        write!(f, "{}://{}{port}{}", self.scheme, self.host, self.path)
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme.eq_ignore_ascii_case("https") {
        443
    } else {
        80
    }
}

/// A path with the slash that a URL may leave out.
fn rooted(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn probe(url: &str) -> Probe {
        Probe::new("GET", &url.parse().expect("a URL")).expect("an absolute URL")
    }

    #[test]
    fn a_place_is_said_in_full_or_by_its_path() {
        let asked = probe("http://web:9080/old?a=1");
        let same = Location::from("http://web:9080/moved?a=1", &asked).expect("a URL");
        for (field, said) in [
            ("http://web:9080/moved?a=1", true),
            ("HTTP://Web:9080/moved?a=1", true),
            ("/moved?a=1", true),
            ("/moved", false),
            ("http://web/moved?a=1", false),
            ("https://web:9080/moved?a=1", false),
            ("//web:9080/moved?a=1", false),
        ] {
            assert_eq!(same.is_said_by(field), said, "{field}");
        }
        let other = Location::from("http://other:80/", &asked).expect("a URL");
        assert!(other.is_said_by("http://other") && !other.is_said_by("/"));
    }

    #[test]
    fn the_port_of_the_other_scheme_is_left_out() {
        let asked = probe("http://web/old").with_host("web:80");
        let https = Location::from("https://web:80/old", &asked).expect("a URL");
        assert_eq!(https.to_string(), "https://web/old");
        assert!(https.is_said_by("https://web/old"));
    }

    #[test]
    fn a_filter_replaces_what_it_names() {
        let asked = probe("http://web/api/items?q=1");
        let of = |redirect: Json| {
            let place = Location::of_filter(&redirect, &asked, "/api");
            place.expect("a place").to_string()
        };
        assert_eq!(of(json!({})), "http://web/api/items?q=1");
        assert_eq!(
            of(json!({ "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2/" } })),
            "http://web/v2/items?q=1"
        );
        assert_eq!(
            of(json!({ "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/" } })),
            "http://web/items?q=1"
        );
        assert_eq!(
            of(json!({ "scheme": "https", "hostname": "shop", "port": 8443,
                       "path": { "type": "ReplaceFullPath", "replaceFullPath": "/x" } })),
            "https://shop:8443/x?q=1"
        );
    }
}
