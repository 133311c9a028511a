//! Whether an error is a reply of the proxy itself.

use std::borrow::Cow;

use http::HeaderName;

use super::{Reply, auto, body};
use crate::split::ResponseFlag;

/// What Envoy adds to a response that an endpoint gave, and not to a reply of its own.
static UPSTREAM_TIME: HeaderName = HeaderName::from_static("x-envoy-upstream-service-time");
static SERVER: HeaderName = HeaderName::from_static("server");
/// Where a proxy puts the text of its reply to a gRPC call.
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// Where people have Envoy write `%RESPONSE_FLAGS%`.
static FLAG_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-envoy-response-flags"),
    HeaderName::from_static("x-response-flags"),
    HeaderName::from_static("response-flags"),
];
/// What Envoy adds to the replies of an open circuit breaker, and to those of a rate limit.
static MARKS: [(HeaderName, ResponseFlag); 2] = [
    (
        HeaderName::from_static("x-envoy-overloaded"),
        ResponseFlag::Overflow,
    ),
    (
        HeaderName::from_static("x-envoy-ratelimited"),
        ResponseFlag::RateLimited,
    ),
];
/// How Envoy calls itself in `server`: by default, and as a gateway of Istio.
const ENVOYS: [&[u8]; 2] = [b"envoy", b"istio-envoy"];

/// A reply of the proxy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalReply<'r> {
    /// Why, where that is known.
    pub(super) flag: Option<ResponseFlag>,
    pub(super) text: Cow<'r, str>,
}

/// Whether a response carries the mark of one that an endpoint gave.
pub(super) fn from_upstream(reply: &Reply<'_>) -> bool {
    reply.headers.get(&UPSTREAM_TIME).is_some()
}

/// The local reply that an error is, if it is one; `upstream_marked` says that the responses of this run carry the mark of an
/// endpoint. Envoy's texts count whoever marked them: the proxy that splits may stand behind another one.
pub(super) fn local_reply<'r>(reply: &Reply<'r>, upstream_marked: bool) -> Option<LocalReply<'r>> {
    if reply.status < 400 {
        return None;
    }
    let text = match reply.headers.get(&GRPC_MESSAGE) {
        Some(message) if reply.body.is_empty() => String::from_utf8_lossy(message),
        _ => body::text(reply.body),
    };
    let by_server = || {
        let server = reply.headers.get(&SERVER);
        let envoy = server.is_some_and(|name| ENVOYS.contains(&name.trim_ascii()));
        (upstream_marked && envoy && !from_upstream(reply)).then_some(None)
    };
    let flag = auto::response_flags(reply)
        .and_then(ResponseFlag::read)
        .or_else(|| of_header(reply))
        .or_else(|| ResponseFlag::of_text(&text))
        .or_else(|| of_mark(reply))
        .map(Some)
        .or_else(by_server)?;
    Some(LocalReply { flag, text })
}

/// The flag in a header that a proxy was told to write.
fn of_header(reply: &Reply<'_>) -> Option<ResponseFlag> {
    let values = FLAG_HEADERS
        .iter()
        .filter_map(|name| reply.headers.get(name));
    let mut texts = values.filter_map(|value| std::str::from_utf8(value).ok());
    texts.find_map(ResponseFlag::read)
}

/// The flag that goes with what Envoy adds to some of its own replies.
fn of_mark(reply: &Reply<'_>) -> Option<ResponseFlag> {
    let set = |name: &HeaderName| {
        reply
            .headers
            .get(name)
            .is_some_and(|value| value.trim_ascii() == b"true")
    };
    let mark = MARKS
        .iter()
        .find(|(name, _)| set(name) && !from_upstream(reply));
    mark.map(|(_, flag)| *flag)
}

