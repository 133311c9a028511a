//! Latency at a load that means something: what is sent for an objective, and a word where responses queued.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cmd::{Report, run, run_json};
use crate::support::mesh::{Mesh, NINETY_TEN};

const SLO: &str = "v1.p99 < 60s";

/// The word about latencies of a queue, if there is one.
fn queue(report: &Report) -> Option<String> {
    let caveats = report.0["verdict"]["caveats"].as_array().expect("a list");
    let found = caveats
        .iter()
        .find(|caveat| caveat["id"] == "latency-at-saturation")?;
    found["message"].as_str().map(str::to_owned)
}

#[test]
fn a_latency_is_measured_over_ten_connections_unless_a_load_is_asked_for() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let load = |more: &[&str]| {
        let report = run_json(&[&["--expect", NINETY_TEN, "--seed", "1", &url], more].concat());
        report.report().0["load"].clone()
    };
    let modest = load(&["--slo", SLO]);
    assert_eq!(modest["connections"], 10);
    assert_eq!(
        (&modest["requests"], &modest["reuse"]),
        (&json!(4056), &json!(2))
    );
    assert_eq!(
        (&modest["duration_s"], &modest["rate"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        (&modest["timeout_s"], &modest["modest"]),
        (&json!(20.0), &json!(true))
    );
    let fixed = load(&["--slo", SLO, "-n", "300"]);
    assert_eq!(
        (&fixed["connections"], &fixed["requests"]),
        (&json!(100), &json!(300))
    );
    assert_eq!(
        (&fixed["reuse"], &fixed["modest"]),
        (&Value::Null, &Value::Null)
    );
    let open = load(&[
        "--slo",
        SLO,
        "-q",
        "400",
        "-z",
        "200ms",
        "--reuse",
        "1:5",
        "--threads",
        "2",
    ]);
    assert_eq!(
        (&open["rate"], &open["duration_s"]),
        (&json!(400.0), &json!(0.2))
    );
    assert_eq!(
        (&open["reuse"], &open["requests"], &open["threads"]),
        (&json!("1:5"), &Value::Null, &json!(2))
    );
    assert_eq!(load(&["--slo", "v1.errors < 5%"])["connections"], 100);
}

#[test]
fn the_heading_says_that_the_load_is_modest() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let text = |more: &[&str]| run(&[&["--expect", NINETY_TEN, &url], more].concat()).stdout;
    let line = "\n10 connections at a time, as fast as answered: a modest load for the objective; -c, -n, -z or -q ask for \
                another\n";
    let modest = text(&["--slo", SLO]);
    assert!(modest.contains(line), "{modest}");
    let asked = text(&["--slo", SLO, "-c", "10"]);
    assert!(!asked.contains("a modest load"), "{asked}");
}

/// Ten connections at a server that works on one request at a time, for 150 ms: the first response takes as long, each later
/// one ten times that.
#[test]
fn latencies_of_a_queue_are_said_beside_an_objective_that_judges_them() {
    let mesh = Mesh::split([("v1", 1)])
        .one_at_a_time(Duration::from_millis(150))
        .start();
    let url = mesh.url("/");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.json");
    let saved = path.to_str().expect("UTF-8");
    let file = format!("json={saved}");
    // Without an objective for a latency nobody is misled.
    let args = [
        "-n",
        "25",
        "-c",
        "10",
        "--report",
        &file,
        "--slo",
        "v1.errors < 50%",
        &url,
    ];
    let report = run_json(&args).exits(0).report();
    assert_eq!(queue(&report), None);
    let judged = |slo: &str| {
        let again = run(&["report", "-o", "json", "--slo", slo, saved]).exits(0);
        queue(&again.report())
    };
    let said = judged("v1.p50 < 60s").expect("a queue");
    assert!(
        said.contains("the fastest tenth of the first 10 responses took at most")
            && said.contains("-q RATE")
            && said.contains("fewer connections"),
        "{said}"
    );
    assert!(judged("v1.max < 60s").is_some());
    assert_eq!(judged("all.rps > 0.01"), None);
}

#[test]
fn a_server_with_room_for_all_connections_does_not_queue() {
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_millis(500))
        .start();
    let report = run_json(&[
        "-n",
        "300",
        "-c",
        "100",
        "--slo",
        "v1.p50 < 60s",
        &mesh.url("/"),
    ])
    .exits(0)
    .report();
    assert_eq!(queue(&report), None);
}
