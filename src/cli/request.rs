//! What every request says and to whom: from the URL and its options. Not: files, which are read later.

use std::path::PathBuf;

use base64::Engine;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, Method, Uri};

use super::call::Call;
use super::failure::Failure;
use super::route::{RouteConfig, TlsConfig, route, tls};
use super::traffic::RequestArgs;

/// What every request says, and to whom.
#[derive(Debug)]
pub(super) struct RequestConfig {
    /// The URL as typed.
    pub(super) url: String,
    /// The host to connect to, without brackets.
    pub(super) host: String,
    /// The port to connect to.
    pub(super) port: u16,
    /// `https`.
    pub(super) tls: Option<TlsConfig>,
    /// How it gets there.
    pub(super) route: RouteConfig,
    /// The method.
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: Uri,
    /// All headers, `host` included.
    pub(super) headers: HeaderMap,
    /// The body.
    pub(super) body: Body,
}

/// Where the body comes from.
#[derive(Debug)]
pub(super) enum Body {
    /// There is none.
    None,
    /// As typed.
    Bytes(Vec<u8>),
    /// From a file.
    File(PathBuf),
}

/// The request of a command that can do without one; where it is `needed`, it cannot be described without a URL.
pub(super) fn optional(
    command: &str,
    url: Option<String>,
    args: RequestArgs,
    needed: bool,
) -> Result<Option<RequestConfig>, Failure> {
    let described = args.method.is_some() || args.host.is_some() || !args.header.is_empty();
    match url {
        Some(url) => request(url, args).map(Some),
        None if described && needed => Err(Failure::usage(
            "a request is described, but not where it goes",
            format!(
                "give the URL too: resplit {command} -f FILE -H 'end-user: jason' http://HOST/PATH"
            ),
        )),
        None => Ok(None),
    }
}

/// What every request says, and to whom.
pub(super) fn request(url: String, args: RequestArgs) -> Result<RequestConfig, Failure> {
    let mut address = address(&url)?;
    let call = args.route.grpc.as_deref().map(Call::read).transpose()?;
    let body = match (args.data, args.data_file) {
        (Some(text), _) => match text.strip_prefix('@') {
            Some(path) => Body::File(PathBuf::from(path)),
            None => Body::Bytes(text.into_bytes()),
        },
        (None, Some(path)) => Body::File(path),
        (None, None) => match call.as_ref().and_then(|call| call.message.clone()) {
            Some(message) => Body::Bytes(message),
            None => Body::None,
        },
    };
    if let Some(call) = &call {
        address.target = address.called(call)?;
    }
    let has_body = call.is_some() || !matches!(body, Body::None);
    let default = if has_body { Method::POST } else { Method::GET };
    let method = args.method.as_ref().map_or(Ok(default), |name| {
        let help = "methods are words such as GET, POST or DELETE";
        Method::from_bytes(name.as_bytes())
            .map_err(|_| Failure::usage(format!("`{name}` is no method"), help))
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(HOST, header_value("host", &address.authority)?);
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("resplit/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(
        ACCEPT,
        header_value("--accept", args.accept.as_deref().unwrap_or("*/*"))?,
    );
    if call.is_some() {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if has_body || args.content_type.is_some() {
        let default = if call.is_some() {
            "application/grpc"
        } else {
            "application/x-www-form-urlencoded"
        };
        headers.insert(
            CONTENT_TYPE,
            header_value(
                "--content-type",
                args.content_type.as_deref().unwrap_or(default),
            )?,
        );
    }
    if let Some(userinfo) = args.auth.as_deref().or(address.userinfo.as_deref()) {
        let encoded = base64::engine::general_purpose::STANDARD.encode(userinfo);
        headers.insert(
            AUTHORIZATION,
            header_value("--auth", &format!("Basic {encoded}"))?,
        );
    }
    custom_headers(&mut headers, &args.header)?;
    if let Some(host) = &args.host {
        headers.insert(HOST, header_value("--host", host)?);
    }
    let route = route(&args.route, &address.host, address.port, address.https)?;
    Ok(RequestConfig {
        url,
        tls: tls(&args.route, address.https)?,
        route,
        host: address.host,
        port: address.port,
        method,
        target: address.target,
        headers,
        body,
    })
}

/// `-H`: the first of a name replaces the default, further ones add up, an empty value removes it.
fn custom_headers(headers: &mut HeaderMap, typed: &[String]) -> Result<(), Failure> {
    let mut replaced: Vec<HeaderName> = Vec::new();
    for text in typed {
        let help = "write it as -H 'name: value'";
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("`{text}` is no header"), help))?;
        let name: HeaderName = name
            .trim()
            .parse()
            .map_err(|_| Failure::usage(format!("`{}` is no header name", name.trim()), help))?;
        if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            let message = format!("`{name}` is set by resplit itself, to what the body needs");
            return Err(Failure::usage(message, "leave it out"));
        }
        if !replaced.contains(&name) {
            headers.remove(&name);
            replaced.push(name.clone());
        }
        if !value.trim().is_empty() {
            headers.append(&name, header_value("--header", value.trim())?);
        }
    }
    Ok(())
}

fn header_value(option: &str, text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| {
        Failure::usage(
            format!(
                "{option}: `{}` cannot stand in a header",
                text.escape_debug()
            ),
            "leave control characters out",
        )
    })
}

