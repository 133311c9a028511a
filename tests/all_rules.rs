//! Every rule of a host with traffic, against a real Envoy that does what the manifests say, or something else.

// A real Envoy that does what manifests say.
pub(crate) mod compiled;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::chance;
use crate::support::cmd::{Outcome, Report, run, run_json};
use compiled::{BUCKET, Compiled, HOST};

/// Twelve rules of every kind.
pub(crate) const RULES: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
  - match: [{uri: {exact: /jason}, headers: {end-user: {exact: jason}}}, {uri: {prefix: /jane}}]
    route: [{destination: {host: web, subset: v2}}]
  - match: [{uri: {prefix: /split}}]
    route: [{destination: {host: web, subset: v1}, weight: 90}, {destination: {host: web, subset: v2}, weight: 10}]
  - match: [{uri: {prefix: /old}}]
    redirect: {uri: /moved}
  - match: [{uri: {exact: /gone}}]
    directResponse: {status: 410}
  - match: [{method: {exact: DELETE}, uri: {prefix: /}}]
    route: [{destination: {host: web, subset: v3}}]
  - match: [{uri: {regex: '/r[0-9]+'}}]
    route: [{destination: {host: web, subset: v1}, weight: 50}, {destination: {host: web, subset: v3}, weight: 50}]
  - match: [{uri: {prefix: /}, queryParams: {debug: {exact: 'true'}}}]
    route: [{destination: {host: web, subset: v3}}]
  - match: [{uri: {prefix: /}, headers: {x-group: {prefix: canary-}}}]
    route: [{destination: {host: web, subset: v2}, weight: 80}, {destination: {host: web, subset: v1}, weight: 20}]
  - match: [{uri: {prefix: /fault}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
    route: [{destination: {host: web, subset: v1}}]
  - match: [{uri: {prefix: /api}, withoutHeaders: {x-internal: {}}}]
    route: [{destination: {host: web, subset: v1}}]
  - match: [{uri: {prefix: /api}}]
    route: [{destination: {host: web, subset: v2}}]
  - match: [{uri: {prefix: /app}}]
    route: [{destination: {host: web, subset: v1}}]
";

/// A run of all rules of the manifests, against this proxy.
fn all_rules(manifests: &str, proxy: &Compiled, args: &[&str]) -> Outcome {
    let (_folder, path) = saved(manifests);
    let typed = args.contains(&"--bucket");
    let bucket: &[&str] = if typed { &[] } else { &["--bucket", BUCKET] };
    let rules = ["run", "--all-rules", "-f", &path, "--host", HOST];
    run_json(&[&rules, bucket, args, &[&proxy.url("/")]].concat())
}

fn saved(manifests: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yaml");
    fs::write(&path, manifests).expect("writable");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

/// The rows of a report whose verdict, or place, is this.
fn rows<'r>(report: &'r Report, wanted: impl Fn(&Value) -> bool + 'r) -> Vec<&'r Value> {
    let rows = report.0["rules"].as_array().expect("there are rules");
    rows.iter().filter(|row| wanted(row)).collect()
}

fn is(outcome: &str) -> impl Fn(&Value) -> bool {
    move |row| row["verdict"]["outcome"] == outcome
}

#[test]
fn twelve_rules_pass_each_with_requests_of_its_own() {
    let (proxy, report) = chance::passes(|| {
        let proxy = Compiled::start(RULES);
        let outcome = all_rules(RULES, &proxy, &[]);
        (proxy, outcome)
    });
    let schema = serde_json::from_str(include_str!("../src/report/report.schema.json"));
    let schema = jsonschema::validator_for(&schema.expect("JSON")).expect("a schema");
    let errors: Vec<String> = schema
        .iter_errors(&report.0)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());

    let of_rules = rows(&report, |row| row["purpose"] == "rule");
    let names: Vec<&Value> = of_rules.iter().map(|row| &row["rule"]).collect();
    // The first rule has two alternatives.
    assert_eq!(names.len(), 13, "{names:?}");
    let through = rows(&report, |row| row["purpose"] == "fallthrough");
    let missed = |rule: &str, condition: &str| {
        through
            .iter()
            .any(|row| row["rule"] == rule && row["condition"] == condition)
    };
    assert!(
        missed("http[0]", "headers.end-user") && missed("http[7]", "headers.x-group"),
        "{through:#?}"
    );
    assert_eq!(
        rows(&report, is("pass")).len(),
        report.0["rules"].as_array().map_or(0, Vec::len)
    );
    assert_eq!(report.0["coverage"]["rules"], 1.0);
    assert_eq!(report.0["coverage"]["destinations"], 1.0);

    // A rule with one target takes a few requests, a split what its verdict takes.
    let sent = |rule: &str| {
        let row = of_rules
            .iter()
            .find(|row| row["rule"] == rule)
            .expect("it is there");
        row["observed"]["sent"].as_u64().expect("a number")
    };
    assert!(
        sent("http[2]") < 100 && sent("http[1]") > 200,
        "{} {}",
        sent("http[2]"),
        sent("http[1]")
    );
    let total: u64 = rows(&report, |_| true)
        .iter()
        .filter_map(|row| row["observed"]["sent"].as_u64())
        .sum();
    assert_eq!(report.sent(), total);
    assert!(
        proxy.served() < total,
        "redirects and the like do not reach the backend"
    );
}

#[test]
fn one_swapped_weight_is_exactly_one_rule_that_diverges() {
    let proxy = Compiled::changed(RULES, |routes| {
        let at = routes
            .iter()
            .position(|route| route.to_string().contains("canary-"));
        let clusters =
            &mut routes[at.expect("it is there")]["route"]["weighted_clusters"]["clusters"];
        (clusters[0]["weight"], clusters[1]["weight"]) = (20.into(), 80.into());
    });
    // Every other rule holds, and diverges with a probability below 1e-10.
    let report = all_rules(RULES, &proxy, &["--alpha", "1e-10"])
        .exits(1)
        .report();
    let diverged = rows(&report, is("diverged"));
    let names: Vec<&Value> = diverged.iter().map(|row| &row["rule"]).collect();
    assert_eq!(names, ["http[7]"], "{diverged:#?}");
    assert_eq!(diverged[0]["purpose"], "rule");
    assert_eq!(report.verdict(), "diverged");
    let reason = report.0["verdict"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("`http[7]`"), "{reason}");
}

#[test]
fn an_even_split_beside_rules_that_are_followed_is_not_laid_to_rules_that_are_not_applied() {
    let proxy = Compiled::changed(RULES, |routes| {
        let at = routes
            .iter()
            .position(|route| route.to_string().contains("canary-"));
        let clusters =
            &mut routes[at.expect("it is there")]["route"]["weighted_clusters"]["clusters"];
        (clusters[0]["weight"], clusters[1]["weight"]) = (50.into(), 50.into());
    });
    let report = all_rules(RULES, &proxy, &["--alpha", "1e-10"])
        .exits(1)
        .report();
    let diverged = rows(&report, is("diverged"));
    let why = &diverged[0]["verdict"]["diagnosis"];
    assert_eq!(why[0]["id"], "even-split", "{why:#}");
    let message = why[0]["message"].as_str().expect("a message");
    assert!(
        message.contains("rules of this host are applied, as `"),
        "{message}"
    );
    assert!(!why.to_string().contains("may not be applied"), "{why:#}");
}

#[test]
fn a_header_that_the_proxy_does_not_look_at_is_found_by_what_falls_through() {
    let proxy = Compiled::changed(RULES, |routes| {
        routes[0]["match"]["headers"] = Value::Array(Vec::new());
    });
    let report = all_rules(RULES, &proxy, &["--alpha", "1e-10"])
        .exits(1)
        .report();
    let diverged = rows(&report, is("diverged"));
    let found: Vec<(&Value, &Value)> = diverged
        .iter()
        .map(|row| (&row["purpose"], &row["condition"]))
        .collect();
    let wanted = (
        &Value::from("fallthrough"),
        &Value::from("headers.end-user"),
    );
    assert_eq!(found, [wanted], "{diverged:#?}");
}

#[test]
fn one_shadowed_rule_is_exactly_one_that_cannot_be_reached() {
    let shadowed = RULES.replace("exact: /gone", "exact: /split/gone");
    let (_, report) = chance::passes(|| {
        let proxy = Compiled::start(&shadowed);
        let outcome = all_rules(&shadowed, &proxy, &[]);
        (proxy, outcome)
    });
    let unreached = rows(&report, |row| !row["unreachable"].is_null());
    let names: Vec<&Value> = unreached.iter().map(|row| &row["rule"]).collect();
    assert_eq!(names, ["http[3]"]);
    let why = &unreached[0]["unreachable"];
    assert_eq!(
        (&why["proven"], &why["by"]),
        (&true.into(), &"http[1]".into())
    );
    assert_eq!(report.0["coverage"]["rule_count"]["reached"], 11);
}

#[test]
fn every_format_has_every_rule_and_a_saved_report_shows_the_same() {
    let proxy = Compiled::start(RULES);
    let (folder, path) = saved(RULES);
    let json = folder.path().join("run.json");
    let json = json.to_str().expect("a path");
    let report = format!("json={json}");
    let url = proxy.url("/");
    let args = [
        "run",
        "--all-rules",
        "-f",
        &path,
        "--bucket",
        BUCKET,
        "--host",
        HOST,
        "--report",
        &report,
        "-n",
        "600",
        "--quiet",
        &url,
    ];
    let first = run(&args);
    let saved: Value =
        serde_json::from_str(&fs::read_to_string(json).expect("it was written")).expect("JSON");
    let rows = saved["rules"].as_array().expect("there are rules");
    let again = |format: &str| run(&["report", "-o", format, json]).stdout;
    assert_eq!(again("text"), first.stdout);
    let restored: Value = serde_json::from_str(&again("json")).expect("JSON");
    assert_eq!(restored["rules"], saved["rules"]);
    assert_eq!(again("junit").matches("<testcase ").count(), rows.len());
    for format in ["text", "markdown", "html", "junit"] {
        let text = again(format).replace("&#91;", "[").replace("&#93;", "]");
        for row in rows {
            let rule = row["rule"].as_str().expect("a name");
            assert!(text.contains(rule), "{format}: {rule}\n{text}");
        }
    }
    assert!(
        again("oneline").contains("12 of 12 rules"),
        "{}",
        again("oneline")
    );
    // Another level would be another run.
    let refused = run(&["report", "--alpha", "0.5", json]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

#[test]
fn a_value_that_does_not_tell_targets_apart_proves_nothing() {
    // Every response says the same, whatever rule took the request.
    let proxy = Compiled::start(RULES);
    let outcome = all_rules(RULES, &proxy, &["--bucket", "header:x-version"]);
    let report = outcome.exits(4).report();
    let judged = rows(&report, |row| {
        row["observed"]["buckets"].to_string().contains("backend")
    });
    assert!(judged.len() > 5, "{judged:#?}");
    for row in judged {
        assert_eq!(row["verdict"]["outcome"], "no-data", "{row:#}");
    }
}

#[test]
fn options_about_one_rule_are_refused() {
    let (_folder, path) = saved(RULES);
    let base = ["run", "--all-rules", "http://127.0.0.1:9/"];
    for (more, said) in [
        (&["--expect", "v1=1"][..], "--expect"),
        (&["-f", &path, "--slo", "all.errors < 1%"], "--slo"),
        (&["-f", &path, "--settle", "1s"], "--settle"),
        (&["-f", &path, "--debug"], "--debug"),
        (&["-f", &path, "--log", "requests.log"], "--log"),
        (&["-f", &path, "--generator", "0/2"], "--generator"),
        (&["-f", &path, "-n", "3", "--host", HOST], "fewer"),
        (&[], "-f"),
    ] {
        let outcome = run(&[&base, more].concat());
        assert_eq!(outcome.code, Some(2), "{more:?}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains(said) && outcome.stderr.contains("help: "),
            "{}",
            outcome.stderr
        );
    }
}
