//! Servers that misbehave: every failure is counted under its kind, the run goes on, and it ends in time.

use crate::support::cmd::run_json;
use crate::support::hostile::{Behaviour, Hostile, Refusing};
use crate::support::mesh::Mesh;

/// What each behaviour counts as, and how long it may take. Only what never answers is given little time.
const KINDS: [(Behaviour, &str, &str); 10] = [
    (Behaviour::ResetOnAccept, "reset", "20s"),
    (Behaviour::ResetAfterRequest, "reset", "20s"),
    (Behaviour::Silent, "timeout", "300ms"),
    (Behaviour::SlowHeaders, "timeout", "300ms"),
    (Behaviour::Truncated, "truncated", "20s"),
    (Behaviour::Endless, "oversized", "20s"),
    (Behaviour::BadStatusLine, "malformed", "20s"),
    (Behaviour::Garbage, "malformed", "20s"),
    (Behaviour::BadChunking, "malformed", "20s"),
    (Behaviour::TlsAlert, "malformed", "20s"),
];

#[test]
fn nothing_but_failures_is_no_data() {
    for (behaviour, kind, timeout) in KINDS {
        let server = Hostile::always(behaviour);
        let url = server.url("/");
        let report = run_json(&["-n", "8", "-c", "4", "-t", timeout, &url])
            .exits(4)
            .report();
        assert_eq!(report.verdict(), "no-data", "{behaviour:?}");
        assert_eq!(report.failures(kind), 8, "{behaviour:?}: {:#}", report.0);
        assert_eq!(report.number("/observation/failed"), 8, "{behaviour:?}");
        assert_eq!(report.number("/observation/answered"), 0, "{behaviour:?}");
        assert_eq!(server.good(), 0, "{behaviour:?}");
    }
}

#[test]
fn a_run_goes_on_after_failures() {
    for (behaviour, kind, timeout) in KINDS {
        let server = Hostile::every(5, behaviour);
        let url = server.url("/");
        // A connection each, so that what happens to a connection happens to one request.
        let report = run_json(&[
            "-n",
            "40",
            "-c",
            "4",
            "-t",
            timeout,
            "--disable-keepalive",
            &url,
        ])
        .exits(0)
        .report();
        let said = format!("{behaviour:?}: {:#}", report.0);
        assert_eq!(report.sent(), 40, "{said}");
        assert_eq!((server.good(), server.bad()), (34, 6), "{said}");
        assert_eq!(report.failures(kind), 6, "{said}");
        assert_eq!(report.number("/observation/failed"), 6, "{said}");
        assert_eq!(report.number("/observation/answered"), 34, "{said}");
        assert_eq!(report.answers(), 34, "{said}");
    }
}

#[test]
fn failures_above_the_limit_forbid_a_pass() {
    let server = Hostile::every(5, Behaviour::ResetAfterRequest);
    let url = server.url("/");
    let report = run_json(&["--expect", "v1=100", "-n", "200", &url])
        .exits(3)
        .report();
    assert_eq!(report.verdict(), "inconclusive");
}

#[test]
fn nobody_at_the_other_end_is_no_data() {
    let refusing = Refusing::start();
    let plain = Mesh::split([("v1", 1)]).start();
    let encrypted = format!("https://{}/", plain.addr());
    for (url, kind, failed) in [
        (refusing.url("/").as_str(), "connect", 5),
        (encrypted.as_str(), "tls", 5),
        // Nothing but the first request is tried against a name that does not resolve.
        ("http://no-such-host.invalid/", "dns", 1),
    ] {
        let outcome = run_json(&["-n", "5", "-c", "2", url]).exits(4);
        let report = outcome.report();
        assert_eq!(report.verdict(), "no-data", "{url}");
        assert_eq!(report.failures(kind), failed, "{url}: {:#}", report.0);
    }
    assert_eq!(plain.served(), 0);
}
