//! Who answered: every extractor, and what belongs to which target.

use crate::support::cmd::{run_in_order, run_json};
use crate::support::mesh::{Mesh, NINETY_TEN};

/// Runs against the mesh and fails unless every target was counted as often as it was hit.
#[track_caller]
fn counted_by(mesh: &Mesh, path: &str, bucket: &str) {
    let url = mesh.url(path);
    let args = [
        "--expect", NINETY_TEN, "--bucket", bucket, "-n", "300", &url,
    ];
    let report = run_json(&args).report();
    for target in ["v1", "v2"] {
        assert_eq!(
            report.count(target),
            mesh.hits(target),
            "{bucket}: {:#}",
            report.0
        );
    }
    assert_eq!(report.sent(), 300);
}

#[test]
fn every_extractor_finds_who_answered() {
    for (path, bucket) in [
        ("/", "auto"),
        ("/", "body"),
        ("/", "header:x-version"),
        ("/", "header:X-Version"),
        ("/json", "json:/version"),
        ("/json", r#"regex:"version":"(v\d)""#),
        ("/", r"regex:v\d"),
    ] {
        counted_by(&Mesh::honest(), path, bucket);
    }
}

#[test]
fn auto_reads_the_usual_sentences() {
    for says in [
        "weather-backend: {}\n",
        "Hello version: {}, instance: helloworld-{}-6757db4ff5-8jzqn\n",
        "\"{}\"",
    ] {
        let mesh = Mesh::split([("v1", 90), ("v2", 10)]).says(says).start();
        counted_by(&mesh, "/", "auto");
    }
}

#[test]
fn a_status_can_be_the_bucket() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .status("v2", 500)
        .start();
    let url = mesh.url("/");
    let args = [
        "--bucket",
        "status",
        "--expect",
        "200=90,500=10",
        "-n",
        "200",
        &url,
    ];
    let report = run_json(&args).report();
    assert_eq!(
        (report.count("200"), report.count("500")),
        (mesh.hits("v1"), mesh.hits("v2"))
    );
}

#[test]
fn the_peer_can_be_the_bucket() {
    let mesh = Mesh::honest();
    let report = run_json(&["--bucket", "peer", "-n", "50", &mesh.url("/")])
        .exits(0)
        .report();
    let [bucket] = report.buckets() else {
        panic!("one peer, one bucket: {:#}", report.0)
    };
    assert_eq!(bucket["count"], 50);
    let name = bucket["bucket"].as_str().unwrap_or_default();
    assert!(name.starts_with("127.0.0.1"), "{name}");
}

#[test]
fn a_map_says_which_value_belongs_to_which_target() {
    for maps in [["blue=v1", "green=v2"], ["/^bl/=v1", "/^gr/=v2"]] {
        let mesh = Mesh::split([("blue", 90), ("green", 10)]).seed(7).start();
        let url = mesh.url("/");
        let args = [
            "--expect", NINETY_TEN, "--map", maps[0], "--map", maps[1], &url,
        ];
        let report = run_in_order(&args).exits(0).report();
        assert_eq!(
            (report.count("v1"), report.count("v2")),
            (mesh.hits("blue"), mesh.hits("green"))
        );
    }
}