/// The parts of a URL.
struct Address {
    https: bool,
    host: String,
    port: u16,
    /// Host and port as typed, as they go into the `Host` header.
    authority: String,
    userinfo: Option<String>,
    target: Uri,
}

impl Address {
    /// The path of a gRPC call, in place of that of the URL, which must be none.
    fn called(&self, call: &Call) -> Result<Uri, Failure> {
        if self.target != "/" {
            let message = format!(
                "--grpc names what is called, and the URL names `{}`",
                self.target
            );
            return Err(Failure::usage(message, "write the URL without a path"));
        }
        call.path.parse().map_err(|error| {
            let message = format!("--grpc: `{}` is no path: {error}", call.path);
            Failure::usage(message, "write it as --grpc PACKAGE.SERVICE/METHOD")
        })
    }
}

fn address(url: &str) -> Result<Address, Failure> {
    let wrong = |message: String| {
        Failure::usage(
            message,
            "a URL looks like http://weather-backend:5000/version",
        )
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Failure::usage(
            format!("`{url}` is no URL: it has no scheme"),
            format!("type http://{url}"),
        ));
    };
    let https = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => {
            return Err(wrong(format!(
                "`{scheme}` is no scheme that resplit speaks; there are http and https"
            )));
        }
    };
    let rest = rest.split('#').next().unwrap_or(rest);
    let (authority, path) = rest
        .find(['/', '?'])
        .map_or((rest, ""), |at| rest.split_at(at));
    let (userinfo, authority) = authority
        .rsplit_once('@')
        .map_or((None, authority), |(user, host)| {
            (Some(user.to_owned()), host)
        });
    let parsed: http::uri::Authority = authority
        .parse()
        .map_err(|error| wrong(format!("`{url}` is no URL: {error}")))?;
    let host = parsed
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    if host.is_empty() {
        return Err(wrong(format!("`{url}` names no host")));
    }
    // `Authority` accepts a port it cannot represent and then has none.
    let port = match parsed.port_u16() {
        Some(0) => None,
        None if authority.len() == parsed.host().len() => Some(if https { 443 } else { 80 }),
        port => port,
    };
    let port =
        port.ok_or_else(|| wrong(format!("`{authority}` has no port between 1 and 65535")))?;
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let target = path
        .parse()
        .map_err(|error| wrong(format!("`{path}` is no path: {error}")))?;
    Ok(Address {
        https,
        host,
        port,
        authority: authority.to_owned(),
        userinfo,
        target,
    })
}

#[cfg(test)]
mod tests {
    use super::super::config::RunConfig;
    use super::super::config::tests::config;
    use super::*;

    fn header(config: &RunConfig, name: &str) -> Vec<String> {
        config
            .request
            .headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().expect("text").to_owned())
            .collect()
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, host, port, authority, target) in [
            ("http://a", "a", 80, "a", "/"),
            ("https://a/x?y=1#z", "a", 443, "a", "/x?y=1"),
            ("http://[::1]:8080?q", "::1", 8080, "[::1]:8080", "/?q"),
            (
                "HTTP://u:p@a:5000/%2e%2E/b",
                "a",
                5000,
                "a:5000",
                "/%2e%2E/b",
            ),
        ] {
            let config = config(&[url]).expect(url);
            let request = &config.request;
            assert_eq!(
                (
                    request.host.as_str(),
                    request.port,
                    request.target.to_string().as_str()
                ),
                (host, port, target),
                "{url}"
            );
            assert_eq!(header(&config, "host"), [authority], "{url}");
        }
    }

    #[test]
    fn a_wrong_url_says_why_and_what_to_type() {
        for (url, part) in [
            ("localhost:8080", "type http://localhost:8080"),
            ("ftp://a/", "`ftp` is no scheme"),
            ("http://", "no URL"),
            ("http://:80/", "names no host"),
            ("http://a:0/", "no port"),
            ("http://a:70000/", "no port"),
            ("http://a b/", "no URL"),
            ("http://a/b c", "no path"),
        ] {
            let message = config(&[url]).expect_err(url).render();
            assert!(
                message.contains(part) && message.contains("help: "),
                "{url}: {message}"
            );
        }
    }

    #[test]
    fn a_body_makes_it_a_post_unless_the_method_is_given() {
        let posted = config(&["http://a", "-d", "x=1"]).expect("a body");
        assert_eq!(posted.request.method, Method::POST);
        assert_eq!(
            header(&posted, "content-type"),
            ["application/x-www-form-urlencoded"]
        );
        let put =
            config(&["http://a", "-X", "PUT", "-d", "@file", "-T", "text/plain"]).expect("a body");
        assert_eq!(
            (put.request.method.as_str(), header(&put, "content-type")),
            ("PUT", vec!["text/plain".to_owned()])
        );
        assert!(matches!(put.request.body, Body::File(_)));
    }

    #[test]
    fn headers_replace_defaults_add_up_and_vanish_when_empty() {
        let config = config(&[
            "http://a",
            "-H",
            "x: 1",
            "-H",
            "X: 2",
            "-H",
            "user-agent:",
            "-H",
            "Host: b",
            "-a",
            "me:secret",
        ])
        .expect("headers");
        assert_eq!(header(&config, "x"), ["1", "2"]);
        assert_eq!(header(&config, "user-agent"), Vec::<String>::new());
        assert_eq!(header(&config, "host"), ["b"]);
        assert_eq!(header(&config, "authorization"), ["Basic bWU6c2VjcmV0"]);
    }
}
