//! What people's demo and echo applications answer, recognised by content; else the whole body.

use std::borrow::Cow;
use std::net::SocketAddr;

use http::HeaderName;
use regex::bytes::Regex;
use serde_json::Value;

use super::regex::Pattern;
use super::{Extract, Origin, Reply, body, json};
use crate::split::{ResponseFlag, workload};

/// Set by a route-level response header to `cluster;address;route;flags`.
static INSTRUMENT_HEADER: HeaderName = HeaderName::from_static("x-resplit");
/// JSON members that name the pod, in the order of preference: Gateway API's echo-basic, bookinfo's reviews, podinfo.
const POD_MEMBERS: [&str; 3] = ["pod", "podname", "hostname"];

/// `auto`
#[derive(Debug)]
pub(super) struct Auto {
    /// Plain-text responses that carry more than the version: Istio's helloworld and echo.
    patterns: [Pattern; 2],
}

impl Auto {
    pub(super) fn new() -> Self {
        let pattern = |text| Pattern(Regex::new(text).expect("a valid pattern"));
        Self {
            patterns: [
                pattern(r"^Hello version: (\S+?),"),
                pattern(r"(?m)^ServiceVersion=(\S+)$"),
            ],
        }
    }
}

impl Extract for Auto {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        instrumented(reply)
            .map(Cow::Borrowed)
            .or_else(|| {
                self.patterns
                    .iter()
                    .find_map(|pattern| pattern.extract(reply))
            })
            .or_else(|| pod(reply.body))
            .or_else(|| Some(unquoted(body::text(reply.body))))
    }

    fn source<'r>(&self, reply: &Reply<'r>) -> Option<(Origin, &'r [u8])> {
        Some(match instrumented(reply) {
            Some(cluster) => (Origin::Header, cluster.as_bytes()),
            None => (Origin::Body, reply.body),
        })
    }
}

/// The cluster that the proxy names in its own header, when there is one. A request that a fault aborts has its cluster picked
/// already, and never goes there: its share is declared for the fault.
fn instrumented<'r>(reply: &Reply<'r>) -> Option<&'r str> {
    if response_flags(reply).and_then(ResponseFlag::read) == Some(ResponseFlag::FaultAbort) {
        return None;
    }
    let value = std::str::from_utf8(reply.headers.get(&INSTRUMENT_HEADER)?).ok()?;
    let cluster = value.split(';').next().unwrap_or_default();
    let known = !cluster.is_empty() && cluster != "-";
    known.then_some(cluster)
}

/// The address of the endpoint that the proxy names in its own header, when there is one.
pub(super) fn address<'r>(reply: &Reply<'r>) -> Option<&'r str> {
    let value = std::str::from_utf8(reply.headers.get(&INSTRUMENT_HEADER)?).ok()?;
    let address = value.split(';').nth(1)?;
    address.parse::<SocketAddr>().is_ok().then_some(address)
}

/// The response flags in the proxy's own header, when there is one.
pub(super) fn response_flags<'r>(reply: &Reply<'r>) -> Option<&'r str> {
    let value = std::str::from_utf8(reply.headers.get(&INSTRUMENT_HEADER)?).ok()?;
    value.split(';').nth(3)
}

/// The workload of the pod that a JSON object names.
fn pod<'r>(body: &[u8]) -> Option<Cow<'r, str>> {
    let name = pod_name(body)?;
    Some(Cow::Owned(
        workload(&name).map_or_else(|| name.clone(), str::to_owned),
    ))
}

/// The pod that a JSON object names.
pub(super) fn pod_name(body: &[u8]) -> Option<String> {
    let body = body.trim_ascii_start();
    if body.first() != Some(&b'{') {
        return None;
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    let name = POD_MEMBERS
        .iter()
        .find_map(|member| value.get(member))?
        .as_str()?;
    Some(json::text(&Value::String(name.to_owned())).into_owned())
}

/// A JSON string is counted without its quotes (`"blue"` of Argo's rollouts-demo).
pub(super) fn unquoted(text: Cow<'_, str>) -> Cow<'_, str> {
    match text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(inner) if !inner.contains(['"', '\\']) => Cow::Owned(inner.to_owned()),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::value;

    #[test]
    fn knows_the_demo_and_echo_applications() {
        for (body, expected) in [
            ("weather-backend: single\n", "weather-backend: single"),
            (
                "Hello version: v1, instance: helloworld-v1-6757db4ff5-8jzqn\n",
                "v1",
            ),
            (
                "ServiceVersion=v2\nServicePort=8080\nHostname=a-v2-xyz\n",
                "v2",
            ),
            (
                r#"{"path":"/","pod":"infra-backend-v1-6f5d8b9c4d-x2x4z"}"#,
                "infra-backend-v1",
            ),
            (
                r#"{"id":"0","podname":"reviews-v2-7bb5c6d5d8-c4vkm","reviews":[]}"#,
                "reviews-v2",
            ),
            (
                r#"{"hostname":"podinfo-7d9f8c6b5d-2xkqz","num_goroutine":"8"}"#,
                "podinfo",
            ),
            (r#""blue""#, "blue"),
            (r#"{"version":"v1"}"#, r#"{"version":"v1"}"#),
            ("", ""),
        ] {
            assert_eq!(
                value("auto", 200, &[], body).as_deref(),
                Some(expected),
                "{body}"
            );
        }
    }

    #[test]
    fn the_proxys_own_header_comes_first() {
        let cluster = "outbound|5000|single|weather-backend.default.svc.cluster.local";
        let header = format!("{cluster};10.0.0.7:5000;route;-");
        assert_eq!(
            value("auto", 200, &[("x-resplit", &header)], "anything").as_deref(),
            Some(cluster)
        );
        // What a fault aborts has a cluster, and is no response of it.
        let aborted = format!("{cluster};;route;FI");
        assert_eq!(
            value(
                "auto",
                503,
                &[("x-resplit", &aborted)],
                "fault filter abort"
            )
            .as_deref(),
            Some("fault filter abort")
        );
        // A local answer names no cluster: its body is what is left.
        assert_eq!(
            value(
                "auto",
                503,
                &[("x-resplit", ";;route;NC")],
                "no healthy upstream"
            )
            .as_deref(),
            Some("no healthy upstream")
        );
    }
}
