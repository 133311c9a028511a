//! A real Envoy, asked about the split that it makes.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::said;
use crate::support::cmd::{Outcome, Report, Running, resplit, run, run_json};
use crate::support::envoy::{Envoy, Split, weighted_behind};
use crate::support::gate::Gate;
use crate::support::http::get;
use crate::support::wait::wait_until;

/// Service, deployments and rules: 90 to `single`, 10 to `multiple`.
pub(super) const FIXED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/weather/fixed");
/// The same without manifests.
pub(super) const TYPED: &str = "single=90,multiple=10";
/// A false alarm of the split is rarer than one run in a billion.
const CERTAIN: [&str; 2] = ["--alpha", "0.0000000001"];

/// A run that asks the proxy too.
fn asked(split: &Split, args: &[&str]) -> Report {
    let admin = split.envoy().admin_url();
    let url = split.url("/version");
    let args = [&CERTAIN[..], args, &["--proxy-admin", &admin, &url]].concat();
    run_json(&args).report()
}

/// `share` or `count` of a target in one of the views.
pub(super) fn of<'r>(report: &'r Report, view: &str, target: &str) -> &'r serde_json::Value {
    let shares = report.0[view]["shares"].as_array();
    let mut shares = shares.into_iter().flatten();
    let found = shares.find(|share| share["target"] == target);
    found.unwrap_or_else(|| panic!("no `{target}` in {view}: {:#}", report.0[view]))
}

#[test]
fn declared_programmed_counted_and_seen_stand_beside_each_other() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .changeable()
        .start();
    for declared in [["-f", FIXED], ["--expect", TYPED]] {
        let before = ["single", "multiple"].map(|subset| split.rq_total(subset));
        let report = asked(&split, &[&declared[..], &["-n", "1000"]].concat());
        assert_eq!(report.text("/programmed/version"), "1");
        assert_eq!(report.text("/programmed/route_config"), "5000");
        assert_eq!(of(&report, "programmed", "single")["ratio"], "9/10");
        assert_eq!(of(&report, "programmed", "multiple")["ratio"], "1/10");
        for (subset, before) in ["single", "multiple"].into_iter().zip(before) {
            let counted = of(&report, "counted", subset)["count"].as_u64();
            assert_eq!(counted, Some(report.count(subset)), "{subset}");
            assert_eq!(counted, Some(split.rq_total(subset) - before), "{subset}");
        }
        assert_eq!(report.number("/counted/foreign_requests"), 0);
        assert_eq!(report.0["counted"]["complete"], true);
        for id in [
            "programmed-differs",
            "counted-differs",
            "identity-differs",
            "local-replies",
        ] {
            assert_eq!(said(&report, id), [""; 0]);
        }
    }
}

#[test]
fn the_table_and_the_page_show_all_four() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .changeable()
        .start();
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("run.html");
    let saved = folder.path().join("run.json");
    let files = [
        format!("html={}", page.display()),
        format!("json={}", saved.display()),
    ];
    let args = [
        "--expect", TYPED, "-n", "400", "--report", &files[0], "--report", &files[1],
    ];
    let args = [&CERTAIN[..], &args, &["--proxy-admin", &admin, &url]].concat();
    let outcome = run(&args);
    let header = "TARGET    DECLARED  PROGRAMMED";
    assert!(outcome.stdout.contains(header), "{}", outcome.stdout);
    let source = format!("proxy {admin}, route configuration 5000, version 1 since 20");
    assert!(outcome.stdout.contains(&source), "{}", outcome.stdout);
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("What the proxy says") && html.contains("Programmed"));
    // A saved report keeps them.
    let again = run(&["report", saved.to_str().unwrap()]);
    assert!(again.stdout.contains(header), "{}", again.stdout);
}

