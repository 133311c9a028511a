//! The fault filter, as far as a route or a virtual host configures it for itself.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::endpoint_pick::ClusterPick;
use super::list::List;
use super::session::RawSession;

use crate::route::{Abort, Fraction};

/// What a fault filter answers by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The part that is aborted.
    pub(super) abort: Option<Abort>,
    /// Why that is not the whole truth.
    pub(super) unjudged: Option<&'static str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawFault<'s> {
    abort: Option<RawAbort>,
    delay: Option<serde::de::IgnoredAny>,
    headers: List<serde::de::IgnoredAny>,
    #[serde(alias = "upstreamCluster")]
    upstream_cluster: String,
    // A filter may be wrapped once more.
    #[serde(borrow)]
    config: Option<&'s RawValue>,
    disabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawAbort {
    #[serde(alias = "httpStatus")]
    http_status: Option<u16>,
    #[serde(alias = "grpcStatus")]
    grpc_status: Option<u32>,
    #[serde(alias = "headerAbort")]
    header_abort: Option<serde::de::IgnoredAny>,
    percentage: Percentage,
}

/// `FractionalPercent`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Percentage {
    numerator: u32,
    denominator: Option<String>,
}

/// The fault filter among the filters of a route, if it can be read.
pub(super) fn fault<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Fault>, D::Error> {
    let filters: HashMap<String, &'de RawValue> = HashMap::deserialize(deserializer)?;
    let fault = filters.values().find(|raw| raw.get().contains("HTTPFault"));
    Ok(fault.and_then(|raw| of_filter(raw)))
}

/// What filters of a route do for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OfRoute {
    /// The fault filter.
    pub(super) fault: Option<Fault>,
    /// The filter that binds a session to an endpoint.
    pub(super) session: Option<ClusterPick>,
}

/// The filters of a route that are read.
pub(super) fn of_route<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OfRoute, D::Error> {
    let filters: HashMap<String, &'de RawValue> = HashMap::deserialize(deserializer)?;
    let named = |name: &str| filters.values().find(|raw| raw.get().contains(name));
    let session =
        named("StatefulSession").and_then(|raw| serde_json::from_str::<RawSession>(raw.get()).ok());
    Ok(OfRoute {
        fault: named("HTTPFault").and_then(|raw| of_filter(raw)),
        session: session.and_then(|session| session.pick()),
    })
}

fn of_filter(raw: &RawValue) -> Option<Fault> {
    let text: RawFault<'_> = serde_json::from_str(raw.get()).ok()?;
    if text.disabled {
        return None;
    }
    if let Some(inner) = text.config {
        return of_filter(inner);
    }
    let limited = !text.headers.is_empty() || !text.upstream_cluster.is_empty();
    let abort = text.abort.unwrap_or_default();
    let unjudged = if limited {
        Some("it holds for some requests only")
    } else if abort.header_abort.is_some() {
        Some("a header of the request decides it")
    } else if abort.grpc_status.is_some() {
        Some("a gRPC status travels in a trailer, and the HTTP status is 200")
    } else {
        None
    };
    let status = abort.http_status.or(abort.grpc_status.map(|_| 200));
    let own = status.filter(|_| !limited).and_then(|status| {
        let millionths = abort.percentage.millionths()?;
        (millionths > 0).then(|| Abort::new(status, millionths))
    });
    let delayed = text
        .delay
        .map(|_| "it delays answers, which may run into a timeout");
    Some(Fault {
        abort: own,
        unjudged: unjudged.or(delayed),
    })
}

impl Percentage {
    /// Of a hundred unless it says otherwise.
    pub(super) fn of(&self) -> Option<u32> {
        match self.denominator.as_deref() {
            None | Some("HUNDRED") => Some(100),
            Some("TEN_THOUSAND") => Some(10_000),
            Some("MILLION") => Some(1_000_000),
            Some(_) => None,
        }
    }

    /// The part of the requests by their random number.
    pub(super) fn fraction(&self) -> Option<Fraction> {
        Fraction::new(self.numerator, self.of()?)
    }

    /// The same as a number; all of them where the denominator is not known.
    pub(super) fn part(&self) -> f64 {
        let part = |of| (f64::from(self.numerator) / f64::from(of)).min(1.0);
        self.of().map_or(1.0, part)
    }

    fn millionths(&self) -> Option<u32> {
        Some(self.numerator.saturating_mul(1_000_000 / self.of()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Fault> {
        fault(&mut serde_json::Deserializer::from_str(json)).expect("filters")
    }

    #[test]
    fn an_abort_is_read_through_its_wrapping() {
        let kind =
            r#""@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault""#;
        let fault = format!(
            r#"{{{kind}, "abort": {{"httpStatus": 418, "percentage": {{"numerator": 20}}}}}}"#
        );
        let abort = Some(Abort::new(418, 200_000));
        let plain = read(&format!(r#"{{"envoy.filters.http.fault": {fault}}}"#)).expect("a fault");
        assert_eq!((plain.abort, plain.unjudged), (abort, None));
        let wrapped = format!(r#"{{"f": {{"@type": "FilterConfig", "config": {fault}}}}}"#);
        assert_eq!(read(&wrapped), Some(plain));
        let disabled = format!(r#"{{"f": {{"config": {fault}, "disabled": true}}}}"#);
        assert_eq!(read(&disabled), None);
        assert_eq!(read(r#"{"lua": {"abort": "anything"}}"#), None);
        let limited =
            format!(r#"{{"f": {{{kind}, "headers": [{{}}], "abort": {{"http_status": 500}}}}}}"#);
        let limited = read(&limited).expect("a fault");
        assert!(limited.abort.is_none() && limited.unjudged.is_some());
    }
}
