//! The request in the form that goes over the wire, made once for all of them.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method};

use super::{grpc, http2};
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
    /// HTTP/1.1: bytes.
    Http1 {
        /// The request.
        bytes: Vec<u8>,
        /// The same, as the last of its connection.
        last: Vec<u8>,
        /// Whether the answer has no body.
        bodiless: bool,
    },
    /// HTTP/2: what is written on each stream.
    Http2(http2::Request),
}

impl Prepared {
    pub(super) fn new(plan: &LoadPlan) -> Self {
        let template = &plan.request;
        if template.protocol.multiplexes() {
            return Self::Http2(http2(plan));
        }
        let (target, authorization) = match &plan.endpoint.via {
            Via::Proxy {
                authorization,
                target,
                ..
            } if !plan.tunnelled() => (absolute(target, template), authorization.as_deref()),
            _ => (template.target.to_string(), None),
        };
        Self::Http1 {
            bytes: http1(template, &target, authorization, false),
            last: http1(template, &target, authorization, true),
            bodiless: template.method == Method::HEAD,
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

fn http2(plan: &LoadPlan) -> http2::Request {
    let template = &plan.request;
    let scheme = if plan.endpoint.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let path = template
        .target
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    let host = template.headers.get(HOST);
    let mut fields = vec![
        (":method", template.method.as_str().as_bytes()),
        (":scheme", scheme.as_bytes()),
        (
            ":authority",
            host.map_or(plan.endpoint.host.as_bytes(), HeaderValue::as_bytes),
        ),
        (":path", path.as_bytes()),
    ];
    let own = |name: &str| *name != HOST && !PER_CONNECTION.contains(&name);
    let headers = template.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    fields.extend(headers.filter(|(name, _)| own(name)));
    let grpc = template.protocol == Protocol::Grpc;
    let body = if grpc {
        grpc::frame(&template.body)
    } else {
        template.body.clone()
    };
    let length = body.len().to_string();
    if !grpc && (!body.is_empty() || expects_body(&template.method)) {
        fields.push((CONTENT_LENGTH.as_str(), length.as_bytes()));
    }
    http2::Request::new(fields, body.into(), template.method == Method::HEAD)
}

/// Methods whose requests have a body, and say so where it is empty (RFC 9110, 8.6).
fn expects_body(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Uri};

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
