//! Targets that never answer or only fail, behind a real Envoy: named first, whatever the shares say.
//!
//! Envoy draws real random numbers. With [`SURE`] a split that is as declared diverges by its counts alone in one of 1e12
//! runs, so that what is seen here is decided by the state of the targets.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::support::cmd::{Outcome, Report, run, run_json};
use crate::support::envoy::{Builder, Envoy, Split};
use crate::support::mesh::Mesh;

const SURE: [&str; 6] = [
    "--expect",
    "single=90,multiple=10",
    "--alpha",
    "0.000000000001",
    "-n",
    "1000",
];

fn weather() -> Builder {
    Envoy::split(&[("single", 90), ("multiple", 10)])
}

/// A thousand requests; the JSON report on stdout.
fn sent(split: &Split, flags: &[&str]) -> Outcome {
    run_json(&[&SURE, flags, &[&split.url("/version")]].concat())
}

/// A canary that responds with this status and says who it is, drawn by a fixed seed for one connection: what is seen is the
/// same in every run.
fn failing(single: u16, multiple: u16) -> Mesh {
    Mesh::split([("single", 90), ("multiple", 10)])
        .seed(7)
        .status("single", single)
        .status("multiple", multiple)
        .start()
}

/// The ids of a list of the verdict.
fn ids<'r>(report: &'r Report, list: &str) -> Vec<&'r str> {
    let entries = report.0["verdict"][list].as_array().expect("a list");
    entries
        .iter()
        .filter_map(|entry| entry["id"].as_str())
        .collect()
}

/// The message of the first entry of a list, which must have this id.
#[track_caller]
fn first<'r>(report: &'r Report, list: &str, id: &str) -> &'r str {
    let entry = &report.0["verdict"][list][0];
    assert_eq!(entry["id"], id, "{:#}", report.0["verdict"]);
    entry["message"].as_str().expect("a message")
}

/// Fails unless the run diverged because the proxy replied for `multiple`, in these words and with this advice.
#[track_caller]
fn silent(report: &Report, words: &str, advice: &str) {
    assert_eq!(report.verdict(), "diverged", "{:#}", report.0["verdict"]);
    let reason = report.text("/verdict/reason");
    assert!(
        reason.starts_with("`multiple` never answered: "),
        "{reason}"
    );
    assert!(reason.contains(words), "{reason}");
    assert!(reason.ends_with("its share goes to nobody"), "{reason}");
    let why = first(report, "diagnosis", "target-silent");
    assert!(why.contains(advice), "{why}");
    assert_eq!(report.0["verdict"]["requests_needed"], Value::Null);
}

#[test]
fn a_canary_that_refuses_connections_or_has_no_endpoint_never_answered() {
    let dead = weather().dead("multiple").start();
    let report = sent(&dead, &[]).exits(1).report();
    silent(
        &report,
        "503 upstream connect error … remote connection failure",
        "look at the endpoints and pods of `multiple`",
    );
    let empty = weather().empty("multiple").start();
    for flags in [
        &[][..],
        &["--inconclusive", "pass"],
        // No identity in a header that the proxy does not send: the reason is read all the same.
        &[
            "--bucket",
            "header:x-version",
            "--bucket",
            "regex:weather-backend: (.*)",
        ],
    ] {
        let report = sent(&empty, flags).exits(1).report();
        silent(&report, "503 no healthy upstream", "endpointslices");
    }
}

#[test]
fn a_run_ends_early_when_a_target_is_silent() {
    let split = weather().empty("multiple").start();
    for objective in [&[][..], &["--slo", "single.errors < 1%"]] {
        let most = ["--max-requests", "100000", "-c", "2"];
        let flags = [&["--expect", "single=90,multiple=10"], &most[..]].concat();
        let url = split.url("/version");
        let report = run_json(&[&flags[..], objective, &[&url]].concat())
            .exits(1)
            .report();
        // Some 150 requests show it.
        assert!(report.sent() < 100_000, "{} requests", report.sent());
    }
}

#[test]
fn a_canary_slower_than_the_timeout_of_the_route_is_told_so() {
    let split = weather()
        .slow("multiple", Duration::from_secs(30))
        .timeout(Duration::from_secs(1))
        .start();
    let flags = [
        "--expect",
        "single=90,multiple=10",
        "--alpha",
        "0.000000000001",
    ];
    let url = split.url("/version");
    let report = run_json(&[&flags[..], &["-n", "600", &url]].concat()).report();
    // A busy machine may let responses of `single` time out as well.
    silent(&report, "504 upstream request timeout", "timeout");
}

