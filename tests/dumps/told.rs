//! Dumps as a user passes them: to `explain`, `lint` and `run`, and from an Envoy that serves what it says.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::RULES;
use crate::support::cmd::{Report, resplit, run, run_json};
use crate::support::envoy::{Envoy, Split};

/// Service, deployments and rules: 90 to `single`, 10 to `multiple`.
const FIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/weather/fixed");

fn captured(name: &str) -> String {
    format!("{}/tests/envoy/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

/// A file for the time of a test.
struct File {
    folder: TempDir,
    name: &'static str,
}

impl File {
    fn new(name: &'static str, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(name), text).expect("writable");
        Self { folder, name }
    }

    fn path(&self) -> String {
        let path = self.folder.path().join(self.name);
        path.to_str().expect("a path").to_owned()
    }
}

/// What an Envoy says about itself, as `curl` writes it to a file.
fn dumped(envoy: &Envoy) -> File {
    File::new(
        "dump.json",
        &envoy.admin("/config_dump?include_eds").to_string(),
    )
}

fn explained(args: &[&str]) -> Value {
    let args = [&["explain", "-o", "json"], args].concat();
    run(&args).exits(0).report().0
}

fn caveats(of: &Value) -> Vec<&str> {
    let caveats = of["caveats"].as_array().expect("a list");
    caveats
        .iter()
        .filter_map(|caveat| caveat["id"].as_str())
        .collect()
}

/// Runs against a split that is as its dump says. Envoy draws real random numbers, and a right split is called wrong once
/// in a thousand runs, by design; twice in a row is a bug.
#[track_caller]
fn passes(start: impl Fn() -> Split) -> Report {
    let run = || {
        let split = start();
        let dump = dumped(split.envoy());
        run_json(&["-f", &dump.path(), &split.url("/version")])
    };
    let outcome = match run() {
        first if first.code == Some(0) => first,
        _ => run(),
    };
    outcome.exits(0).report()
}

#[test]
fn explain_says_which_object_a_programmed_route_comes_from() {
    let url = "http://weather-backend:5000/version";
    for name in ["dynamic_route_configs", "config_dump", "istioctl_routes"] {
        let told = explained(&["-f", &captured(name), url]);
        assert_eq!(
            told["route"]["object"], "VirtualService default/weather-backend",
            "{name}"
        );
        assert_eq!(told["route"]["rule"], "routes[1]");
        assert_eq!(told["vantage"]["proxy"], "dump");
        let source = told["route"]["source"].as_str().expect("a place");
        assert!(source.starts_with(&format!("{name}.json:")), "{source}");
        assert_eq!(told["trace"][0]["lost_on"], "headers.x-user-group");
        let ratios: Vec<&str> = (told["expected"]["shares"]
            .as_array()
            .expect("a list")
            .iter())
        .filter_map(|share| share["ratio"].as_str())
        .collect();
        assert_eq!(ratios, ["9/10", "1/10"]);
    }
    let text = run(&["explain", "-f", &captured("istioctl_routes"), url]).exits(0);
    insta::with_settings!({ snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("dump", text.stdout);
    });
}

#[test]
fn explain_names_every_route_among_which_chance_decides() {
    let half = |cluster: &str| {
        json!({ "match": { "prefix": "/", "runtime_fraction": { "default_value": { "numerator": 50 } } },
            "route": { "weighted_clusters": { "clusters": [
                { "name": format!("{cluster}-1"), "weight": 50 }, { "name": format!("{cluster}-2"), "weight": 50 }] } } })
    };
    let rest = json!({ "match": { "prefix": "/" }, "route": { "cluster": "rest" } });
    let dump = super::dump(&json!([half("a"), rest])).to_string();
    let file = File::new("half.json", &dump);
    let args = ["-f", &file.path(), "--all-rules", "http://any:5000/"];
    let told = explained(&args);
    assert_eq!(told["route"]["takes"], "1/2");
    assert_eq!(told["also"][0]["takes"], "1/2");
    assert_eq!(told["also"][0]["rule"], "routes[1]");
    let ratios = |of: &Value| -> Vec<String> {
        let shares = of["shares"].as_array().expect("a list");
        let text = |share: &Value| format!("{} {}", share["ratio"], share["target"]);
        shares
            .iter()
            .map(|share| text(share).replace('"', ""))
            .collect()
    };
    assert_eq!(
        ratios(&told["expected"]),
        ["1/2 a-1", "0/1 a-2", "1/2 rest"]
    );
    assert_eq!(ratios(&told["rules"][0]), ["1/1 a-1", "0/1 a-2"]);
    let text = run(&[&["explain"], &args[..]].concat()).exits(0);
    insta::with_settings!({ snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("fractions", text.stdout);
    });
}

#[test]
fn lint_counts_dumps_and_says_what_overrides_their_weights() {
    let static_routes = captured("static_route_configs");
    let found = run(&["lint", "-f", &static_routes, "--deny", "RS034"]).exits(1);
    assert!(
        found
            .stdout
            .contains("warning[RS034 not_judged]: a number in the header `x-split`"),
        "{}",
        found.stdout
    );
    let clean = run(&["lint", "-f", &captured("config_dump")]).exits(0);
    assert!(
        clean.stdout.starts_with("no problems: 1 config dump; "),
        "{}",
        clean.stdout
    );
}

#[test]
fn a_proxy_serves_what_its_dump_says() {
    let report = passes(|| Envoy::split(&[("single", 90), ("multiple", 10)]).start());
    assert_eq!(report.verdict(), "pass");
    let declared = &report.0["expected"]["shares"][0];
    assert_eq!(
        declared["host"],
        "weather-backend.default.svc.cluster.local"
    );
    assert_eq!(declared["subset"], "single");
    assert_eq!(
        report.0["expected"]["rule"],
        "virtual host weather-backend of route config 5000 routes[0]"
    );
}

#[test]
fn a_proxy_that_serves_something_else_than_the_dump_diverges() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)]).start();
    let other = Envoy::split(&[("single", 90), ("multiple", 10)]).start();
    let dump = dumped(other.envoy());
    let outcome = run_json(&["-f", &dump.path(), &split.url("/version")]);
    assert_eq!(outcome.exits(1).report().verdict(), "diverged");
}

