//! The request in the form that goes over the wire, made once for all of them.

use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, Uri, Version};

use super::{grpc, http1, http2};
use crate::plan::{LoadPlan, Protocol, RequestTemplate, Via};

/// Fields that belong to one HTTP/1.1 connection, and have no place in HTTP/2 (RFC 9113, 8.2.2).
const PER_CONNECTION: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// What is written for each request.
pub(super) enum Prepared {
    /// On a connection of HTTP/1.1.
    Http1(Arc<http1::Request>),
    /// On each stream of HTTP/2.
    Http2(Arc<http2::Request>),
}

impl Prepared {
    /// A request of a plan in the form that goes over the wire.
    pub(super) fn new(plan: &LoadPlan, template: &RequestTemplate) -> Self {
        if template.protocol.multiplexes() {
            return Self::Http2(Arc::new(http2(plan, template)));
        }
        let (target, authorization) = match &plan.endpoint.via {
            Via::Proxy {
                authorization,
                target,
                ..
            } if !plan.tunnelled() => (absolute(target, template), authorization.as_deref()),
            _ => (template.target.to_string(), None),
        };
        Self::Http1(Arc::new(http1::Request {
            bytes: http1(template, &target, authorization, false),
            last: http1(template, &target, authorization, true),
            bodiless: template.method == Method::HEAD,
            closes: closes(template),
        }))
    }
}

impl Prepared {
    /// The head, line by line.
    pub(super) fn head(&self) -> Vec<String> {
        match self {
            Self::Http1(request) => {
                let text = String::from_utf8_lossy(&request.bytes);
                let head = text.split("\r\n\r\n").next().unwrap_or_default();
                head.split("\r\n").map(str::to_owned).collect()
            }
            Self::Http2(request) => {
                let (head, uri) = (&request.head, request.head.uri());
                let part = |name, part: Option<&str>| part.map(|part| format!(":{name}: {part}"));
                let pseudo = [
                    part("method", Some(head.method().as_str())),
                    part("scheme", uri.scheme_str()),
                    part("authority", uri.authority().map(Authority::as_str)),
                    part("path", uri.path_and_query().map(PathAndQuery::as_str)),
                ];
                let fields = head.headers().iter().map(|(name, value)| {
                    format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
                });
                pseudo.into_iter().flatten().chain(fields).collect()
            }
        }
    }
}

/// The request target that a proxy understands (RFC 9112, 3.2.2).
fn absolute((host, port): &(String, u16), template: &RequestTemplate) -> String {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let port = if *port == 80 {
        String::new()
    } else {
        format!(":{port}")
    };
    format!("http://{host}{port}{}", template.target)
}

fn http1(
    template: &RequestTemplate,
    target: &str,
    authorization: Option<&str>,
    last: bool,
) -> Vec<u8> {
    let mut bytes = format!("{} {target} HTTP/1.1\r\n", template.method).into_bytes();
    let mut field = |name: &str, value: &[u8]| {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    };
    // The host goes first (RFC 9110, 7.2).
    if let Some(host) = template.headers.get(HOST) {
        field("host", host.as_bytes());
    }
    if let Some(authorization) = authorization {
        field("proxy-authorization", authorization.as_bytes());
    }
    for (name, value) in &template.headers {
        if name != HOST && !(last && name == CONNECTION) {
            field(name.as_str(), value.as_bytes());
        }
    }
    if last {
        field("connection", b"close");
    }
    if !template.body.is_empty() || expects_body(&template.method) {
        field(
            CONTENT_LENGTH.as_str(),
            template.body.len().to_string().as_bytes(),
        );
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&template.body);
    bytes
}