#[test]
fn an_open_circuit_breaker_asks_for_fewer_connections() {
    let closed = weather().limited("multiple", 0).start();
    let report = sent(&closed, &[]).exits(1).report();
    silent(&report, "upstream connect error … overflow", "-c 1");

    let narrow = weather()
        .limited("single", 1)
        .limited("multiple", 1)
        .slow("single", Duration::from_millis(5))
        .start();
    let url = narrow.url("/version");
    let flags = ["-c", "50", "--color", "never", &url];
    let outcome = run(&[&SURE, &flags[..]].concat()).exits(3);
    let next = outcome
        .stdout
        .lines()
        .find(|line| line.trim_start().starts_with("next:"));
    let next = next.expect("a next step");
    assert!(next.contains("-c 1"), "{next}");
    assert!(!next.contains("--max-unattributed"), "{next}");
}

#[test]
fn errors_that_may_be_the_canarys_own_are_never_let_pass() {
    let split = weather().nameless("multiple", 500).start();
    for (flags, code) in [
        (&[][..], 3),
        (&["--inconclusive", "pass"], 3),
        (&["--inconclusive", "pass", "--max-unattributed", "100%"], 3),
        (&["--inconclusive", "fail"], 1),
        (&["--require-healthy"], 1),
    ] {
        let report = sent(&split, flags).exits(code).report();
        let reason = report.text("/verdict/reason");
        let open = "no response could be tied to `multiple`; ";
        assert!(reason.contains(open), "{reason}");
        assert!(reason.contains("were 500 without identity"), "{reason}");
        let note = first(&report, "caveats", "target-silent");
        assert!(note.contains("may be its own"), "{note}");
        assert_eq!(report.0["verdict"]["requests_needed"], Value::Null);
    }
    let url = split.url("/version");
    let shown = run(&[&SURE[..], &[&url]].concat()).exits(3).stdout;
    assert!(!shown.contains("run again"), "{shown}");
    assert!(!shown.contains("--max-unattributed"), "{shown}");
}

#[test]
fn fault_2_a_canary_that_only_fails_is_said_first_and_fails_where_health_is_required() {
    let mesh = failing(200, 500);
    let sent = |flags: &[&str]| {
        let one = ["-c", "1", "--resolution", "10%"];
        run_json(&[&SURE[..], &one, flags, &[&mesh.url("/")]].concat())
    };
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("run.json");
    let save = format!("json={}", saved.display());
    let report = sent(&["--report", &save]).exits(0).report();
    let note = first(&report, "caveats", "target-errors");
    let count = report.count("multiple");
    assert_eq!(
        note,
        format!(
            "the split holds; all {count} responses of `multiple` are 500: the weights say nothing about health; --slo \
             'multiple.errors < 1%' makes that part of the verdict"
        )
    );

    let required = folder.path().join("required.json");
    let save = format!("json={}", required.display());
    let flags = ["--require-healthy", "--report", &save];
    let report = sent(&flags).exits(1).report();
    assert_eq!(report.verdict(), "slo-failed");
    assert!(!first(&report, "caveats", "target-errors").contains("--slo"));

    // A saved report keeps the demand, and one without it can be asked for it.
    let (saved, required) = (saved.to_str().unwrap(), required.to_str().unwrap());
    run(&["report", saved]).exits(0);
    for args in [
        &["report", required, "-o", "json"][..],
        &["report", saved, "--require-healthy", "-o", "json"],
    ] {
        let report = run(args).exits(1).report();
        let slos = report.0["verdict"]["slos"].as_array().expect("a list");
        let outcomes: Vec<&str> = slos
            .iter()
            .filter_map(|slo| slo["outcome"].as_str())
            .collect();
        assert_eq!(outcomes, ["pass", "failed"]);
    }
    run(&["report", saved, required]).refused("one asks for more than the other");
}

#[test]
fn a_canary_that_only_fails_behind_envoy_is_said_first_and_counts_for_its_share() {
    let split = weather().fails("multiple", 500).start();
    let report = sent(&split, &[]).report();
    let note = first(&report, "caveats", "target-errors");
    let count = split.hits("multiple");
    assert_eq!(report.count("multiple"), count);
    assert!(
        note.contains(&format!("all {count} responses of `multiple` are 500")),
        "{note}"
    );
    sent(&split, &["--require-healthy"]).exits(1);
}

