//! The mechanisms by which a real Envoy splits traffic, each with the verdict it deserves and by its right name.

use std::time::Duration;

use serde_json::Value;

use crate::support::chance;
use crate::support::cmd::{Outcome, Report, Running, run_json};
use crate::support::envoy::{Builder, Envoy, Split};
use crate::support::gate::Gate;
use crate::support::nginx_split::NginxSplit;
use crate::support::wait::wait_until;

/// What every test here declares.
const DECLARED: [&str; 2] = ["--expect", "single=90,multiple=10"];

fn weather(single: u32, multiple: u32) -> Builder {
    Envoy::split(&[("single", single), ("multiple", multiple)])
}

/// A run against a split; the report on stdout, whatever the verdict.
fn run(split: &Split, flags: &[&str]) -> Outcome {
    run_json(&[&DECLARED, flags, &[&split.url("/version")]].concat())
}

/// A run that is right to pass.
#[track_caller]
fn passes(split: &Split, flags: &[&str]) -> Report {
    chance::passes(|| ((), run(split, flags))).1
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

#[test]
fn weighted_clusters_draw_for_every_request() {
    let split = weather(90, 10).start();
    let drawn = |report: &Report| said(report, "caveats", "too-regular").is_none();
    let ((), report) = chance::passes_where(drawn, || ((), run(&split, &[])));
    assert_eq!(report.verdict(), "pass");
    assert_eq!(report.text("/verdict/unit"), "response");
    assert_eq!(report.0["verdict"]["diagnosis"], Value::Array(Vec::new()));
}

#[test]
fn localities_take_turns_and_that_is_said() {
    let split = weather(90, 10).in_turn().workers(1).start();
    // One request after the other: the turns of a single worker are all there is, and nothing is drawn. What is left of a
    // rotation under many connections is simulated by the calibration.
    let report = run(&split, &["-c", "1"]).exits(0).report();
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
    // That 500 pairs agree is chance less than once in 1e40 times (0.82^500), and so it is that they all got one subset
    // (0.9^500 = 1e-23).
    let pairs = run(&split, &["-n", "1000", "--reuse", "2"]);
    let report = pairs.exits(1).report();
    assert_eq!(report.verdict(), "diverged");
    assert_eq!(diagnosis(&report), ["per-connection"]);
    assert_eq!(report.text("/verdict/unit"), "connection");
    // However early it is certain.
    assert_eq!(run(&split, &[]).exits(1).report().verdict(), "diverged");
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

/// A run of so many requests in which Envoy learns of other weights while 16 requests behind the first ones are under way.
/// Every request has a connection of its own: else those that saw both splits would look as if they stuck to targets.
fn changed(after: u64, from: (u32, u32), to: (u32, u32), requests: &str) -> Outcome {
    let gate = Gate::after(usize::try_from(after).expect("few"));
    let split = weather(from.0, from.1).behind(&gate).changeable().start();
    let url = split.url("/version");
    let flags = [
        "-o",
        "json",
        "-n",
        requests,
        "-c",
        "16",
        "--disable-keepalive",
        &url,
    ];
    let running = Running::start(&[&DECLARED, &flags[..]].concat());
    wait_until("all connections are held", || split.served() == after + 16);
    split.change(&[("single", to.0), ("multiple", to.1)]);
    gate.open();
    running.finish()
}

/// Counts alone would see 90/10: half of the responses came from 80/20, half from 100/0.
#[test]
fn weights_that_change_during_the_run_never_pass_and_the_place_is_named() {
    let outcome = changed(2000, (80, 20), (100, 0), "4000");
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    let report = outcome.report();
    let message = said(&report, "caveats", "split-changed");
    let message = message.unwrap_or_else(|| panic!("no change in {:#}", report.0));
    let mut words = message.split("the first ").skip(1);
    let at: u64 = words
        .next()
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("no place in `{message}`"));
    // The first 2016 were split 80/20. The change is seen where `multiple` comes last, which is not among the last 93 of them
    // with a probability of 0.8^93 < 1e-9.
    assert!((1923..=2016).contains(&at), "{message}");
    assert!(message.contains("the rest 100%/0%"), "{message}");
}

#[test]
fn weights_that_reach_the_proxy_during_the_run_diverge_and_the_place_is_named() {
    let report = changed(1500, (50, 50), (90, 10), "3000").exits(1).report();
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
        let gate = Gate::after(100);
        let split = weather(50, 50)
            .takes(Duration::from_millis(5))
            .behind(&gate)
            .changeable()
            .start();
        let url = split.url("/version");
        // It waits for what is held before it looks at the next window.
        let flags = ["-o", "json", "--settle", "20s", "-c", "16", &url];
        let running = Running::start(&[&DECLARED, &flags[..]].concat());
        wait_until("a hundred pass", || split.served() > 100);
        split.change(&[("single", 90), ("multiple", 10)]);
        gate.open();
        (split, running.finish())
    };
    let (split, report) = chance::passes(settled);
    assert_eq!(report.verdict(), "pass");
    assert_eq!(said(&report, "caveats", "split-changed"), None);
    assert_eq!(said(&report, "caveats", "not-settled"), None);
    // What was sent before is in no count.
    assert!(report.sent() <= 4056 && split.served() > report.sent() + 100);
}

#[test]
fn a_slow_canary_is_no_cluster() {
    let split = weather(90, 10)
        .slow("multiple", Duration::from_millis(300))
        .start();
    for flags in [&["-n", "1000"][..], &["-n", "1000", "--reuse", "2"]] {
        let report = passes(&split, flags);
        assert_eq!(report.text("/verdict/unit"), "response");
    }
}

/// Workers that begin their turns in step: each of them is off by less than one response, so that no run of them diverges.
#[test]
fn thirty_two_fresh_workers_of_nginx_never_diverge_and_change_nothing() {
    for (declared, weights) in [
        ("v1=99,v2=1", &[99, 1][..]),
        ("v1=98,v2=1,v3=1", &[98, 1, 1]),
    ] {
        for _ in 0..2 {
            let split = NginxSplit::start(32, weights);
            let report = run_json(&["--expect", declared, &split.url()]).report();
            assert!(
                ["pass", "inconclusive"].contains(&report.verdict()),
                "{:#}",
                report.0["verdict"]
            );
            assert_eq!(report.0["verdict"]["change"], Value::Null);
        }
    }
}

/// Envoy begins the turns of each worker anywhere.
#[test]
fn workers_of_envoy_that_take_turns_pass() {
    for workers in [4, 16] {
        let split = weather(90, 10).in_turn().workers(workers).start();
        let report = passes(&split, &[]);
        assert_eq!(report.verdict(), "pass", "{workers}");
    }
}
