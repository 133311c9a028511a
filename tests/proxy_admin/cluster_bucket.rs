//! `--bucket cluster`: what a real Envoy counted is judged, where responses say nothing.

use serde_json::json;

use super::envoy::{FIXED, TYPED, action, as_istio, cluster, of};
use super::said;
use crate::support::cmd::{Outcome, Report, Running, run, run_json};
use crate::support::envoy::{Builder, Envoy, Split};
use crate::support::gate::{Gate, PAST};
use crate::support::http::get_with;
use crate::support::wait::wait_until;

/// A false alarm is rarer than one run in a billion, and so is a pass that is missed.
const CERTAIN: [&str; 4] = ["--alpha", "0.0000000001", "--resolution", "8%"];

/// Backends whose responses are all alike.
fn alike(weights: &[(&str, u32)]) -> Builder {
    let all = Envoy::split(weights);
    weights
        .iter()
        .fold(all, |all, (subset, _)| all.nameless(subset, 200))
}

fn weather() -> Builder {
    alike(&[("single", 90), ("multiple", 10)])
}

/// A run that is judged by the proxy's counters.
fn counted(split: &Split, args: &[&str]) -> Outcome {
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let own = ["--bucket", "cluster", "--proxy-admin", &admin, &url];
    run_json(&[&CERTAIN[..], args, &own].concat())
}

#[test]
fn a_healthy_split_passes_by_counters_however_it_is_declared() {
    let split = weather().start();
    let whole = "outbound|5000|single|weather-backend.default.svc.cluster.local=90,\
                 outbound|5000|multiple|weather-backend.default.svc.cluster.local=10";
    for declared in [["-f", FIXED], ["--expect", TYPED], ["--expect", whole]] {
        let before = ["single", "multiple"].map(|subset| split.rq_total(subset));
        let report = counted(&split, &[&declared[..], &["-n", "4000"]].concat());
        let report = report.exits(0).report();
        assert_eq!(report.verdict(), "pass", "{:#}", report.0["verdict"]);
        for (at, subset) in ["single", "multiple"].into_iter().enumerate() {
            let row = &report.0["observation"]["targets"][at];
            let own = split.rq_total(subset) - before[at];
            assert_eq!(row["count"].as_u64(), Some(own), "{row}");
        }
        assert_eq!(report.number("/observation/unattributed"), 0);
        assert_eq!(said(&report, "foreign-requests"), [""; 0]);
        let basis = said(&report, "counted-by-proxy");
        assert!(basis.concat().contains("(4000 × 200)"), "{basis:?}");
        let source = report.text("/counted_in");
        assert_eq!(source, format!("{}/clusters", split.envoy().admin_url()));
        // Nothing is made up of the times of a target.
        for bucket in report.0["observation"]["buckets"].as_array().unwrap() {
            assert!(bucket["response_ms"].is_null(), "{bucket}");
        }
    }
}

