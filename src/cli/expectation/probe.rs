//! The request as routing sees it.

use http::header::{HOST, HeaderValue};

use crate::cli::request::RequestConfig;
use crate::plan::RequestTemplate;
use crate::route::Probe;

/// The request as routing sees it.
pub(in crate::cli) fn probe(request: &RequestConfig) -> Probe {
    let headers = request.headers.iter().filter(|(name, _)| *name != HOST);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Probe {
        method: request.method.to_string(),
        scheme: if request.tls.is_some() {
            "https"
        } else {
            "http"
        }
        .to_owned(),
        address: request.host.clone(),
        port: request.port,
        authority: host_header(request),
        path: request.target.path().to_owned(),
        query: request.target.query().map(str::to_owned),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
    }
}

/// A request that differs from another one in what goes over the wire, as routing sees it.
pub(in crate::cli) fn of_template(request: &RequestTemplate, like: &Probe) -> Probe {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers.iter().filter(|(name, _)| *name != HOST);
    Probe {
        method: request.method.to_string(),
        scheme: like.scheme.clone(),
        address: like.address.clone(),
        port: like.port,
        authority: (request.headers.get(HOST)).map_or_else(|| like.authority.clone(), text),
        path: request.target.path().to_owned(),
        query: request.target.query().map(str::to_owned),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
    }
}

/// The `Host` header as it is sent.
pub(in crate::cli) fn host_header(request: &RequestConfig) -> String {
    let value = request
        .headers
        .get(HOST)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or(&request.host).to_owned()
}
