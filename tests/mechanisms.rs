//! The mechanisms by which a real Envoy splits traffic, each with the verdict it deserves and by its right name.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::cmd::{Outcome, Report, Running, run_json};
use crate::support::envoy::{Builder, Envoy, Split};

/// What every test here declares.
const DECLARED: [&str; 2] = ["--expect", "single=90,multiple=10"];

fn weather(single: u32, multiple: u32) -> Builder {
    Envoy::split(&[("single", single), ("multiple", multiple)])
}

/// A run against a split; the report on stdout, whatever the verdict.
fn run(split: &Split, flags: &[&str]) -> Outcome {
    run_json(&[&DECLARED, flags, &[&split.url("/version")]].concat())
}

/// A run that is right to pass. Envoy draws real random numbers: a right split fails to pass a few times in a thousand
/// runs, by design; twice in a row is a bug.
#[track_caller]
fn passes(split: &Split, flags: &[&str]) -> Report {
    let outcome = match run(split, flags) {
        first if first.code == Some(0) => first,
        _ => run(split, flags),
    };
    outcome.exits(0).report()
}

/// The messages of a list of the verdict, by their names.
fn said<'r>(report: &'r Report, list: &str, id: &str) -> Option<&'r str> {
    let entries = report.0["verdict"][list].as_array().expect("a list");
    let entry = entries.iter().find(|entry| entry["id"] == id)?;
    entry["message"].as_str()
}

/// The names of all explanations.
fn diagnosis(report: &Report) -> Vec<&str> {
    let entries = report.0["verdict"]["diagnosis"].as_array();
    let entries = entries.expect("a list").iter();
    entries.filter_map(|entry| entry["id"].as_str()).collect()
}

/// Waits until the backends have served so many requests.
#[track_caller]
fn wait_until_served(split: &Split, requests: u64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while split.served() < requests {
        assert!(Instant::now() < deadline, "only {} arrived", split.served());
        sleep(Duration::from_millis(2));
    }
}

#[test]
fn weighted_clusters_draw_for_every_request() {
    let split = weather(90, 10).start();
    let report = passes(&split, &[]);
    assert_eq!(report.verdict(), "pass");
    assert_eq!(report.text("/verdict/unit"), "response");
    assert_eq!(said(&report, "caveats", "too-regular"), None);
    assert_eq!(report.0["verdict"]["diagnosis"], Value::Array(Vec::new()));
}

#[test]
fn localities_take_turns_and_that_is_said() {
    let split = weather(90, 10).in_turn().workers(1).start();
    let report = passes(&split, &["-c", "4"]);
    assert_eq!(report.verdict(), "pass");
    assert_eq!(report.text("/verdict/unit"), "response");
    assert!(
        said(&report, "caveats", "too-regular").is_some(),
        "{:#}",
        report.0
    );
}

#[test]
fn a_tcp_proxy_splits_connections_where_requests_are_declared_to_be_split() {
    let split = weather(90, 10).per_connection().start();
    let report = run(&split, &[]).exits(1).report();
    assert_eq!(report.verdict(), "diverged");
    assert_eq!(diagnosis(&report), ["per-connection"]);
    assert_eq!(report.text("/verdict/unit"), "connection");
}

#[test]
fn a_tcp_proxy_that_is_declared_to_split_connections_passes() {
    let split = weather(90, 10).per_connection().start();
    for balancing in ["connection", "any"] {
        let report = passes(&split, &["--balancing", balancing]);
        assert_eq!(report.verdict(), "pass", "{balancing}");
        assert_eq!(report.text("/verdict/unit"), "connection", "{balancing}");
        assert!(
            said(&report, "caveats", "per-connection").is_some(),
            "{balancing}"
        );
    }
}

#[test]
fn a_hash_of_a_fixed_header_sends_everything_to_one_target() {
    let split = weather(90, 10).by_hash("x-user").start();
    let report = run(&split, &["-H", "x-user: jason"]).exits(1).report();
    assert_eq!(report.verdict(), "diverged");
    assert_eq!(diagnosis(&report), ["single-target"]);
    let [single, multiple] = ["single", "multiple"].map(|subset| report.count(subset));
    assert!(single == 0 || multiple == 0, "{single} and {multiple}");
}

/// Counts alone would see 90/10: half of the answers came from 80/20, half from 100/0.
#[test]
fn weights_that_change_during_the_run_never_pass_and_the_place_is_named() {
    let split = weather(80, 20)
        .takes(Duration::from_millis(4))
        .changeable()
        .start();
    let url = split.url("/version");
    let flags = ["-o", "json", "-n", "4000", "-c", "16", &url];
    let running = Running::start(&[&DECLARED, &flags[..]].concat());
    wait_until_served(&split, 2000);
    split.change(&[("single", 100), ("multiple", 0)]);
    let outcome = running.finish();
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    let report = outcome.report();
    let message = said(&report, "caveats", "split-changed");
    let message = message.unwrap_or_else(|| panic!("no change in {:#}", report.0));
    let mut words = message.split("the first ").skip(1);
    let at: u64 = words
        .next()
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no place in `{message}`"));
    // Envoy takes a moment to read the file.
    assert!((1950..3400).contains(&at), "{message}");
    assert!(message.contains("the rest 100%/0%"), "{message}");
}

#[test]
fn weights_that_reach_the_proxy_during_the_run_diverge_and_the_place_is_named() {
    let split = weather(50, 50)
        .takes(Duration::from_millis(4))
        .changeable()
        .start();
    let url = split.url("/version");
    let flags = ["-o", "json", "-z", "1500ms", "-c", "16", &url];
    let running = Running::start(&[&DECLARED, &flags[..]].concat());
    wait_until_served(&split, 1500);
    split.change(&[("single", 90), ("multiple", 10)]);
    let report = running.finish().exits(1).report();
    assert!(
        said(&report, "caveats", "split-changed").is_some(),
        "{:#}",
        report.0
    );
    // Neither half explains the whole.
    assert!(diagnosis(&report).is_empty(), "{:#}", report.0);
}

#[test]
fn after_settling_only_the_new_split_is_judged() {
    let settled = || {
        let split = weather(50, 50)
            .takes(Duration::from_millis(2))
            .changeable()
            .start();
        let url = split.url("/version");
        let flags = ["-o", "json", "--settle", "5s", "-c", "16", &url];
        let running = Running::start(&[&DECLARED, &flags[..]].concat());
        wait_until_served(&split, 100);
        split.change(&[("single", 90), ("multiple", 10)]);
        (running.finish(), split)
    };
    // As above: a right split may fail to pass once, not twice.
    let (outcome, split) = match settled() {
        first if first.0.code == Some(0) => first,
        _ => settled(),
    };
    let report = outcome.exits(0).report();
    assert_eq!(report.verdict(), "pass");
    assert_eq!(said(&report, "caveats", "split-changed"), None);
    assert_eq!(said(&report, "caveats", "not-settled"), None);
    // What was sent before is in no count.
    assert!(report.sent() <= 4056 && split.served() > report.sent() + 500);
}