#[test]
fn what_the_proxy_has_been_told_is_the_first_reason() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .changeable()
        .start();
    for declared in [["-f", FIXED], ["--expect", TYPED]] {
        let report = asked(&split, &[&declared[..], &["-n", "1000"]].concat());
        assert_eq!(report.verdict(), "diverged");
        let why = &report.0["verdict"]["diagnosis"];
        assert_eq!(why[0]["id"], "programmed-differs", "{why:#}");
        let first = why[0]["message"].as_str().unwrap();
        for part in [
            "traffic follows what the proxy is programmed with",
            "the proxy is programmed with 50% single, 50% multiple since 20",
            "(route configuration `5000`, version `1`)",
        ] {
            assert!(first.contains(part), "{part}: {first}");
        }
        assert!(!why.to_string().contains("even-split"), "{why:#}");
        let told = why.to_string().matches("\"programmed-differs\"").count();
        assert_eq!(told, 1, "{why:#}");
    }
}

#[test]
fn manifests_of_stdin_are_read_once_whatever_is_sent() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .changeable()
        .start();
    let files = ["service", "deployments", "rules"];
    let files = files.map(|name| std::fs::read_to_string(format!("{FIXED}/weather-{name}.yaml")));
    let manifests = files.map(|text| text.expect("it is there")).join("\n---\n");
    let beta = "  http:
    - match: [{headers: {x-user: {exact: user-1}}}]
      route: [{destination: {host: weather-backend, subset: single}}]
";
    let two = manifests.replacen("  http:\n", beta, 1);
    let vary = ["--vary", "n=1..9", "-H", "x-user: user-{{n}}"];
    let cases: [(&str, &[&str]); 4] = [
        (&manifests, &[]),
        (&manifests, &vary),
        (&two, &vary),
        (&two, &["--all-rules"]),
    ];
    for (manifests, args) in cases {
        let report = through_stdin(manifests, &split, args).exits(1).report();
        assert_eq!(report.sent(), 900, "{args:?}");
        let said = report.0.to_string();
        let programmed = "the proxy is programmed with 50% single, 50% multiple since 20";
        assert!(said.contains(programmed), "{args:?}: {report:?}");
    }
    // Where it was waited for the proxy, what it has is compared once more.
    let even = manifests.replace("weight: 90", "weight: 50");
    let even = even.replace("weight: 10", "weight: 50");
    let report = through_stdin(&even, &split, &["--settle=5s"]).report();
    assert_eq!(of(&report, "programmed", "single")["ratio"], "1/2");
    assert_eq!(
        (report.sent(), said(&report, "programmed-differs")),
        (900, Vec::new())
    );
}

/// A run whose manifests come through stdin, which asks the proxy too.
fn through_stdin(manifests: &str, split: &Split, args: &[&str]) -> Outcome {
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let common = [
        "-o",
        "json",
        "-f",
        "-",
        "-n",
        "900",
        "--proxy-admin",
        &admin,
        &url,
    ];
    let args = [&common[..], &CERTAIN, args].concat();
    let output = resplit().args(&args).write_stdin(manifests).output();
    Outcome::of(&args, &output.expect("it runs"))
}

/// The first reason of a run against 50/50 that declares 90/10.
fn first_reason(split: &Split) -> String {
    let report = asked(split, &["-f", FIXED, "-n", "1000"]);
    let why = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(why["id"], "programmed-differs", "{why}");
    why["message"].as_str().expect("a message").to_owned()
}

#[test]
fn a_proxy_that_has_rejected_its_routes_says_so() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .changeable()
        .start();
    split.reject();
    let reason = first_reason(&split);
    let why = "it has rejected 1 update since it was started (`update_rejected`), and goes on with what it had";
    assert!(reason.contains(why), "{reason}");
}

#[test]
fn other_weights_in_mid_run_leave_the_verdict_open() {
    let gate = Gate::after(500);
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .behind(&gate)
        .changeable()
        .start();
    let report = meanwhile(&split, &gate, || {
        split.change(&[("single", 50), ("multiple", 50)]);
    });
    assert_eq!(report.verdict(), "inconclusive");
    let reason = report.text("/verdict/reason");
    assert!(
        reason.starts_with("what the proxy does with this request changed during the run: after"),
        "{reason}"
    );
    assert!(
        reason
            .contains("`5000` went from version `1` to `2`: 50% single, 50% multiple from then on"),
        "{reason}"
    );
    let change = &report.0["programmed"]["changes"][0];
    assert_eq!(change["concerns_request"], true, "{change}");
}