/// "ENVOY GATEWAY: >1 backendRefs -> ONE cluster, one locality per backend, weights in EDS".
#[test]
fn weights_of_localities_are_read_from_the_proxy_itself() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .in_turn()
        .start();
    let dump = dumped(split.envoy());
    let told = explained(&["-f", &dump.path(), &split.url("/version")]);
    let shares = told["expected"]["shares"].as_array().expect("a list");
    let told_shares: Vec<(&str, &str)> = shares
        .iter()
        .filter_map(|share| Some((share["target"].as_str()?, share["ratio"].as_str()?)))
        .collect();
    assert_eq!(told_shares, [("backend/0", "9/10"), ("backend/1", "1/10")]);
    assert_eq!(told["mechanism"], "wrr");
    let args = [
        "--map",
        "/single/=backend/0",
        "--map",
        "/multiple/=backend/1",
    ];
    let url = split.url("/version");
    let report = run_json(&[&args[..], &["-f", &dump.path(), "-n", "1000", &url]].concat());
    assert_eq!(report.report().count("backend/0"), split.hits("single"));
}

#[test]
fn l5_what_the_proxy_is_programmed_with_comes_before_any_guess() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)]).start();
    let dump = dumped(split.envoy());
    let url = split.url("/version");
    let report = run_json(&["-f", FIXED, "-f", &dump.path(), &url])
        .exits(1)
        .report();
    let verdict = &report.0["verdict"];
    let first = report.text("/verdict/diagnosis/0/message");
    assert_eq!(verdict["diagnosis"][0]["id"], "programmed-differs");
    assert!(
        first.contains("the proxy is programmed with 50% single, 50% multiple"),
        "{first}"
    );
    assert_eq!(
        verdict
            .to_string()
            .matches("and the proxy is programmed with")
            .count(),
        1,
        "{verdict:#}"
    );
    let agreeing = Envoy::split(&[("single", 90), ("multiple", 10)]).start();
    let told = explained(&["-f", FIXED, "-f", &dumped(agreeing.envoy()).path(), &url]);
    assert!(!caveats(&told).contains(&"programmed-differs"), "{told:#}");
}

#[test]
fn json_that_is_something_else_is_one_problem() {
    let file = File::new("clusters.json", r#"{"cluster_statuses": []}"#);
    let outcome = run(&["explain", "-f", &file.path(), "http://web/"]).exits(2);
    let said = outcome.stderr;
    assert!(
        said.contains("neither a manifest nor a config dump"),
        "{said}"
    );
    assert!(said.contains("there is a problem"), "{said}");
}

#[test]
fn both_are_read_from_one_folder_and_from_stdin() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("rules.yaml"),
        RULES.replace("90", "50").replace("10 }", "50 }"),
    )
    .expect("writable");
    let dump = fs::read_to_string(captured("config_dump")).expect("readable");
    fs::write(folder.path().join("dump.json"), &dump).expect("writable");
    let path = folder.path().to_str().expect("a path");
    let url = "http://weather-backend:5000/";
    let told = explained(&["-f", path, url]);
    assert_eq!(told["route"]["source"], "rules.yaml:15");
    assert!(caveats(&told).contains(&"programmed-differs"), "{told:#}");
    let output = resplit()
        .args(["explain", "-f", "-", url])
        .write_stdin(dump)
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("from    the proxy that was dumped, to port 5000"),
        "{text}"
    );
}

#[test]
fn rules_that_are_not_compared_are_counted() {
    let rule = |number: u32| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: w{number}}}\nspec:\n  hosts: [w{number}]\n  \
             http: [{{route: [{{destination: {{host: web, subset: v1}}}}]}}]\n---\n"
        )
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lint");
    for (rules, said) in [
        (500, None),
        (512, Some("from here on 12 rules were not compared")),
    ] {
        let many = File::new("many.yaml", &(0..rules).map(rule).collect::<String>());
        let dump = format!("{folder}/programmed.json");
        let args = ["lint", "-o", "json", "-f", &many.path(), "-f", &dump];
        let report = run(&args).report().0;
        let findings = report["findings"].as_array().expect("a list");
        let found = findings
            .iter()
            .filter_map(|finding| finding["message"].as_str());
        let uncompared: Vec<&str> = found
            .filter(|message| message.starts_with("from here"))
            .collect();
        assert_eq!(uncompared.len(), usize::from(said.is_some()), "{report:#}");
        assert!(
            uncompared
                .iter()
                .all(|message| said.is_some_and(|said| message.starts_with(said))),
            "{uncompared:?}"
        );
    }
}
