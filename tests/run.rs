//! The main job through the binary, against an in-process mesh: what the verdict is.

use serde_json::Value;

use crate::support::cmd::{run_in_order, run_json};
use crate::support::hostile::Refusing;
use crate::support::mesh::{Mesh, NINETY_TEN};

#[test]
fn ninety_ten_passes() {
    let mesh = Mesh::honest();
    let report = run_in_order(&["--expect", NINETY_TEN, &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!(report.verdict(), "pass");
    assert_eq!(report.text("/schema"), "resplit.report/1");
    assert_eq!(report.text("/expected/source"), "--expect");
    assert_eq!(report.sent(), mesh.served());
    assert_eq!(
        (report.count("v1"), report.count("v2")),
        (mesh.hits("v1"), mesh.hits("v2"))
    );
}

#[test]
fn eighty_twenty_is_not_ninety_ten() {
    let mesh = Mesh::split([("v1", 80), ("v2", 20)]).seed(7).start();
    let report = run_in_order(&["--expect", NINETY_TEN, &mesh.url("/")])
        .exits(1)
        .report();
    assert_eq!(report.verdict(), "diverged");
}

#[test]
fn forty_requests_decide_nothing() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let args = ["--expect", NINETY_TEN, "-n", "40", &url];
    let report = run_in_order(&args).exits(3).report();
    assert_eq!(report.verdict(), "inconclusive");
    assert!(report.number("/verdict/requests_needed") > 40);
    run_in_order(&[&["--inconclusive", "pass"][..], &args].concat()).exits(0);
    run_in_order(&[&["--inconclusive", "fail"][..], &args].concat()).exits(1);
}

#[test]
fn a_dead_port_is_no_data() {
    let dead = Refusing::start();
    let report = run_json(&["--expect", NINETY_TEN, "-n", "20", &dead.url("/")])
        .exits(4)
        .report();
    assert_eq!(report.verdict(), "no-data");
    assert_eq!(report.failures("connect"), 20);
}

#[test]
fn traffic_at_a_zero_weight_needs_no_statistics() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let args = ["--expect", "v1=100,v2=0", "-n", "200", &url];
    let report = run_in_order(&args).exits(1).report();
    assert_eq!(report.verdict(), "diverged");
    assert_eq!(report.text("/verdict/method"), "structural");
}

#[test]
fn a_value_nobody_declared_diverges_unless_allowed() {
    let mesh = || {
        let targets = [("v1", 900), ("v2", 100), ("v9", 2)];
        Mesh::split(targets).seed(7).start()
    };
    let strange = mesh();
    let url = strange.url("/");
    let args = ["--expect", NINETY_TEN, "-n", "4000", &url];
    let report = run_in_order(&args).exits(1).report();
    assert_eq!(report.text("/verdict/method"), "structural");
    let bucket = report
        .buckets()
        .iter()
        .find(|bucket| bucket["bucket"] == "v9");
    let bucket = bucket.unwrap_or_else(|| panic!("no bucket `v9` in {:#}", report.0));
    assert_eq!(bucket["target"], Value::Null);
    assert_eq!(bucket["count"], strange.hits("v9"));

    let allowed = mesh();
    let url = allowed.url("/");
    let args = ["--expect", NINETY_TEN, "--allow-unexpected", "100", &url];
    assert_eq!(run_in_order(&args).exits(0).report().verdict(), "pass");
}

#[test]
fn an_error_with_identity_counts_for_its_target() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .status("v2", 500)
        .start();
    let report = run_in_order(&["--expect", NINETY_TEN, &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!(report.count("v2"), mesh.hits("v2"));
    assert_eq!(report.number("/observation/unattributed"), 0);
}

#[test]
fn errors_without_identity_forbid_a_pass() {
    let mesh = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .identityless(503, "no healthy upstream", 5)
        .start();
    let report = run_in_order(&["--expect", NINETY_TEN, "-n", "4000", &mesh.url("/")])
        .exits(3)
        .report();
    assert_eq!(
        report.number("/observation/unattributed"),
        4000 - mesh.hits("v1") - mesh.hits("v2")
    );
}

#[test]
fn without_an_expectation_a_run_only_produces_data() {
    let mesh = Mesh::honest();
    let report = run_json(&[&mesh.url("/")]).exits(0).report();
    assert_eq!(report.0["expected"], Value::Null);
    assert_eq!(report.verdict(), "not-judged");
    assert_eq!((report.sent(), mesh.served()), (1000, 1000));
}

/// Deployments of the weather versions with so many pods each.
fn deployments(single: u32, multiple: u32) -> String {
    let deployment = |version: &str, replicas: u32| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: weather-{version} }}\nspec: {{ replicas: \
             {replicas}, template: {{ metadata: {{ labels: {{ app: weather-backend, version: {version} }} }} }} }}\n"
        )
    };
    deployment("single", single) + &deployment("multiple", multiple)
}