#[test]
fn fault_2_when_every_target_fails_or_nothing_is_declared_it_is_said_too() {
    let mesh = failing(503, 500);
    let url = mesh.url("/");
    let flags = ["-c", "1", "--resolution", "10%", &url];
    let report = run_json(&[&SURE, &flags[..]].concat()).exits(0).report();
    let note = first(&report, "caveats", "target-errors");
    assert!(
        note.starts_with("the split holds; every target fails: all "),
        "{note}"
    );

    let undeclared = |flags: &[&str]| run_json(&[&["-n", "100"], flags, &[&url]].concat());
    let report = undeclared(&[]).exits(0).report();
    let note = first(&report, "caveats", "target-errors");
    assert!(note.starts_with("all 100 responses are errors ("), "{note}");
    undeclared(&["--require-healthy"]).exits(1);
}

#[test]
fn every_format_leads_with_the_failing_target_and_its_counts() {
    let mesh = failing(200, 500);
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("run.json");
    let save = format!("json={}", saved.display());
    let url = mesh.url("/");
    let flags = ["-c", "1", "--resolution", "10%", "--report", &save, &url];
    let report = run_json(&[&SURE, &flags[..]].concat()).exits(0).report();
    let count = report.count("multiple");
    let words = format!("all {count} responses of ");
    let shown = |format: &str| run(&["report", saved.to_str().unwrap(), "-o", format]).stdout;
    let place = |text: &str, what: &str| {
        let at = text.find(what);
        at.unwrap_or_else(|| panic!("no `{what}` in\n{text}"))
    };

    let text = shown("text");
    let note = place(&text, &format!("NOTE  the split holds; {words}"));
    assert!(note < place(&text, "PASS  "), "{text}");
    assert_eq!(text.matches(&words).count(), 1, "{text}");
    let oneline = shown("oneline");
    let led = format!("pass: multiple: {count} of {count} responses are errors; every share ");
    assert!(oneline.starts_with(&led), "{oneline}");
    for format in ["markdown", "html"] {
        let page = shown(format);
        let led = place(&page, &words) < place(&page, "every share is within");
        assert!(led, "{format}: {page}");
    }
    let github = shown("github");
    assert!(
        github.starts_with("::warning ") && github.lines().next().unwrap_or("").contains(&words),
        "{github}"
    );
    assert_eq!(github.matches(&words).count(), 1, "{github}");
    let junit = shown("junit");
    place(
        &junit,
        &format!(r#"<property name="errors of multiple" value="{count} of {count}"/>"#),
    );
    place(&junit, &words);
    assert_eq!(ids(&report, "caveats").first(), Some(&"target-errors"));
}

#[test]
fn reports_that_were_saved_before_local_replies_were_told_apart_are_judged_by_their_texts() {
    let split = weather().empty("multiple").start();
    let report = sent(&split, &["--require-healthy"]).exits(1).report();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, report: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, report.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let schema = serde_json::from_str(include_str!("../src/report/report.schema.json"));
    let validator = jsonschema::validator_for(&schema.unwrap()).expect("a schema");
    assert!(validator.is_valid(&report.0), "{:#}", report.0);
    let text = report.0.to_string();
    let local = r#"{"local-reply":{"flag":"UH","text":"no healthy upstream"}}"#;
    assert!(text.contains(local), "{text}");
    let old = text.replace(local, r#"{"value":"no healthy upstream"}"#);
    for (name, report) in [("new.json", &text), ("old.json", &old)] {
        let path = write(name, &serde_json::from_str(report).unwrap());
        let again = run(&["report", &path, "-o", "json"]).exits(1).report();
        silent(&again, "503 no healthy upstream", "endpointslices");
    }
    // What the user says about it counts.
    let url = split.url("/version");
    let mapped = [
        "--map",
        "/no healthy/=multiple",
        "--resolution",
        "10%",
        &url,
    ];
    let report = run_json(&[&SURE, &mapped[..]].concat()).report();
    assert!(report.count("multiple") > 0);
    first(&report, "caveats", "target-errors");
    assert!(!ids(&report, "diagnosis").contains(&"target-silent"));
}
