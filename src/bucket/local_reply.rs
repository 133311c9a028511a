//! Whether an error is a reply of the proxy itself. Not: what that means for the target that should have responded.

use std::borrow::Cow;

use http::HeaderName;

use super::{Reply, auto, body};
use crate::split::ResponseFlag;

/// What Envoy adds to a response that an endpoint gave, and not to a reply of its own.
static UPSTREAM_TIME: HeaderName = HeaderName::from_static("x-envoy-upstream-service-time");
static SERVER: HeaderName = HeaderName::from_static("server");
/// Where a proxy puts the text of its reply to a gRPC call.
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// How Envoy calls itself in `server`: by default, and as a gateway of Istio.
const ENVOYS: [&[u8]; 2] = [b"envoy", b"istio-envoy"];

/// A reply of the proxy itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalReply<'r> {
    /// Why, where that is known.
    pub(super) flag: Option<ResponseFlag>,
    /// Its text.
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
        .or_else(|| ResponseFlag::of_text(&text))
        .map(Some)
        .or_else(by_server)?;
    Some(LocalReply { flag, text })
}

/// Whether a value says no more than the body does: then no extractor found who responded.
pub(super) fn is_body(value: &str, reply: &Reply<'_>) -> bool {
    let text = body::text(reply.body);
    value == text || value == auto::unquoted(text)
}

#[cfg(test)]
mod tests {
    use super::super::Fields;
    use super::*;

    fn flag_of(
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
        marked: bool,
    ) -> Option<&'static str> {
        let fields: Vec<httparse::Header<'_>> = headers
            .iter()
            .map(|(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        let reply = Reply {
            status,
            headers: Fields(&fields),
            body: body.as_bytes(),
            peer: "127.0.0.1:1",
        };
        local_reply(&reply, marked).map(|local| local.flag.map_or("-", ResponseFlag::short))
    }

    #[test]
    fn a_text_of_envoy_tells_and_only_of_an_error() {
        let flag = Some("UH");
        assert_eq!(flag_of(503, &[], "no healthy upstream", false), flag);
        assert_eq!(flag_of(503, &[], "no healthy upstream\n", false), flag);
        assert_eq!(flag_of(200, &[], "no healthy upstream", false), None);
        assert_eq!(flag_of(500, &[], "boom", true), None);
    }

    #[test]
    fn response_flags_tell_whatever_the_body_says() {
        let header = |flags| format!(";;route;{flags}");
        for (flags, flag) in [("NC", Some("NC")), ("URX,UF", Some("UF")), ("-", None)] {
            let value = header(flags);
            assert_eq!(flag_of(503, &[("x-resplit", &value)], "sorry", false), flag);
        }
    }

    #[test]
    fn an_envoy_without_the_mark_of_an_endpoint_tells_where_endpoints_are_marked() {
        let envoy = ("server", "envoy");
        let marked = ("x-envoy-upstream-service-time", "3");
        assert_eq!(flag_of(503, &[envoy], "", true), Some("-"));
        assert_eq!(
            flag_of(503, &[("server", "istio-envoy")], "", true),
            Some("-")
        );
        assert_eq!(flag_of(503, &[envoy], "", false), None);
        assert_eq!(flag_of(503, &[envoy, marked], "", true), None);
        assert_eq!(flag_of(503, &[("server", "nginx")], "", true), None);
    }

    #[test]
    fn a_grpc_call_has_the_text_in_its_message() {
        let message = ("grpc-message", "no healthy upstream");
        let flag = Some("UH");
        assert_eq!(flag_of(503, &[message], "", false), flag);
    }
}
