//! Requests that show whether a proxy picks as it should: each names its endpoint in another way. What should become of one is
//! what [`EndpointPick::resolve`] says.

use std::net::{IpAddr, SocketAddr};

use super::{EndpointPick, PickMechanism, PickSource, Picked};

/// A request of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickRequest {
    /// What is particular about it: `a list`.
    pub name: String,
    /// The values as they are sent, a line each; none where nothing is named.
    pub values: Vec<String>,
    /// Where it should go.
    pub expected: Picked,
}

impl EndpointPick {
    /// The requests for these endpoints: first those that name one alone, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<PickRequest> {
        let endpoints: Vec<&str> = (self.endpoints.iter().flatten())
            .map(|one| one.address.as_str())
            .collect();
        let Some((first, rest)) = endpoints.split_first() else {
            return Vec::new();
        };
        let last = rest.last().copied();
        let alone = endpoints
            .iter()
            .map(|one| (format!("only {one}"), vec![(*one).to_owned()]));
        let odd = odd(first).into_iter().chain(lists(first, last, &endpoints));
        let odd = odd.map(|(name, values)| (name.to_owned(), values));
        alone
            .chain(odd)
            .map(|(name, values)| self.request(name, &values))
            .collect()
    }

    fn request(&self, name: String, values: &[String]) -> PickRequest {
        let values: Vec<String> = values
            .iter()
            .map(|one| Self::encoded(self.mechanism, one))
            .collect();
        let Some(source) = self.sources.first() else {
            return PickRequest {
                name,
                values,
                expected: Picked::Fallback,
            };
        };
        let headers: Vec<(String, String)> = values.iter().map(|one| source.line(one)).collect();
        let expected = match self.resolve(&headers) {
            // What nobody listens on is dialled all the same.
            Picked::Endpoint(address)
                if self.mechanism == PickMechanism::OriginalDst
                    && self.endpoint(&address).is_none() =>
            {
                Picked::Refused
            }
            picked => picked,
        };
        PickRequest {
            name,
            values,
            expected,
        }
    }
}

impl PickSource {
    /// The header line by which a client sends a value; metadata is sent under the name that it has in the end, which should
    /// change nothing.
    #[must_use]
    pub fn line(&self, value: &str) -> (String, String) {
        match self {
            Self::Header(name) => (name.to_lowercase(), value.to_owned()),
            Self::Cookie(name) => ("cookie".to_owned(), format!("{name}={value}")),
            Self::Metadata(path) => {
                let name = path.rsplit([':', '.']).next().unwrap_or(path);
                (name.to_lowercase(), value.to_owned())
            }
        }
    }
}

/// A value that names nothing: the address of the first endpoint with a port on which, of all ports, nobody listens.
fn unknown(endpoint: &str) -> String {
    let ip = endpoint.rsplit_once(':').map_or(endpoint, |(ip, _)| ip);
    format!("{ip}:1")
}

/// Values that are almost the address of an endpoint, and some that are it.
fn odd(endpoint: &str) -> Vec<(&'static str, Vec<String>)> {
    let (ip, port) = endpoint.rsplit_once(':').unwrap_or((endpoint, ""));
    let mut rows = vec![
        ("an unknown address", vec![unknown(endpoint)]),
        ("a host name", vec![format!("localhost:{port}")]),
        ("no port", vec![ip.to_owned()]),
        ("a zero before the port", vec![format!("{ip}:0{port}")]),
        ("words", vec!["no endpoint".to_owned()]),
        ("an empty value", vec![String::new()]),
        ("nothing", Vec::new()),
    ];
    match endpoint.parse::<SocketAddr>().map(|address| address.ip()) {
        Ok(IpAddr::V6(six)) => {
            let full: Vec<String> = six
                .segments()
                .iter()
                .map(|one| format!("{one:x}"))
                .collect();
            rows.push(("IPv6 without brackets", vec![format!("{six}:{port}")]));
            rows.push(("IPv6 in full", vec![format!("[{}]:{port}", full.join(":"))]));
        }
        _ => rows.push(("IPv6 without brackets", vec![format!("::1:{port}")])),
    }
    rows
}

/// Lists and repeated lines.
fn lists(first: &str, last: Option<&str>, all: &[&str]) -> Vec<(&'static str, Vec<String>)> {
    let unknown = unknown(first);
    let second = last.unwrap_or(first);
    let backwards: Vec<&str> = all.iter().rev().copied().collect();
    let mut rows = vec![
        (
            "a list, its first entry unknown",
            vec![format!("{unknown},{second}")],
        ),
        (
            "a list with spaces",
            vec![format!("{unknown} ,  {first}  ,")],
        ),
        ("a list with empty entries", vec![format!(",,{first},")]),
        (
            "two lines, the first unknown",
            vec![unknown, second.to_owned()],
        ),
    ];
    if last.is_some() {
        rows.push(("a list", vec![backwards.join(",")]));
        rows.push(("a list with semicolons", vec![backwards.join(";")]));
        rows.push(("two lines", vec![second.to_owned(), first.to_owned()]));
    }
    rows
}
