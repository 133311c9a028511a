//! Values that a part of a request could have, where one route must take it and earlier ones must not.

use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery};

use super::regex_sample::samples;
use crate::route::{HeaderTest, Probe, Test, TextMatch, VirtualHost};

/// A part of a request that conditions look at. Conditions on different parts are independent of each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Path,
    Method,
    Authority,
    Scheme,
    Header(String),
    Query(String),
    Cookie(String),
}

/// What conditions on one part say.
#[derive(Default)]
pub(super) struct Asked<'t> {
    /// By the route that must take the request.
    pub(super) own: Vec<&'t Test>,
    /// By the routes before it.
    pub(super) before: Vec<&'t Test>,
}

impl Part {
    /// The part that a test looks at; none where the request does not decide it.
    pub(super) fn of(test: &Test) -> Option<Self> {
        match test {
            Test::Fixed(_) | Test::Assumed(_) | Test::Unknowable(_) | Test::Fraction(_) => None,
            Test::Path(_) => Some(Self::Path),
            Test::Method(_) => Some(Self::Method),
            Test::Authority(_) => Some(Self::Authority),
            Test::Scheme(_) => Some(Self::Scheme),
            // What Envoy calls the authority is the header `host` too.
            Test::Header(header) => Some(match header.name.as_str() {
                "host" | ":authority" => Self::Authority,
                ":path" => Self::Path,
                ":method" => Self::Method,
                ":scheme" => Self::Scheme,
                name => Self::Header(name.to_owned()),
            }),
            Test::Query { name, .. } | Test::NoQuery(name) => Some(Self::Query(name.clone())),
            Test::Cookie { name, .. } => Some(Self::Cookie(name.clone())),
        }
    }

    /// The request with another value of this part; `None` where no request has that value.
    pub(super) fn set(&self, probe: &Probe, value: Option<&str>) -> Option<Probe> {
        let mut probe = probe.clone();
        match (self, value) {
            (Self::Path, Some(path)) => {
                let parsed: PathAndQuery = path.parse().ok()?;
                path.clone_into(&mut probe.path);
                let kept = path.starts_with('/') && parsed.path() == path;
                kept.then_some(())?;
            }
            (Self::Method, Some(method)) => {
                http::Method::from_bytes(method.as_bytes()).ok()?;
                method.clone_into(&mut probe.method);
            }
            (Self::Authority, Some(authority)) => {
                authority.parse::<Authority>().ok()?;
                authority.clone_into(&mut probe.authority);
            }
            (Self::Scheme, Some(scheme @ ("http" | "https"))) => {
                scheme.clone_into(&mut probe.scheme);
            }
            (Self::Header(name), value) => {
                probe
                    .headers
                    .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                if let Some(value) = value {
                    HeaderName::from_bytes(name.as_bytes()).ok()?;
                    HeaderValue::from_str(value).ok()?;
                    // What is sent has no blanks around it, and nobody can type an empty header.
                    (!value.is_empty() && value.trim() == value).then_some(())?;
                    probe.headers.push((name.clone(), value.to_owned()));
                }
            }
            (Self::Query(name), value) => {
                probe.query = query(probe.query.as_deref(), name, value);
                if let Some(query) = &probe.query {
                    let parsed: PathAndQuery = format!("/?{query}").parse().ok()?;
                    (parsed.query() == Some(query)).then_some(())?;
                }
                // A `&` would end the value.
                (probe.parameter(name) == value).then_some(())?;
            }
            (Self::Cookie(name), value) => {
                let cookies = cookies(&probe, name, value);
                probe
                    .headers
                    .retain(|(known, _)| !known.eq_ignore_ascii_case("cookie"));
                if let Some(cookies) = cookies {
                    HeaderValue::from_str(&cookies).ok()?;
                    probe.headers.push(("cookie".to_owned(), cookies));
                }
                // A `;` would end the value.
                (probe.cookie(name) == value).then_some(())?;
            }
            _ => return None,
        }
        Some(probe)
    }