#[test]
fn settle_waits_until_the_proxy_has_the_declared_split_and_no_longer() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .changeable()
        .start();
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let args = [
        "-o",
        "json",
        "-f",
        FIXED,
        "-n",
        "1000",
        "--settle",
        "600s",
        "--proxy-admin",
        &admin,
        &url,
    ];
    let running = Running::start(&[&CERTAIN[..], &args].concat());
    split.change(&[("single", 90), ("multiple", 10)]);
    let report = running.finish().report();
    // None is sent before, and all of them follow the declared split.
    assert_eq!(split.served(), 1000);
    assert_eq!(report.text("/programmed/version"), "2");
    assert_eq!(said(&report, "programmed-differs"), [""; 0]);
    assert_ne!(report.verdict(), "diverged");

    split.change(&[("single", 50), ("multiple", 50)]);
    let report = asked(&split, &["-f", FIXED, "-n", "1000", "--settle", "300ms"]);
    let said = said(&report, "not-settled");
    assert!(
        said.concat()
            .contains("within 300ms, and has 50% single, 50% multiple"),
        "{said:?}"
    );
}

/// Gives Envoy the endpoints of a cluster in a file that it watches.
fn write_endpoints(path: &Path, version: &str, mut assignment: Value) {
    assignment["@type"] =
        "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment".into();
    let text = json!({ "version_info": version, "resources": [assignment] }).to_string();
    let new = path.with_extension("new");
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, path))
        .expect("the file is replaced");
}

#[test]
fn endpoints_that_go_in_mid_run_leave_the_verdict_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endpoints.json");
    let watched = path.clone();
    let gate = Gate::after(500);
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .behind(&gate)
        .with(move |bootstrap| {
            let own = cluster(bootstrap, "multiple").as_object_mut().unwrap();
            write_endpoints(&watched, "1", own.remove("load_assignment").unwrap());
            own["type"] = "EDS".into();
            let source =
                json!({ "resource_api_version": "V3", "path_config_source": { "path": watched } });
            own.insert(
                "eds_cluster_config".to_owned(),
                json!({ "eds_config": source }),
            );
        })
        .start();
    let report = meanwhile(&split, &gate, || {
        let page = || split.envoy().admin("/clusters?format=json");
        let hosts = || {
            let page = page();
            let mut clusters = page["cluster_statuses"].as_array().unwrap().iter();
            let own = clusters
                .find(|own| own["name"].as_str().unwrap().contains("|multiple|"))
                .unwrap();
            own["host_statuses"].as_array().map_or(0, Vec::len)
        };
        assert_eq!(hosts(), 1);
        let name = "outbound|5000|multiple|weather-backend.default.svc.cluster.local";
        write_endpoints(&path, "2", json!({ "cluster_name": name, "endpoints": [] }));
        wait_until("the endpoint has gone", || hosts() == 0);
    });
    assert_eq!(report.verdict(), "inconclusive");
    let reason = report.text("/verdict/reason");
    assert!(reason.contains("`multiple` lost 127.0.0.1:"), "{reason}");
    assert!(reason.contains(", and has 0 endpoints"), "{reason}");
    // What it was sent since the last look is lost.
    assert_eq!(report.0["counted"]["complete"], false);
}

#[test]
fn a_push_that_changes_nothing_for_the_request_is_a_line_and_no_more() {
    let gate = Gate::after(500);
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .behind(&gate)
        .changeable()
        .start();
    let routes = weighted_behind("x-other", &[("single", 90), ("multiple", 10)]);
    let report = meanwhile(&split, &gate, || split.reroute(&routes));
    let changes = report.0["programmed"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["concerns_request"], false, "{changes:?}");
    assert_ne!(report.verdict(), "diverged");
    let reason = report.text("/verdict/reason");
    assert!(!reason.contains("changed during the run"), "{reason}");
}