#[test]
fn traffic_that_follows_the_pods_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let rules = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/weather/fixed/weather-rules.yaml"
    );
    let pods = folder.path().join("pods.yaml");
    let mesh = Mesh::split([("single", 75), ("multiple", 25)])
        .seed(7)
        .start();
    let url = mesh.url("/");
    let run = |single, multiple, code| {
        std::fs::write(&pods, deployments(single, multiple)).unwrap();
        run_in_order(&[
            "-n",
            "1000",
            "-f",
            rules,
            "-f",
            pods.to_str().unwrap(),
            &url,
        ])
        .exits(code)
        .report()
    };
    let ids = |list: &Value| -> Vec<String> {
        let entries = list.as_array().unwrap().iter();
        entries
            .map(|entry| entry["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let diverged = run(3, 1, 1);
    assert_eq!(ids(&diverged.0["verdict"]["diagnosis"]), ["by-replicas"]);
    // Nine pods to one are the declared split: traffic cannot tell whether rules are applied.
    let alike = run(9, 1, 1);
    assert!(
        ids(&alike.0["verdict"]["caveats"]).contains(&"endpoints-in-ratio".to_owned()),
        "{:#}",
        alike.0
    );
}

/// The rules of the weather backend, changed.
fn weather_rules(from: &str, to: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/weather/fixed/weather-rules.yaml"
    );
    let text = std::fs::read_to_string(rules).expect("readable");
    assert!(text.contains(from), "{text}");
    let path = folder.path().join("weather-rules.yaml");
    std::fs::write(&path, text.replace(from, to)).expect("writable");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

/// "subset absent in the effective DR -> no such cluster -> 503, flag NC, empty body; share is lost, NOT renormalised."
#[test]
fn a_destination_that_the_proxies_do_not_have_is_no_pass_though_the_errors_come_in_its_share() {
    let (_folder, rules) = weather_rules("subset: multiple", "subset: multipel");
    let mesh = || {
        let mesh = Mesh::split([("single", 100)]).seed(7);
        mesh.identityless(503, "", 10).start()
    };
    let broken = mesh();
    let url = broken.url("/");
    let report = run_in_order(&["-f", &rules, &url]).exits(1).report();
    assert_eq!(report.verdict(), "diverged");
    assert_eq!(report.text("/verdict/method"), "structural");
    let reason = report.text("/verdict/reason");
    assert!(reason.contains("subset multipel"), "{reason}");
    let share = &report.0["expected"]["shares"][1];
    assert_eq!(share["cause"], "broken-backend");
    let finding = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(finding["id"], "RS001", "{finding}");
    assert!(
        finding["message"]
            .as_str()
            .is_some_and(|message| message.contains("`multipel` is not defined")),
        "{finding}"
    );
    let said = report.0["verdict"].to_string();
    let times = said.matches("`multipel` is not defined").count();
    assert_eq!(times, 1, "what explains the verdict is said once: {said}");

    // Too few answers to judge the shares, and a gate that lets that pass: still no green gate.
    let few = mesh();
    let url = few.url("/");
    let args = ["-f", &rules, "-n", "40", "--inconclusive", "pass", &url];
    run_in_order(&args).exits(1);
}

/// "500 status codes MUST be returned for requests that would have otherwise been routed to an invalid backend."
#[test]
fn a_backend_that_an_http_route_may_not_have_is_told_with_its_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("route.yaml");
    let route = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: weather}
spec:
  parentRefs: [{kind: Service, group: '', name: weather}]
  rules:
  - backendRefs:
    - {name: single, port: 80, weight: 9}
    - {name: multiple, weight: 1}
";
    std::fs::write(&path, route).expect("writable");
    let mesh = Mesh::split([("single", 100)]).seed(7);
    let mesh = mesh.identityless(500, "", 10).start();
    let rules = path.to_str().expect("a path");
    let report = run_in_order(&["-f", rules, "--host", "weather", &mesh.url("/")]);
    let report = report.exits(1).report();
    assert_eq!(report.text("/verdict/method"), "structural");
    let finding = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(finding["id"], "RS030", "{finding}");
    let message = finding["message"].as_str().expect("a message");
    assert!(
        message.contains("Service multiple is named without a `port`"),
        "{message}"
    );
}

#[test]
fn the_same_errors_pass_where_a_fault_declares_them() {
    let fault = "- fault:\n        abort: {percentage: {value: 10}, httpStatus: 503}\n      route:";
    let (_folder, rules) = weather_rules("- route:", fault);
    let mesh = Mesh::split([("single", 90), ("multiple", 10)]).seed(7);
    let mesh = mesh.identityless(503, "fault filter abort", 10).start();
    let report = run_in_order(&["-f", &rules, &mesh.url("/")])
        .exits(0)
        .report();
    assert_eq!(report.verdict(), "pass");
    assert_eq!(report.0["expected"]["shares"][2]["cause"], "fault-abort");
}