    /// Values worth trying, the one of the request as it is first.
    pub(super) fn values(
        &self,
        asked: &Asked<'_>,
        probe: &Probe,
        host: &VirtualHost,
    ) -> Vec<Option<String>> {
        let fresh = fresh(asked);
        let mut values = vec![self.current(probe)];
        let mut add = |value: Option<String>| {
            if !values.contains(&value) {
                values.push(value);
            }
        };
        let forbidden = |test: &&&Test| {
            matches!(
                test,
                Test::Header(HeaderTest { invert: true, .. }) | Test::Cookie { invert: true, .. }
            )
        };
        let wanted = (asked.own.iter()).filter(|test| !forbidden(test));
        // Only what an earlier route forbids can be worth saying because of it.
        let dodging = asked.before.iter().filter(forbidden);
        for test in wanted.chain(dodging) {
            for value in test
                .text()
                .map_or_else(Vec::new, |text| texts(text, &fresh))
            {
                add(Some(value));
            }
        }
        match self {
            Self::Path => {
                for path in [
                    "/".to_owned(),
                    format!("/{fresh}"),
                    format!("/{fresh}/{fresh}"),
                ] {
                    add(Some(path));
                }
            }
            Self::Method => {
                for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
                    add(Some(method.to_owned()));
                }
            }
            Self::Authority => {
                let ports = [String::new(), format!(":{}", probe.port)];
                for name in host
                    .domains
                    .iter()
                    .map(|domain| domain.replace('*', &fresh))
                {
                    for port in &ports {
                        add(Some(format!("{name}{port}")));
                    }
                }
            }
            Self::Scheme => {
                add(Some("http".to_owned()));
                add(Some("https".to_owned()));
            }
            Self::Header(_) | Self::Query(_) | Self::Cookie(_) => {
                add(None);
                add(Some(fresh));
            }
        }
        values
    }

    /// The value of this part in a request.
    pub(super) fn current(&self, probe: &Probe) -> Option<String> {
        match self {
            Self::Path => Some(probe.path.clone()),
            Self::Method => Some(probe.method.clone()),
            Self::Authority => Some(probe.authority.clone()),
            Self::Scheme => Some(probe.scheme.clone()),
            Self::Header(name) => probe
                .headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone()),
            Self::Query(name) => probe.parameter(name).map(str::to_owned),
            Self::Cookie(name) => probe.cookie(name).map(str::to_owned),
        }
    }
}

/// The cookies with another value of one of them.
fn cookies(probe: &Probe, name: &str, value: Option<&str>) -> Option<String> {
    let headers = probe.headers.iter();
    let named = headers.filter(|(key, _)| key.eq_ignore_ascii_case("cookie"));
    let all = named.flat_map(|(_, value)| value.split(';').map(str::trim));
    let others = all.filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name));
    let mut pairs: Vec<String> = others.map(str::to_owned).collect();
    pairs.extend(value.map(|value| format!("{name}={value}")));
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

/// A query with another value of one parameter.
fn query(query: Option<&str>, name: &str, value: Option<&str>) -> Option<String> {
    let others = query.into_iter().flat_map(|query| query.split('&'));
    let others = others.filter(|pair| pair.split('=').next() != Some(name));
    let mut pairs: Vec<String> = others.map(str::to_owned).collect();
    pairs.extend(value.map(|value| format!("{name}={value}")));
    (!pairs.is_empty()).then(|| pairs.join("&"))
}

/// A letter that stands in none of the texts that are compared, so that whatever holds it begins like none of them goes on.
fn fresh(asked: &Asked<'_>) -> String {
    let tests = asked.own.iter().chain(&asked.before);
    let compared: String = tests
        .filter_map(|test| test.text())
        .map(|text| match text {
            TextMatch::Present | TextMatch::Range { .. } => String::new(),
            TextMatch::Exact { text, .. }
            | TextMatch::Prefix { text, .. }
            | TextMatch::Suffix { text, .. }
            | TextMatch::Contains { text, .. }
            | TextMatch::Below { text, .. } => text.to_ascii_lowercase(),
            TextMatch::Regex(regex) => regex.as_str().to_ascii_lowercase(),
        })
        .collect();
    let unused = ('a'..='z')
        .rev()
        .chain('0'..='9')
        .find(|c| !compared.contains(*c));
    unused.map_or_else(|| "zqxj".to_owned(), String::from)
}

/// Texts that pass a comparison, each in another way.
fn texts(wanted: &TextMatch, fresh: &str) -> Vec<String> {
    match wanted {
        TextMatch::Present => vec![fresh.to_owned()],
        TextMatch::Exact { text, ignore_case } => {
            let mut all = vec![text.clone()];
            if *ignore_case {
                all.push(text.to_ascii_uppercase());
                all.push(text.to_ascii_lowercase());
            }
            all
        }
        TextMatch::Prefix { text, ignore_case } => {
            let mut all: Vec<String> = ["", fresh, "/", &format!("/{fresh}")]
                .iter()
                .map(|end| format!("{text}{end}"))
                .collect();
            all.push(format!("{text}{fresh}/{fresh}"));
            if *ignore_case {
                all.push(format!("{}{fresh}", text.to_ascii_uppercase()));
            }
            all
        }
        TextMatch::Suffix { text, .. } => {
            vec![
                text.clone(),
                format!("{fresh}{text}"),
                format!("/{fresh}{text}"),
            ]
        }
        TextMatch::Contains { text, .. } => vec![
            text.clone(),
            format!("{fresh}{text}{fresh}"),
            format!("/{fresh}{text}{fresh}"),
        ],
        TextMatch::Below { text, ignore_case } => {
            let mut all = vec![
                text.clone(),
                format!("{text}/{fresh}"),
                format!("{text}/"),
                format!("{text}/{fresh}/{fresh}"),
            ];
            if *ignore_case {
                all.push(format!("{}/{fresh}", text.to_ascii_uppercase()));
            }
            all
        }
        TextMatch::Range { start, end } => {
            vec![start.to_string(), end.saturating_sub(1).to_string()]
        }
        TextMatch::Regex(regex) => samples(regex),
    }
}