/// The cluster of a subset in a bootstrap.
pub(super) fn cluster<'b>(bootstrap: &'b mut Value, subset: &str) -> &'b mut Value {
    let clusters = bootstrap["static_resources"]["clusters"].as_array_mut();
    let mut clusters = clusters.into_iter().flatten();
    let name = format!("|{subset}|");
    let found = clusters.find(|own| own["name"].as_str().is_some_and(|own| own.contains(&name)));
    found.expect("it is one of the subsets")
}

/// What the last route of a bootstrap does.
pub(super) fn action(bootstrap: &mut Value) -> &mut Value {
    let manager = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
        [0]["typed_config"];
    &mut manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
}

/// Publishes what a sidecar of Istio publishes by default: nothing of clusters.
pub(super) fn as_istio(bootstrap: &mut Value) {
    let prefixes = [
        "cluster_manager",
        "listener_manager",
        "server",
        "cluster.xds-grpc",
        "wasm",
    ];
    let patterns: Vec<Value> = prefixes
        .iter()
        .map(|prefix| json!({ "prefix": prefix }))
        .collect();
    bootstrap["stats_config"] =
        json!({ "stats_matcher": { "inclusion_list": { "patterns": patterns } } });
}

#[test]
fn a_sidecar_that_publishes_no_statistics_counts_all_the_same() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .with(as_istio)
        .start();
    let report = asked(&split, &["-f", FIXED, "-n", "600"]);
    for subset in ["single", "multiple"] {
        let counted = &of(&report, "counted", subset)["count"];
        assert_eq!(counted.as_u64(), Some(split.rq_total(subset)), "{subset}");
        assert!(of(&report, "counted", subset)["retries"].is_null());
    }
    assert!(report.0["programmed"]["version"].is_null(), "it is static");
    assert_eq!(report.number("/counted/foreign_requests"), 0);
}

#[test]
fn a_circuit_breaker_is_named_with_the_requests_that_it_refused() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .slow("multiple", Duration::from_millis(50))
        .with(|bootstrap| {
            let limits =
                json!({ "max_connections": 1, "max_pending_requests": 1, "max_requests": 1 });
            cluster(bootstrap, "multiple")["circuit_breakers"]["thresholds"] = json!([limits]);
        })
        .workers(1)
        .start();
    let report = asked(
        &split,
        &[
            "--expect",
            "single=50,multiple=50",
            "-n",
            "1000",
            "-c",
            "50",
        ],
    );
    let said = said(&report, "counted-differs");
    let [message] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(message.contains("`multiple`"), "{message}");
    assert!(message.contains("its circuit breaker refused"), "{message}");
    let replied = said_of_the_proxy(&report);
    assert!(
        replied.contains("because the proxy answered them by itself")
            || replied.contains("were sent to no target"),
        "{replied}"
    );
}

/// What is said of responses that nobody can be tied to.
fn said_of_the_proxy(report: &Report) -> String {
    said(report, "local-replies").concat()
}

#[test]
fn an_ejected_endpoint_is_named() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .fails("multiple", 503)
        .with(|bootstrap| {
            let own = cluster(bootstrap, "multiple");
            own["outlier_detection"] = json!({
                "consecutive_5xx": 3, "enforcing_consecutive_5xx": 100, "max_ejection_percent": 100,
                "base_ejection_time": "600s", "interval": "600s" });
            own["common_lb_config"] = json!({ "healthy_panic_threshold": { "value": 0 } });
        })
        .workers(1)
        .start();
    let report = asked(
        &split,
        &["--expect", "single=50,multiple=50", "-n", "1000", "-c", "4"],
    );
    let said = said(&report, "counted-differs");
    let [message] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(
        message.contains("outlier detection ejected 1 of its 1 endpoint"),
        "{message}"
    );
}

#[test]
fn connections_that_fail_are_named() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .dead("multiple")
        .start();
    let report = asked(&split, &["-f", FIXED, "-n", "1000"]);
    let said = said(&report, "counted-differs");
    let [message] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(
        message.starts_with("the proxy sent 0% of the requests to `multiple`"),
        "{message}"
    );
    assert!(message.contains("to its endpoints failed"), "{message}");
    assert!(report.0["counted"]["shares"][1]["connect_failures"].as_u64() > Some(0));
}