/// "A client that sends the \"close\" connection option MUST NOT send further requests on that connection" (RFC 9112, 9.6).
fn closes(template: &RequestTemplate) -> bool {
    let options = template.headers.get_all(CONNECTION).iter();
    let mut options = options.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn http2(plan: &LoadPlan, template: &RequestTemplate) -> http2::Request {
    let mut request = http::Request::new(());
    *request.version_mut() = Version::HTTP_2;
    *request.method_mut() = template.method.clone();
    *request.headers_mut() = template
        .headers
        .iter()
        .filter(|(name, value)| crosses_to_http2(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let path = template.target.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let host = template.headers.get(HOST).map(HeaderValue::as_bytes);
    let host = host.unwrap_or(plan.endpoint.host.as_bytes());
    let scheme = if plan.endpoint.tls.is_some() {
        Scheme::HTTPS
    } else {
        Scheme::HTTP
    };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(host)
        .path_and_query(path.clone());
    if let Ok(uri) = uri.build() {
        *request.uri_mut() = uri;
    } else {
        // What cannot stand in `:authority` goes into `host`, as from a request of HTTP/1.1 (RFC 9113, 8.3.1).
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = Uri::from(path);
        if let Some(host) = template.headers.get(HOST) {
            request.headers_mut().insert(HOST, host.clone());
        }
    }
    let grpc = template.protocol == Protocol::Grpc;
    let body = if grpc {
        grpc::frame(&template.body)
    } else {
        template.body.clone()
    };
    if !grpc && (!body.is_empty() || expects_body(&template.method)) {
        let length = HeaderValue::from(body.len());
        request.headers_mut().insert(CONTENT_LENGTH, length);
    }
    http2::Request {
        bodiless: template.method == Method::HEAD,
        grpc,
        head: request,
        body: body.into(),
    }
}

/// Whether a field has a place in HTTP/2.
fn crosses_to_http2(name: &HeaderName, value: &HeaderValue) -> bool {
    // "It MUST NOT contain any value other than \"trailers\"" (RFC 9113, 8.2.2).
    let only_trailers = || name != TE || value.as_bytes().eq_ignore_ascii_case(b"trailers");
    name != HOST && !PER_CONNECTION.contains(&name.as_str()) && only_trailers()
}

/// Methods whose requests have a body, and say so where it is empty (RFC 9110, 8.6).
fn expects_body(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn template(method: Method, body: &str) -> RequestTemplate {
        let mut headers = HeaderMap::new();
        headers.insert("accept", "*/*".parse().expect("a value"));
        headers.insert("x-a", "1".parse().expect("a value"));
        headers.append("x-a", "2".parse().expect("a value"));
        headers.insert(CONNECTION, "keep-alive".parse().expect("a value"));
        headers.insert(HOST, "a:8080".parse().expect("a value"));
        RequestTemplate {
            protocol: Protocol::Http1,
            method,
            target: Uri::from_static("/x?y=1"),
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn text(template: &RequestTemplate, target: &str, last: bool) -> String {
        String::from_utf8(http1(template, target, None, last)).expect("text")
    }

    #[test]
    fn a_request_is_its_bytes() {
        assert_eq!(
            text(&template(Method::GET, ""), "/x?y=1", false),
            "GET /x?y=1 HTTP/1.1\r\nhost: a:8080\r\naccept: */*\r\nx-a: 1\r\nx-a: 2\r\nconnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            text(&template(Method::POST, "v=1"), "/", true),
            "POST / HTTP/1.1\r\nhost: a:8080\r\naccept: */*\r\nx-a: 1\r\nx-a: 2\r\nconnection: close\r\n\
             content-length: 3\r\n\r\nv=1"
        );
        let empty = text(&template(Method::PUT, ""), "/", false);
        assert!(empty.contains("content-length: 0\r\n"), "{empty}");
    }

    #[test]
    fn a_proxy_is_asked_by_the_whole_url() {
        let template = template(Method::GET, "");
        for (host, port, url) in [
            ("a", 80, "http://a/x?y=1"),
            ("a", 81, "http://a:81/x?y=1"),
            ("::1", 81, "http://[::1]:81/x?y=1"),
        ] {
            assert_eq!(absolute(&(host.to_owned(), port), &template), url);
        }
    }
}
