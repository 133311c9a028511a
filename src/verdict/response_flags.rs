//! What Envoy's response flags mean, and what to do about the responses that carry them.

use crate::split::ResponseFlag;

/// A response flag.
#[derive(Clone, Copy, Debug)]
pub struct FlagRow {
    /// As Envoy writes it.
    pub short: &'static str,
    /// The status that goes with it.
    pub status: &'static str,
    /// What happened.
    pub means: &'static str,
    /// What to do; `{names}` stands for the targets concerned.
    pub step: &'static str,
}

/// What to do where nothing says why.
const UNKNOWN: &str = "look at the endpoints and pods of {names}. Do they run, and listen on the target port of the Service?";

/// What to do about a cluster that is not there.
const NO_CLUSTER: &str = "it has no cluster or route for {names}. Does the DestinationRule define the subset, and is it \
                          exported to the client?";

/// Every flag that is read, the common ones first; the last two also go with responses that a target has sent.
pub const RESPONSE_FLAGS: [FlagRow; 18] = [
    row(
        "UH",
        "503",
        "the cluster has no endpoint that takes requests",
        "it has no endpoint for {names}. Are its pods ready, and do the labels of the subset select them? Look at `kubectl get \
         endpointslices` and `istioctl proxy-config endpoints POD`",
    ),
    row(
        "NC",
        "503",
        "the route names a cluster that the proxy does not have",
        NO_CLUSTER,
    ),
    row("NR", "404", "no route takes the request", NO_CLUSTER),
    row(
        "UF",
        "503",
        "the proxy could not connect to the endpoint",
        "look at the endpoints and pods of {names}. Do they run, and listen on the target port of the Service? Do both sides \
         agree about TLS?",
    ),
    row(
        "UO",
        "503",
        "a circuit breaker is open",
        "a circuit breaker lets no more through (`connectionPool` of the DestinationRule): send with fewer connections, as in -c 1",
    ),
    row(
        "UT",
        "504",
        "no response came within the timeout of the route",
        "the `timeout` of the route ends before {names} responds: look at its latency, or raise the timeout",
    ),
    row(
        "UC",
        "503",
        "the endpoint closed the connection before it responded",
        "does {names} restart, or close idle connections sooner than the proxy (`idleTimeout`)? Look at its logs and restarts",
    ),
    row("UR", "503", "the endpoint reset the request", UNKNOWN),
    row("LR", "503", "the proxy reset the request", UNKNOWN),
    row(
        "UPE",
        "502",
        "what the endpoint sent is not the protocol that was expected",
        "does the name of the port, or its `appProtocol`, say what {names} speaks (HTTP/1.1, HTTP/2, TLS)?",
    ),
    row(
        "RL",
        "429",
        "a rate limit was reached",
        "a rate limit stops these requests: send fewer per second with --rate",
    ),
    row(
        "FI",
        "as declared",
        "a fault filter aborted the request",
        "a fault filter aborts these requests: look for `fault.abort` in the rules",
    ),
    row(
        "UAEX",
        "403",
        "the external authorization service denied the request",
        "an external authorizer denies these requests: send the credentials that it asks for with -H",
    ),
    row(
        "UMSDR",
        "504",
        "the request took longer than any may",
        "the `timeout` of the route ends before {names} responds: look at its latency, or raise the timeout",
    ),
    row(
        "OM",
        "503",
        "the proxy itself is overloaded",
        "the proxy itself is overloaded: send fewer at once with -c, or give it more memory",
    ),
    row(
        "DC",
        "none",
        "the client closed the connection before the response",
        "the sender gave up: does --timeout end before {names} responds?",
    ),
    row(
        "URX",
        "that of the last attempt",
        "the last retry failed too",
        "retries hide single failures of {names}, and these failed every time: look at its logs",
    ),
    row(
        "DI",
        "that of the response",
        "a fault filter delayed the request",
        "a fault filter delays these requests: look for `fault.delay` in the rules",
    ),
];

const fn row(
    short: &'static str,
    status: &'static str,
    means: &'static str,
    step: &'static str,
) -> FlagRow {
    FlagRow {
        short,
        status,
        means,
        step,
    }
}

/// The row of a flag.
fn known(flag: ResponseFlag) -> Option<&'static FlagRow> {
    RESPONSE_FLAGS.iter().find(|row| row.short == flag.short())
}

/// What a flag means.
#[must_use]
pub(super) fn meaning(flag: ResponseFlag) -> &'static str {
    known(flag).map_or("", |row| row.means)
}

/// What to do about local replies with this reason in the place of these targets. A 404 without a reason is what Envoy replies
/// where no route takes a request.
#[must_use]
pub fn advice(flag: Option<ResponseFlag>, status: u16, names: &str) -> String {
    let step = match flag {
        Some(flag) => known(flag).map_or(UNKNOWN, |row| row.step),
        None if status == 404 => {
            "no route may take these requests (flag NR), or a rule replies so itself: check the path, the headers and --host"
        }
        None => UNKNOWN,
    };
    step.replace("{names}", names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_that_is_read_has_a_meaning_and_a_step() {
        for row in RESPONSE_FLAGS {
            let read = ResponseFlag::read(row.short);
            let of_targets = ["DC", "URX", "DI"].contains(&row.short);
            assert_eq!(read.is_none(), of_targets, "{}", row.short);
            assert!(!row.means.is_empty() && !row.step.is_empty());
            if let Some(flag) = read {
                assert_eq!(meaning(flag), row.means);
                assert!(!advice(read, 503, "`v2`").contains("{names}"));
            }
        }
        assert!(advice(None, 404, "`v2`").contains("NR"));
        assert!(advice(None, 503, "`v2`").contains("pods of `v2`"));
    }
}