#[test]
fn retries_are_counted_and_are_nobody_elses_requests() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .nameless("multiple", 503)
        .with(|bootstrap| {
            action(bootstrap)["retry_policy"] = json!({ "retry_on": "5xx", "num_retries": 1 });
        })
        .start();
    let report = asked(
        &split,
        &["--expect", "single=50,multiple=50", "-n", "400", "-c", "1"],
    );
    let multiple = of(&report, "counted", "multiple");
    let retries = multiple["retries"].as_u64().unwrap();
    // All but 1e-12 of B(400, 1/2), each of them tried twice.
    assert!((130..=270).contains(&retries), "{retries}");
    assert_eq!(multiple["count"].as_u64(), Some(2 * retries));
    assert_eq!(report.number("/counted/foreign_requests"), 0);
}

#[test]
fn copies_are_held_against_the_part_that_is_programmed() {
    // The third subset gets copies and nothing else.
    let mirrored = |runtime: Option<u32>| {
        Envoy::split(&[("single", 90), ("multiple", 10), ("shadow", 0)])
            .with(move |bootstrap| {
                let shadow = cluster(bootstrap, "shadow")["name"].clone();
                let own = action(bootstrap);
                let weighted = own["weighted_clusters"]["clusters"].as_array_mut().unwrap();
                weighted.truncate(2);
                own["request_mirror_policies"] = json!([{ "cluster": shadow, "runtime_fraction": {
                    "default_value": { "numerator": 10 }, "runtime_key": "copies" } }]);
                if let Some(percent) = runtime {
                    bootstrap["layered_runtime"] = json!({ "layers": [
                        { "name": "own", "static_layer": { "copies": percent } }] });
                }
            })
            .start()
    };
    let split = mirrored(None);
    let report = asked(&split, &["--expect", TYPED, "-n", "2000", "-c", "2"]);
    let mirror = &report.0["counted"]["mirrors"][0];
    assert_eq!(mirror["programmed"], 0.1, "{mirror}");
    // All but 1e-11 of B(2000, 0.1); copies may be on their way.
    assert!(
        (105..=295).contains(&mirror["count"].as_u64().unwrap()),
        "{mirror}"
    );
    assert_eq!(said(&report, "mirror-differs"), [""; 0]);
    assert_eq!(report.number("/counted/foreign_requests"), 0);

    let split = mirrored(Some(100));
    let report = asked(&split, &["--expect", TYPED, "-n", "1000", "-c", "2"]);
    let said = said(&report, "mirror-differs");
    assert!(
        said.concat()
            .contains("and the proxy is programmed to copy 10%"),
        "{said:?}"
    );
}

#[test]
fn weights_that_a_runtime_key_overrides_are_counted_otherwise() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .with(|bootstrap| {
            action(bootstrap)["weighted_clusters"]["runtime_key_prefix"] = json!("own");
            let mut layer = serde_json::Map::new();
            for (subset, weight) in [("single", 40), ("multiple", 60)] {
                let name = cluster(bootstrap, subset)["name"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                layer.insert(format!("own.{name}"), weight.into());
            }
            bootstrap["layered_runtime"] =
                json!({ "layers": [{ "name": "own", "static_layer": layer }] });
        })
        .start();
    let report = asked(&split, &["--expect", TYPED, "-n", "1000"]);
    assert_eq!(report.verdict(), "diverged");
    let why = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(why["id"], "counted-differs", "{why}");
    let message = why["message"].as_str().unwrap();
    assert!(
        message.contains(
            "is programmed with 90%: its counters do not say why; look for a runtime override"
        ),
        "{message}"
    );
}

