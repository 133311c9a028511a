//! What every request says and to whom: from the URL and its options.

use std::path::PathBuf;

use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, Method, Uri};

use super::args::RequestArgs;
use super::credentials;
use super::failure::Failure;
use super::grpc::Call;
use super::relations;
use super::transport::{TlsConfig, TransportConfig, tls, transport};
use super::url::Url;

/// What every request says, and to whom.
#[derive(Debug)]
pub(super) struct RequestConfig {
    /// The URL as typed, without a password: it is shown, and saved with reports.
    pub(super) url: String,
    /// The host to connect to, without brackets.
    pub(super) host: String,
    /// The port to connect to.
    pub(super) port: u16,
    /// `https`.
    pub(super) tls: Option<TlsConfig>,
    /// How it gets there.
    pub(super) transport: TransportConfig,
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: Uri,
    /// All headers, `host` included.
    pub(super) headers: HeaderMap,
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
    args: &RequestArgs,
    needed: bool,
) -> Result<Option<RequestConfig>, Failure> {
    let described = args.method.is_some() || args.host.is_some() || !args.header.is_empty();
    match url {
        Some(url) => request(&url, args).map(Some),
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
pub(super) fn request(typed: &str, args: &RequestArgs) -> Result<RequestConfig, Failure> {
    let mut url = Url::read(typed)?;
    relations::of_transport(&args.transport, &url)?;
    let call = args.transport.grpc.as_deref().map(Call::read).transpose()?;
    if let Some(call) = &call {
        url = url.calling(call)?;
    }
    let body = body(args, call.as_ref())?;
    let has_body = call.is_some() || !matches!(body, Body::None);
    let default = if has_body { Method::POST } else { Method::GET };
    let method = args.method.as_ref().map_or(Ok(default), |name| {
        let help = "methods are words such as GET, POST or DELETE";
        Method::from_bytes(name.as_bytes())
            .map_err(|_| Failure::usage(format!("`{name}` is not a valid method"), help))
    })?;
    let mut headers = default_headers(args, &url, call.is_some(), has_body)?;
    custom_headers(&mut headers, &args.header)?;
    if let Some(host) = &args.host {
        headers.insert(HOST, header_value("--host", host)?);
    }
    let transport = transport(&args.transport, &url.host, url.port)?;
    Ok(RequestConfig {
        url: if args.show_query {
            url.whole
        } else {
            url.shown
        },
        tls: url.https.then(|| tls(&args.transport)),
        transport,
        host: url.host,
        port: url.port,
        method,
        target: url.target,
        headers,
        body,
    })
}

/// The body as typed; a gRPC call without one may bring its own.
fn body(args: &RequestArgs, call: Option<&Call>) -> Result<Body, Failure> {
    Ok(match (&args.data, &args.data_file) {
        (Some(text), _) => match text.strip_prefix('@') {
            Some("") => {
                let help = "write it as -d @FILE, or -d @- for stdin";
                return Err(Failure::usage("-d @ does not say which file", help));
            }
            Some(path) => Body::File(PathBuf::from(path)),
            None => Body::Bytes(text.clone().into_bytes()),
        },
        (None, Some(path)) => Body::File(path.clone()),
        (None, None) => match call.and_then(|call| call.message.clone()) {
            Some(message) => Body::Bytes(message),
            None => Body::None,
        },
    })
}

/// The headers that are sent unless `-H` says otherwise.
fn default_headers(
    args: &RequestArgs,
    url: &Url,
    grpc: bool,
    has_body: bool,
) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, header_value("host", &url.authority)?);
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("resplit/", env!("CARGO_PKG_VERSION"))),
    );
    headers.insert(
        ACCEPT,
        header_value("--accept", args.accept.as_deref().unwrap_or("*/*"))?,
    );
    if grpc {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if has_body || args.content_type.is_some() {
        let default = if grpc {
            "application/grpc"
        } else {
            "application/x-www-form-urlencoded"
        };
        let kind = args.content_type.as_deref().unwrap_or(default);
        headers.insert(CONTENT_TYPE, header_value("--content-type", kind)?);
    }
    let typed = args.auth.as_deref().map(credentials::typed);
    let in_url = || url.userinfo.as_deref().map(credentials::in_url);
    if let Some(authorization) = typed.or_else(in_url) {
        headers.insert(AUTHORIZATION, header_value("--auth", &authorization)?);
    }
    Ok(headers)
}

/// `-H`: the first of a name replaces the default, further ones add up, an empty value removes it; a semicolon in place of
/// the colon sends an empty one, as in curl.
fn custom_headers(headers: &mut HeaderMap, typed: &[String]) -> Result<(), Failure> {
    let mut replaced: Vec<HeaderName> = Vec::new();
    for text in typed {
        let help = "write it as -H 'name: value', or as -H 'name;' where there is none";
        let valueless = || text.trim_end().strip_suffix(';').map(|name| (name, None));
        let (name, value) = text
            .split_once(':')
            .map(|(name, value)| (name, Some(value.trim())))
            .or_else(valueless)
            .ok_or_else(|| Failure::usage(format!("`{text}` is not a valid header"), help))?;
        let name: HeaderName = name.trim().parse().map_err(|_| {
            Failure::usage(
                format!("`{}` is not a valid header name", name.trim()),
                help,
            )
        })?;
        if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            let message = format!("`{name}` is set by resplit itself, to what the body needs");
            return Err(Failure::usage(message, "leave it out"));
        }
        if !replaced.contains(&name) {
            headers.remove(&name);
            replaced.push(name.clone());
        }
        match value {
            Some("") => {}
            Some(value) => {
                headers.append(&name, header_value("--header", value)?);
            }
            None => {
                headers.append(&name, HeaderValue::from_static(""));
            }
        }
    }
    Ok(())
}

fn header_value(option: &str, text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| {
        Failure::usage(
            format!(
                "{option}: `{}` is not valid in a header",
                text.escape_debug()
            ),
            "leave control characters out",
        )
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
        let message = config(&["http://a", "-d", "@"]).expect_err("no file");
        assert!(message.render().contains("which file"));
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
            "-H",
            "x-empty;",
            "-H",
            "accept: ;",
        ])
        .expect("headers");
        assert_eq!(header(&config, "x"), ["1", "2"]);
        assert_eq!(header(&config, "user-agent"), Vec::<String>::new());
        assert_eq!(header(&config, "host"), ["b"]);
        assert_eq!(header(&config, "x-empty"), [""]);
        assert_eq!(header(&config, "accept"), [";"]);
    }

    /// RFC 7617, 2: "concatenating the user-id, a single colon (":") character, and the password", which a URL has
    /// percent-encoded.
    #[test]
    fn credentials_are_those_of_the_option_else_of_the_url() {
        let sent = |args: &[&str]| header(&config(args).expect("a request"), "authorization");
        let basic = |text: &str| [format!("Basic {text}")];
        let url = "http://me:se%63ret@a";
        assert_eq!(sent(&[url]), basic("bWU6c2VjcmV0"));
        assert_eq!(sent(&[url, "-a", "me"]), basic("bWU6"));
        assert_eq!(sent(&["http://@a"]), Vec::<String>::new());
    }
}