/// Whether a value says no more than the body does: then no extractor found who responded.
pub(super) fn is_body(value: &str, reply: &Reply<'_>) -> bool {
    let text = body::text(reply.body);
    value == text || value == auto::unquoted(text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_reply;
    use super::*;

    /// Who sent a response, as far as it shows.
    #[derive(Debug, PartialEq)]
    enum Sender {
        Unknown,
        Proxy,
        ProxyFor(ResponseFlag),
    }

    fn sender(status: u16, headers: &[(&str, &str)], body: &str, marked: bool) -> Sender {
        of_reply(status, headers, body, |reply| {
            match local_reply(reply, marked).map(|local| local.flag) {
                None => Sender::Unknown,
                Some(None) => Sender::Proxy,
                Some(Some(flag)) => Sender::ProxyFor(flag),
            }
        })
    }

    #[test]
    fn a_text_of_envoy_tells_and_only_of_an_error() {
        let proxy = Sender::ProxyFor(ResponseFlag::NoHealthyUpstream);
        assert_eq!(sender(503, &[], "no healthy upstream", false), proxy);
        assert_eq!(sender(503, &[], "no healthy upstream\n", false), proxy);
        assert_eq!(
            sender(200, &[], "no healthy upstream", false),
            Sender::Unknown
        );
        assert_eq!(sender(500, &[], "boom", true), Sender::Unknown);
    }

    #[test]
    fn response_flags_tell_whatever_the_body_says() {
        let header = |flags| format!(";;route;{flags}");
        for (flags, proxy) in [
            ("NC", Sender::ProxyFor(ResponseFlag::NoCluster)),
            ("URX,UF", Sender::ProxyFor(ResponseFlag::ConnectionFailure)),
            ("-", Sender::Unknown),
        ] {
            let value = header(flags);
            assert_eq!(sender(503, &[("x-resplit", &value)], "sorry", false), proxy);
        }
    }

    #[test]
    fn flags_are_read_from_other_headers_and_from_what_envoy_adds() {
        let overflow = Sender::ProxyFor(ResponseFlag::Overflow);
        let overloaded = ("x-envoy-overloaded", "true");
        assert_eq!(sender(503, &[overloaded], "sorry", false), overflow);
        let upstream = ("x-envoy-upstream-service-time", "3");
        assert_eq!(
            sender(503, &[overloaded, upstream], "sorry", false),
            Sender::Unknown
        );
        let limited = Sender::ProxyFor(ResponseFlag::RateLimited);
        assert_eq!(
            sender(429, &[("x-envoy-ratelimited", "true")], "", false),
            limited
        );
        for name in [
            "x-envoy-response-flags",
            "x-response-flags",
            "response-flags",
        ] {
            assert_eq!(
                sender(503, &[(name, "URX,UF")], "sorry", false),
                Sender::ProxyFor(ResponseFlag::ConnectionFailure)
            );
            assert_eq!(sender(503, &[(name, "-")], "sorry", false), Sender::Unknown);
        }
    }

    #[test]
    fn an_envoy_without_the_mark_of_an_endpoint_tells_where_endpoints_are_marked() {
        let envoy = ("server", "envoy");
        let marked = ("x-envoy-upstream-service-time", "3");
        assert_eq!(sender(503, &[envoy], "", true), Sender::Proxy);
        assert_eq!(
            sender(503, &[("server", "istio-envoy")], "", true),
            Sender::Proxy
        );
        assert_eq!(sender(503, &[envoy], "", false), Sender::Unknown);
        assert_eq!(sender(503, &[envoy, marked], "", true), Sender::Unknown);
        assert_eq!(
            sender(503, &[("server", "nginx")], "", true),
            Sender::Unknown
        );
    }

    #[test]
    fn a_grpc_call_has_the_text_in_its_message() {
        let message = ("grpc-message", "no healthy upstream");
        let proxy = Sender::ProxyFor(ResponseFlag::NoHealthyUpstream);
        assert_eq!(sender(503, &[message], "", false), proxy);
    }
}