#[test]
fn requests_of_others_are_counted_and_said() {
    let gate = Gate::after(500);
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .behind(&gate)
        .start();
    let report = meanwhile(&split, &gate, || {
        gate.open();
        for _ in 0..50 {
            get(split.envoy().addr(), "/version").unwrap();
        }
    });
    assert_eq!(report.number("/counted/foreign_requests"), 50);
    assert_eq!(said(&report, "identity-differs"), [""; 0]);
}

#[test]
fn responses_that_name_somebody_else_are_told() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)]).start();
    let swapped = [
        "--map",
        "weather-backend: single=multiple",
        "--map",
        "weather-backend: multiple=single",
    ];
    let report = asked(
        &split,
        &[&["--expect", TYPED, "-n", "600"], &swapped[..]].concat(),
    );
    let why = &report.0["verdict"]["diagnosis"][0];
    assert_eq!(why["id"], "identity-differs", "{}", report.0["verdict"]);
    assert!(
        !report.0["verdict"]["diagnosis"]
            .to_string()
            .contains("swapped-weights")
    );
}

#[test]
fn errors_without_a_name_are_told_from_replies_of_the_proxy() {
    let split = Envoy::split(&[("single", 90), ("multiple", 10)])
        .nameless("multiple", 500)
        .start();
    let report = asked(&split, &["--expect", TYPED, "-n", "1000"]);
    let errors = split.hits("multiple");
    let said = said_of_the_proxy(&report);
    assert!(
        said.ends_with(&format!("are those of targets: {errors} of `multiple`")),
        "{said}"
    );
}

#[test]
fn requests_that_do_not_go_through_the_proxy_are_told() {
    let other = Envoy::split(&[("single", 90), ("multiple", 10)]).start();
    let split = Envoy::split(&[("single", 50), ("multiple", 50)]).start();
    let (admin, url) = (other.envoy().admin_url(), split.url("/version"));
    let args = [
        &CERTAIN[..],
        &["-f", FIXED, "-n", "400", "--proxy-admin", &admin, &url],
    ]
    .concat();
    let report = run_json(&args).exits(1).report();
    let why = &report.0["verdict"]["diagnosis"][0];
    assert!(
        why["message"]
            .as_str()
            .unwrap()
            .ends_with("the requests do not go through this proxy"),
        "{why}"
    );
}

#[test]
fn explain_and_lint_read_the_proxy_where_it_is_given() {
    let split = Envoy::split(&[("single", 50), ("multiple", 50)])
        .changeable()
        .start();
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let explained = run(&["explain", "--proxy-admin", &admin, "-o", "json", &url]).exits(0);
    let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(
        explained["expected"]["shares"][0]["ratio"], "1/2",
        "{explained:#}"
    );
    let beside = run(&["explain", "-f", FIXED, "--proxy-admin", &admin, &url]).exits(0);
    assert!(
        beside
            .stdout
            .contains("the proxy is programmed with 50% single, 50% multiple"),
        "{}",
        beside.stdout
    );
    let linted = run(&["lint", "-f", FIXED, "--proxy-admin", &admin, &url]);
    assert!(
        linted.stdout.contains("RS034") && linted.stdout.contains("50% single"),
        "{}",
        linted.stdout
    );
    // One that is not there is a warning.
    let nobody = "http://127.0.0.1:1";
    let without = run(&["lint", "-f", FIXED, "--proxy-admin", nobody, &url]).exits(0);
    assert!(
        without.stderr.contains(
            "warning: the admin interface of the proxy, http://127.0.0.1:1, was not read"
        ),
        "{}",
        without.stderr
    );
}

/// A run during which something is done, after the first 500 requests.
fn meanwhile(split: &Split, gate: &Gate, act: impl FnOnce()) -> Report {
    let (admin, url) = (split.envoy().admin_url(), split.url("/version"));
    let args = [
        "-o",
        "json",
        "--expect",
        TYPED,
        "-n",
        "2000",
        "-c",
        "10",
        "--proxy-admin",
        &admin,
        &url,
    ];
    let running = Running::start(&[&CERTAIN[..], &args].concat());
    wait_until("500 requests are under way", || split.served() >= 500);
    act();
    gate.open();
    running.finish().report()
}
