//! What Istio's validating webhook refuses about lists of names: an object that it refuses never comes into effect.

use crate::diag::Diagnostic;
use crate::manifest::decode::{At, Decoder};
use crate::manifest::names::covers;

/// "duplicate hosts in virtual service": of two hosts none may be, or take, the other.
pub(super) fn hosts(hosts: &[At<String>], decoder: &mut Decoder<'_>) {
    for (at, host) in hosts.iter().enumerate() {
        let lower = host.value.to_lowercase();
        let meets = |other: &&At<String>| {
            let other = other.value.to_lowercase();
            covers(&other, &lower) || covers(&lower, &other)
        };
        let Some(first) = hosts[..at].iter().find(meets) else {
            continue;
        };
        let message = if first.value == host.value {
            format!("the host `{}` is given twice", host.value)
        } else {
            format!("the hosts `{}` and `{}` overlap", first.value, host.value)
        };
        let problem = Diagnostic::error("duplicate_host", message)
            .at(host.span, "again here")
            .at(first.span, "first here");
        decoder.report(problem.help("Istio refuses this object: keep one of them"));
    }
}

/// "exportTo ~ (none) is not allowed for Istio configuration objects."
pub(super) fn exports(exports: &[At<String>], decoder: &mut Decoder<'_>) {
    if let Some(nobody) = exports.iter().find(|to| to.value == "~") {
        let message = "`exportTo: [\"~\"]` exports this object to nobody";
        let problem = Diagnostic::error("bad_export", message).at(nobody.span, "");
        decoder.report(problem.help("Istio refuses this object: write `.` for its own namespace"));
    }
}

/// "multiple hosts provided with non-HTTP, non-TLS ports": nothing in such a connection says which host is meant.
pub(super) fn apart(
    hosts: &[At<String>],
    protocols: &[String],
    resolution: Option<&str>,
    decoder: &mut Decoder<'_>,
) {
    let tells = |protocol: &String| {
        let protocol = protocol.to_uppercase();
        matches!(
            protocol.as_str(),
            "HTTP" | "HTTP2" | "HTTP_PROXY" | "GRPC" | "GRPC-WEB" | "HTTPS" | "TLS"
        )
    };
    let picked = resolution.is_none_or(|resolution| resolution == "NONE");
    if let ([_, second, ..], false, false) = (hosts, picked, protocols.iter().all(tells)) {
        let message = "several hosts share a port that is neither HTTP nor TLS, where nothing says which of them is meant";
        let problem = Diagnostic::error("one_host", message).at(second.span, "a second host");
        decoder.report(problem.help("Istio refuses this object: write a ServiceEntry for each"));
    }
}
