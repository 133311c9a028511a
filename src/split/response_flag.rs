//! Envoy's response flags: why a proxy replied by itself, instead of passing on what a target sent.

use serde::{Deserialize, Serialize};

/// How Envoy begins the body of a reply to a request whose connection to the target failed.
const DISCONNECTED: &str = "upstream connect error or disconnect/reset before headers";

/// Why a proxy replied by itself; in JSON as Envoy's access log spells it. Flags that also mark responses of a target, such as
/// `DI` and `URX`, are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResponseFlag {
    /// The cluster has no endpoint that takes requests.
    #[serde(rename = "UH")]
    NoHealthyUpstream,
    /// A circuit breaker of the cluster is open.
    #[serde(rename = "UO")]
    Overflow,
    /// No connection to the endpoint.
    #[serde(rename = "UF")]
    ConnectionFailure,
    /// The endpoint closed the connection before it responded.
    #[serde(rename = "UC")]
    ConnectionTermination,
    /// The endpoint reset the request.
    #[serde(rename = "UR")]
    RemoteReset,
    /// The proxy reset the request.
    #[serde(rename = "LR")]
    LocalReset,
    /// What the endpoint sent is not the protocol that was expected.
    #[serde(rename = "UPE")]
    ProtocolError,
    /// The endpoint did not respond within the timeout of the route.
    #[serde(rename = "UT")]
    Timeout,
    /// The request took longer than any may.
    #[serde(rename = "UMSDR")]
    MaxDuration,
    /// A fault filter aborted the request.
    #[serde(rename = "FI")]
    FaultAbort,
    /// No route takes the request.
    #[serde(rename = "NR")]
    NoRoute,
    /// The route names a cluster that the proxy does not have.
    #[serde(rename = "NC")]
    NoCluster,
    /// A rate limit was reached.
    #[serde(rename = "RL")]
    RateLimited,
    /// The proxy itself is overloaded.
    #[serde(rename = "OM")]
    Overload,
    /// The external authorization service denied the request.
    #[serde(rename = "UAEX")]
    Unauthorized,
}

/// Flags, how Envoy writes them, and how the body of the reply begins. Replies of `NR` and `NC` have no body.
const KNOWN: [(ResponseFlag, &str, &str); 15] = [
    (ResponseFlag::NoHealthyUpstream, "UH", "no healthy upstream"),
    (ResponseFlag::Overflow, "UO", ""),
    (ResponseFlag::ConnectionFailure, "UF", ""),
    (ResponseFlag::ConnectionTermination, "UC", ""),
    (ResponseFlag::RemoteReset, "UR", ""),
    (ResponseFlag::LocalReset, "LR", ""),
    (ResponseFlag::ProtocolError, "UPE", ""),
    (ResponseFlag::Timeout, "UT", "upstream request timeout"),
    (
        ResponseFlag::MaxDuration,
        "UMSDR",
        "upstream max stream duration reached",
    ),
    (ResponseFlag::FaultAbort, "FI", "fault filter abort"),
    (ResponseFlag::NoRoute, "NR", ""),
    (ResponseFlag::NoCluster, "NC", ""),
    (ResponseFlag::RateLimited, "RL", "local_rate_limited"),
    (ResponseFlag::Overload, "OM", "envoy overloaded"),
    (ResponseFlag::Unauthorized, "UAEX", ""),
];

/// Reset reasons behind [`DISCONNECTED`], by a part of each. The reason is followed by what the transport said.
const RESETS: [(&str, ResponseFlag); 9] = [
    ("overflow", ResponseFlag::Overflow),
    ("overload manager", ResponseFlag::Overload),
    ("connection failure", ResponseFlag::ConnectionFailure),
    ("connection timeout", ResponseFlag::ConnectionFailure),
    (
        "connection termination",
        ResponseFlag::ConnectionTermination,
    ),
    ("protocol error", ResponseFlag::ProtocolError),
    ("local re", ResponseFlag::LocalReset),
    ("remote re", ResponseFlag::RemoteReset),
    ("remote error", ResponseFlag::RemoteReset),
];