#[test]
fn without_a_declaration_the_shares_are_shown() {
    let split = weather().start();
    let report = counted(&split, &["-n", "600"]).exits(0).report();
    assert_eq!(report.verdict(), "not-judged");
    let names = report.0["observation"]["buckets"].as_array().unwrap();
    let mut names: Vec<&str> = names
        .iter()
        .map(|own| own["bucket"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["multiple", "single"]);
}

#[test]
fn another_split_diverges_and_the_reason_is_what_the_proxy_has() {
    let split = alike(&[("single", 10), ("multiple", 90)]).start();
    let report = counted(&split, &["-f", FIXED, "-n", "1000"])
        .exits(1)
        .report();
    let reason = report.text("/verdict/reason");
    assert!(
        reason.contains("of 1000 requests, declared 10%"),
        "{reason}"
    );
    let why = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(why["id"], "programmed-differs", "{why}");
}

#[test]
fn weights_that_the_proxy_overrides_diverge_by_its_counters() {
    let split = weather()
        .with(|bootstrap| {
            action(bootstrap)["weighted_clusters"]["runtime_key_prefix"] = json!("own");
            let mut layer = serde_json::Map::new();
            for (subset, weight) in [("single", 40), ("multiple", 60)] {
                let name = cluster(bootstrap, subset)["name"].as_str().unwrap();
                layer.insert(format!("own.{name}"), weight.into());
            }
            bootstrap["layered_runtime"] =
                json!({ "layers": [{ "name": "own", "static_layer": layer }] });
        })
        .start();
    let report = counted(&split, &["--expect", TYPED, "-n", "1000"])
        .exits(1)
        .report();
    let why = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(why["id"], "counted-differs", "{why}");
}

#[test]
fn a_target_that_is_programmed_and_not_declared_diverges() {
    let split = alike(&[("single", 80), ("multiple", 10), ("canary", 10)]).start();
    let report = counted(&split, &["--expect", TYPED, "-n", "1000"])
        .exits(1)
        .report();
    let reason = report.text("/verdict/reason");
    assert!(reason.contains("`canary` is not declared"), "{reason}");
}

/// A run of 2000 requests, in the midst of which somebody else sends as well.
fn beside(others: usize) -> Report {
    let gate = Gate::after(500);
    let split = weather().when("x-other", "1", "multiple").behind(&gate);
    let split = split.start();
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let own = [
        "-o",
        "json",
        "--expect",
        TYPED,
        "-n",
        "2000",
        "-c",
        "10",
        "--bucket",
        "cluster",
        "--proxy-admin",
        &admin,
        &url,
    ];
    let running = Running::start(&[&CERTAIN[..], &own].concat());
    wait_until("500 requests are under way", || split.served() >= 500);
    for _ in 0..others {
        let headers = [("x-other", "1"), (PAST, "1")];
        get_with(split.envoy().addr(), "/version", &headers).expect("a response");
    }
    gate.open();
    running.finish().report()
}

#[test]
fn requests_of_others_are_estimated_and_leave_the_verdict_open_where_they_are_many() {
    let report = beside(100);
    assert_eq!(report.number("/counted/foreign_requests"), 100);
    assert_eq!(report.verdict(), "inconclusive");
    let reason = report.text("/verdict/reason");
    assert!(
        reason.starts_with(
            "100 requests of 2100 that the proxy counted are more than this run sent to targets: requests of others; of 2000 \
             requests which target got 100 is not known"
        ),
        "{reason}"
    );
}

#[test]
fn few_requests_of_others_are_a_note() {
    let report = beside(3);
    assert_eq!(report.verdict(), "pass", "{:#}", report.0["verdict"]);
    let said = said(&report, "foreign-requests");
    assert!(said.concat().starts_with("3 requests of 2003"), "{said:?}");
    assert_eq!(report.number("/observation/unattributed"), 3);
}

/// A target that fails at first, and is tried a second time.
fn retried() -> Builder {
    Envoy::split(&[("single", 50), ("multiple", 50)])
        .nameless("single", 200)
        .nameless("multiple", 503)
        .with(|bootstrap| {
            action(bootstrap)["retry_policy"] = json!({ "retry_on": "5xx", "num_retries": 1,
                "retry_back_off": { "base_interval": "0.001s", "max_interval": "0.001s" } });
        })
}

#[test]
fn a_request_that_is_tried_again_counts_once() {
    let even = ["--expect", "single=50,multiple=50", "-n", "600", "-c", "2"];
    let split = retried().start();
    let report = counted(&split, &even).report();
    assert_eq!(report.number("/observation/unattributed"), 0);
    let tries = of(&report, "counted", "multiple")["count"]
        .as_u64()
        .unwrap();
    let own = report.number("/observation/targets/1/count");
    assert_eq!(tries, 2 * own);
    // Where the proxy does not say how many tries were retries, they may be anybody's.
    let split = retried().with(as_istio).start();
    let report = counted(&split, &even).exits(3).report();
    let reason = report.text("/verdict/reason");
    assert!(
        reason.contains("requests of others, or retries, of which it publishes no statistics"),
        "{reason}"
    );
    assert_eq!(report.number("/counted/foreign_requests"), 0);
}

#[test]
fn requests_that_reach_no_target_are_nobodys() {
    let split = weather().dead("multiple").start();
    let report = counted(&split, &["--expect", TYPED, "-n", "1000"]).report();
    assert_ne!(report.verdict(), "pass");
    let single = report.number("/observation/targets/0/count");
    assert_eq!(single, split.rq_total("single"));
    assert_eq!(report.number("/observation/unattributed"), 1000 - single);
    assert_eq!(report.number("/observation/targets/1/count"), 0);
}

#[test]
fn requests_that_go_past_the_proxy_are_no_data() {
    let (other, split) = (weather().start(), weather().start());
    let (admin, url) = (other.envoy().admin_url(), split.url("/version"));
    let args = [
        "--expect",
        TYPED,
        "-n",
        "200",
        "--bucket",
        "cluster",
        "--proxy-admin",
        &admin,
        &url,
    ];
    let report = run_json(&args).exits(4).report();
    let reason = report.text("/verdict/reason");
    assert!(
        reason.contains("they do not go through this proxy"),
        "{reason}"
    );
}

#[test]
fn without_counters_nothing_is_sent() {
    let split = weather().start();
    let url = split.url("/version");
    let cluster = ["--expect", TYPED, "-n", "50", "--bucket", "cluster"];
    let none = run(&[&cluster[..], &[&url]].concat()).exits(2);
    assert!(
        none.stderr.contains("no admin interface is given or found")
            && none.stderr.contains("--proxy-admin"),
        "{}",
        none.stderr
    );
    let nobody = ["--proxy-admin", "http://127.0.0.1:1", &url];
    let nobody = run(&[&cluster[..], &nobody].concat()).exits(4);
    assert!(
        nobody
            .stderr
            .contains("--bucket cluster cannot count: the admin interface of the proxy, http://127.0.0.1:1, was not read"),
        "{}",
        nobody.stderr
    );
    let admin = split.envoy().admin_url();
    let others = run(&[
        "--expect",
        "red=1,blue=1",
        "--bucket",
        "cluster",
        "--proxy-admin",
        &admin,
        &url,
    ])
    .exits(2);
    assert!(
        others.stderr.contains(
            "no declared target (`red`, `blue`) is one that the proxy sends this request to (`single`, `multiple`)"
        ),
        "{}",
        others.stderr
    );
    assert_eq!(split.served(), 0);
}

#[test]
fn what_counters_cannot_tell_is_refused() {
    for (typed, named) in [
        (
            &["--slo", "single.p99 < 1s"][..],
            "counts requests: `single.p99 < 1s` is about times",
        ),
        (
            &["--slo", "all.errors < 1%"],
            "counts requests: `all.errors < 1%` is about errors",
        ),
        (
            &["--require-healthy"],
            "counts requests: --require-healthy is about errors",
        ),
        (&["--map", "a=single"], "does not go with --map: "),
        (&["--bucket", "body"], "does not go with another --bucket: "),
        (&["--warmup", "10"], "does not go with --warmup: "),
        (
            &["--test", "sequential"],
            "does not go with --test sequential: ",
        ),
        (
            &["--balancing", "connection"],
            "does not go with --balancing connection: ",
        ),
        (&["--sessions", "5"], "does not go with --sessions: "),
        (&["--debug"], "does not go with --debug: "),
        (&["--vary", "user=1..9"], "does not go with --vary: "),
        (
            &["--proxy-admin", "off"],
            "does not go with --proxy-admin off: ",
        ),
    ] {
        let args = [
            &["--expect", TYPED, "--bucket", "cluster"],
            typed,
            &["http://127.0.0.1:1/"],
        ];
        let refused = run(&args.concat()).exits(2);
        let message = format!("error: --bucket cluster {named}");
        assert!(refused.stderr.starts_with(&message), "{}", refused.stderr);
    }
}

#[test]
fn commands_that_ask_it_of_each_request_refuse_it() {
    let typed = ["--bucket", "cluster", "http://127.0.0.1:1/"];
    for (command, more) in [
        ("monitor", &["--expect", TYPED][..]),
        ("endpoints", &["--pick", "header:x-pick"]),
    ] {
        let refused = run(&[&[command], more, &typed].concat()).exits(2);
        let message = format!("error: {command} asks of each request who responded to it");
        assert!(refused.stderr.starts_with(&message), "{}", refused.stderr);
    }
}

#[test]
fn a_saved_report_is_judged_again_by_its_counts_and_by_nothing_else() {
    let split = weather().start();
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("run.json");
    let file = format!("json={}", saved.display());
    let saved = saved.to_str().unwrap();
    counted(
        &split,
        &["--expect", TYPED, "-n", "4000", "--report", &file],
    )
    .exits(0);
    let again = run(&["report", saved, "--alpha", "0.0000000001"]).exits(0);
    assert!(
        again.stdout.contains("counted in http://"),
        "{}",
        again.stdout
    );
    assert!(!again.stdout.contains("p99"), "{}", again.stdout);
    for (asked, what) in [
        (
            &["--slo", "single.p99 < 1s"][..],
            "about times, and counts have none",
        ),
        (
            &["--slo", "single.errors < 1%"],
            "about errors, and these counts have no statuses",
        ),
        (
            &["--require-healthy"],
            "about errors, and these counts have no statuses",
        ),
    ] {
        let refused = run(&[&["report", saved], asked].concat()).exits(2);
        assert!(refused.stderr.contains(what), "{}", refused.stderr);
    }
    run(&["report", saved, "--slo", "single.share > 80%"]).exits(0);
}
