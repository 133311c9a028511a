//! A server that is away for a while: said with start and length, in every report, whatever the counts say.

use std::time::Duration;

use serde_json::Value;

use crate::support::cmd::{Report, run, run_json};
use crate::support::mesh::{Mesh, NINETY_TEN};

/// The word about an outage, if there is one.
fn outage(report: &Report) -> Option<String> {
    let caveats = report.0["verdict"]["caveats"].as_array().expect("a list");
    let found = caveats.iter().find(|caveat| caveat["id"] == "outage")?;
    found["message"].as_str().map(str::to_owned)
}

/// A mesh that answers nothing for 2 s after so many requests, twice what is worth a word.
fn away(after: u64) -> Mesh {
    Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .pause(after, Duration::from_secs(2))
        .start()
}

#[test]
fn fault_3_a_closed_loop_says_that_nothing_was_answered_for_a_while() {
    let mesh = away(200);
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("run.json");
    let path = saved.to_str().expect("UTF-8");
    let file = format!("json={path}");
    let report = run_json(&["-n", "400", "-c", "4", "--report", &file, &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!(report.number("/observation/failed"), 0);
    let said = outage(&report).expect("an outage");
    assert!(
        said.contains("no request was answered")
            && said.contains("4 requests failed or were under way"),
        "{said}"
    );
    // A saved report still knows, and a merged one says who it was.
    let again = run(&["report", "-o", "json", path]).exits(0).report();
    assert_eq!(outage(&again).as_deref(), Some(said.as_str()));
    let other = folder.path().join("other.json");
    let file = format!("json={}", other.display());
    run_json(&["-n", "100", "-c", "4", "--report", &file, &mesh.url("/")]).exits(0);
    let other = other.to_str().expect("UTF-8");
    let merged = run(&["report", "-o", "json", path, other])
        .exits(0)
        .report();
    assert_eq!(outage(&merged), Some(format!("{path}: {said}")));
}

#[test]
fn an_open_loop_says_it_too() {
    let mesh = away(50);
    let report = run_json(&["-q", "50", "-n", "250", &mesh.url("/")])
        .exits(0)
        .report();
    let said = outage(&report).expect("an outage");
    assert!(said.contains("no request was answered"), "{said}");
}

#[test]
fn a_server_that_takes_its_time_for_every_response_is_not_away() {
    let mesh = Mesh::split([("v1", 1)])
        .latency("v1", Duration::from_millis(1500))
        .start();
    let report = run_json(&["-n", "20", "-c", "10", &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!(outage(&report), None);
    // Nobody waits between two requests that are 2 s apart.
    let mesh = Mesh::honest();
    let report = run_json(&["-q", "30/m", "-n", "3", &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!(outage(&report), None);
}

#[test]
fn a_slow_canary_is_no_outage() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .latency("v2", Duration::from_millis(1500))
        .start();
    let report = run_json(&[
        "--expect",
        NINETY_TEN,
        "-n",
        "400",
        "-c",
        "20",
        &mesh.url("/"),
    ])
    .report();
    assert_eq!(outage(&report), None);
}

#[test]
fn the_text_has_a_note() {
    let mesh = away(100);
    let text = run(&["-n", "200", "-c", "4", &mesh.url("/")])
        .exits(0)
        .stdout;
    assert!(
        text.contains("  note: for ") && text.contains(" on, no request was answered: "),
        "{text}"
    );
}

#[test]
fn the_timeline_is_part_of_the_report_and_the_schema_knows_it() {
    let mesh = Mesh::honest();
    let report = run_json(&["-n", "100", "-c", "4", &mesh.url("/")])
        .exits(0)
        .report();
    let timeline = &report.0["observation"]["timeline"];
    assert_eq!(timeline["slice_us"], 100_000);
    assert_ne!(timeline["slices"], Value::Null);
    let schema =
        serde_json::from_str(include_str!("../src/report/report.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let problems: Vec<String> = validator
        .iter_errors(&report.0)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}