impl ResponseFlag {
    /// As Envoy writes it.
    #[must_use]
    pub fn short(self) -> &'static str {
        let known = KNOWN.iter().find(|(flag, ..)| *flag == self);
        known.map_or("-", |(_, short, _)| short)
    }

    /// The first known one of a list, as Envoy writes it: `UF,URX`.
    #[must_use]
    pub fn read(flags: &str) -> Option<Self> {
        flags.split(',').find_map(|one| {
            let known = KNOWN.iter().find(|(_, short, _)| *short == one.trim());
            known.map(|(flag, ..)| *flag)
        })
    }

    /// The flag that goes with the body of an error, where it is one of Envoy's texts.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(DISCONNECTED) {
            // What the transport said may be anything.
            let reason = rest.split(", transport").next().unwrap_or_default();
            let known = RESETS.iter().find(|(part, _)| reason.contains(part));
            // Old versions give no reason, and new ones may give others.
            return Some(known.map_or(Self::ConnectionFailure, |(_, flag)| *flag));
        }
        let known = KNOWN
            .iter()
            .find(|(_, _, begin)| !begin.is_empty() && text.starts_with(begin));
        known.map(|(flag, ..)| *flag)
    }
}

/// What a text of Envoy says, without what the transport said: `upstream connect error … overflow`.
#[must_use]
pub fn brief(text: &str) -> String {
    let Some(rest) = text.strip_prefix(DISCONNECTED) else {
        let longest = 60;
        let end = text.char_indices().nth(longest).map(|(end, _)| end);
        return end.map_or_else(|| text.to_owned(), |end| format!("{}…", &text[..end]));
    };
    let reason = rest.split(", transport").next().unwrap_or_default();
    match reason.split_once("reset reason: ") {
        Some((_, reason)) => format!("upstream connect error … {}", reason.trim()),
        None => "upstream connect error …".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_envoy_has_its_flag() {
        let reset = |reason: &str| {
            ResponseFlag::of_text(&format!(
                "upstream connect error or disconnect/reset before headers. {reason}"
            ))
        };
        for (reason, flag) in [
            ("reset reason: overflow", ResponseFlag::Overflow),
            (
                "reset reason: connection failure",
                ResponseFlag::ConnectionFailure,
            ),
            (
                "reset reason: connection timeout",
                ResponseFlag::ConnectionFailure,
            ),
            (
                "reset reason: connection termination",
                ResponseFlag::ConnectionTermination,
            ),
            ("reset reason: remote reset", ResponseFlag::RemoteReset),
            (
                "reset reason: remote refused stream reset",
                ResponseFlag::RemoteReset,
            ),
            ("reset reason: local reset", ResponseFlag::LocalReset),
            (
                "reset reason: local refused stream reset",
                ResponseFlag::LocalReset,
            ),
            ("reset reason: protocol error", ResponseFlag::ProtocolError),
            ("reset reason: overload manager", ResponseFlag::Overload),
            (
                "retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect \
                 error: Connection refused",
                ResponseFlag::ConnectionFailure,
            ),
            (
                "reset reason: remote connection failure, transport failure reason: TLS_error:|protocol error, overflow",
                ResponseFlag::ConnectionFailure,
            ),
        ] {
            assert_eq!(reset(reason), Some(flag), "{reason}");
        }
        for (text, flag) in [
            ("no healthy upstream", ResponseFlag::NoHealthyUpstream),
            ("upstream request timeout", ResponseFlag::Timeout),
            ("fault filter abort", ResponseFlag::FaultAbort),
            ("local_rate_limited", ResponseFlag::RateLimited),
            (
                "upstream max stream duration reached",
                ResponseFlag::MaxDuration,
            ),
        ] {
            assert_eq!(ResponseFlag::of_text(text), Some(flag), "{text}");
        }
        for text in ["", "v2 broke", "there is no healthy upstream", "upstream"] {
            assert_eq!(ResponseFlag::of_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_of_flags_is_read_and_every_flag_is_written_as_envoy_does() {
        assert_eq!(
            ResponseFlag::read("URX,UF"),
            Some(ResponseFlag::ConnectionFailure)
        );
        for nothing in ["", "-", "DI", "URX"] {
            assert_eq!(ResponseFlag::read(nothing), None, "{nothing}");
        }
        for (flag, short, _) in KNOWN {
            assert_eq!(ResponseFlag::read(short), Some(flag));
            let json = serde_json::to_string(&flag).expect("a word");
            assert_eq!((flag.short(), json), (short, format!("\"{short}\"")));
        }
    }

    #[test]
    fn a_text_is_told_in_few_words() {
        for (text, few) in [
            ("no healthy upstream", "no healthy upstream"),
            (
                "upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote \
                 connection failure, transport failure reason: delayed connect error: 111",
                "upstream connect error … remote connection failure",
            ),
            (
                "upstream connect error or disconnect/reset before headers",
                "upstream connect error …",
            ),
        ] {
            assert_eq!(brief(text), few);
        }
        assert_eq!(brief(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
