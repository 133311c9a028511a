//! What Istio's validating webhook refuses about lists of names: an object that it refuses never comes into effect.

use crate::diag::{Code, Note};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::mesh::names::covers;

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
        let problem = Note::new(Code::DuplicateHost, message)
            .at(host.span, "again here")
            .at(first.span, "first here");
        decoder.report(problem.help("Istio refuses this object: keep one of them"));
    }
}

/// "exportTo ~ (none) is not allowed for Istio configuration objects."
pub(super) fn exports(exports: &[At<String>], decoder: &mut Decoder<'_>) {
    if let Some(nobody) = exports.iter().find(|to| to.value == "~") {
        let message = "`exportTo: [\"~\"]` exports this object to nobody";
        let problem = Note::new(Code::BadExport, message).at(nobody.span, "");
        decoder.report(problem.help("Istio refuses this object: write `.` for its own namespace"));
    }
}