/// What 1000 requests over one connection say of the honest mesh, whose seed leaves nothing to chance.
fn a_thousand(declared: &str, flags: &[&str]) -> crate::support::cmd::Outcome {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    run_in_order(&[&["--expect", declared, "-n", "1000", &url], flags].concat())
}

#[test]
fn an_explicit_number_passes_within_what_it_rules_out() {
    let report = a_thousand(NINETY_TEN, &[]).exits(0).report();
    let reason = report.text("/verdict/reason");
    assert_eq!(
        reason,
        "every share is within 5.8 points of its weight, with 99% confidence; 3480 requests would say 3.0"
    );
    let resolution = report.0["verdict"]["resolution"].as_f64();
    assert!(resolution.is_some_and(|points| (points - 0.0581).abs() < 1e-4));
    // What is asked for counts.
    a_thousand(NINETY_TEN, &["--resolution", "1%"]).exits(3);
}

#[test]
fn a_number_that_says_too_little_of_a_small_share_stays_open() {
    let mesh = Mesh::split([("v1", 95), ("v2", 5)]).seed(7).start();
    let url = mesh.url("/");
    let args = ["--expect", "v1=95,v2=5", "-n", "1000", &url];
    let report = run_in_order(&args).exits(3).report();
    let needed = report.number("/verdict/requests_needed");
    assert!((1100..2000).contains(&needed), "{needed}");
}

#[test]
fn the_classical_test_decides_by_itself_where_it_is_asked_for() {
    let classical = ["--test", "chi-square", "--alpha", "0.05"];
    let report = a_thousand(NINETY_TEN, &classical).exits(0).report();
    assert_eq!(report.text("/verdict/method"), "pearson-chi-square");
    let (p, own) = (
        report.0["verdict"]["p_value"].as_f64(),
        report.0["verdict"]["chi_square_p"].as_f64(),
    );
    assert_eq!(p, own);
    let reason = report.text("/verdict/reason");
    assert!(reason.contains("how far off"), "{reason}");
    a_thousand("v1=80,v2=20", &classical).exits(1);
    // Twenty requests expect two of the canary: no approximation.
    let few = a_thousand(NINETY_TEN, &[]).exits(0).report();
    assert_eq!(few.text("/verdict/method"), "exact-binomial");
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let args = [&["--expect", NINETY_TEN, "-n", "20", &url], &classical[..]].concat();
    let report = run_in_order(&args).report();
    assert_eq!(report.text("/verdict/method"), "exact-multinomial");
    let lossy = Mesh::split([("v1", 90), ("v2", 10)])
        .seed(7)
        .identityless(503, "oops", 5)
        .start();
    let url = lossy.url("/");
    let args = [
        &["--expect", NINETY_TEN, "-n", "1000", &url],
        &classical[..],
    ]
    .concat();
    run_in_order(&args).exits(3);
}

#[test]
fn the_classical_test_sends_what_is_planned_and_no_test_contradicts_the_number() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    let args = ["--expect", NINETY_TEN, "--test", "chi-square", &url];
    assert_eq!(run_in_order(&args).report().sent(), 3480);
    let args = ["--expect", NINETY_TEN, "--test", "exact", &url];
    assert_eq!(run_in_order(&args).report().sent(), 3480);
    let args = [
        "--expect",
        NINETY_TEN,
        "--test",
        "sequential",
        "-n",
        "5",
        &url,
    ];
    run_json(&args).refused("--max-requests");
}

#[test]
fn what_is_not_decided_when_the_time_is_up_is_inconclusive() {
    let mesh = Mesh::honest();
    let url = mesh.url("/");
    // At a hundred a second all of it would take 40 s.
    let args = [
        "--expect",
        NINETY_TEN,
        "-q",
        "100",
        "--max-duration",
        "1s",
        &url,
    ];
    let report = run_json(&args).exits(3).report();
    let caveats = report.0["verdict"]["caveats"].as_array().expect("a list");
    assert!(caveats.iter().any(|note| note["id"] == "max-duration"));
    assert!(report.sent() < 3000, "{}", report.sent());
}

#[test]
fn a_run_that_nobody_answers_ends_early_without_a_declaration_too() {
    let dead = Refusing::start();
    // At 100 a second all of it would take 10 s, and 200 failures take two.
    let report = run_json(&["-q", "100", &dead.url("/")]).exits(4).report();
    assert!((200..1000).contains(&report.sent()), "{}", report.sent());
}
