//! `resplit test`: suites of three formats, what they come to in each format of the report, and suites that are written from
//! manifests, which catch every change of those that changes routing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use resplit::diag::Sources;
use resplit::manifest::parse;
use resplit::suite::{Outcome, World, decode, write};
use serde_json::{Value, json};

use crate::support::cmd::{Outcome as Ended, run};

/// A file of `tests/suites`.
fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/suites")
        .join(name);
    path.to_str().expect("a path").to_owned()
}

/// The outcomes of the cases by name, in order.
fn outcomes(args: &[&str], code: i32) -> (Vec<(String, String)>, Value) {
    let outcome = run(&[&["test", "-o", "json"], args].concat()).exits(code);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let schema = include_str!("../src/report/suite/test.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let problems: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| format!("{error}"))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let suites = report["suites"].as_array().expect("a list").iter();
    let cases = suites.flat_map(|suite| suite["cases"].as_array().expect("a list"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (
        cases
            .map(|case| (text(&case["name"]), text(&case["outcome"])))
            .collect(),
        report,
    )
}

#[track_caller]
fn all_pass(args: &[&str], count: usize) -> Value {
    let (cases, report) = outcomes(args, 0);
    let others: Vec<_> = cases
        .iter()
        .filter(|(_, outcome)| outcome != "pass")
        .collect();
    assert!(others.is_empty(), "{others:?}\n{report:#}");
    assert_eq!(cases.len(), count);
    report
}

#[test]
fn a_suite_is_checked_against_the_manifests_beside_it() {
    all_pass(&[&file("reviews.yaml")], 2);
    let report = all_pass(&[&file("shop-suite.yaml")], 6);
    assert_eq!(report["coverage"]["rules"], 1.0);
    // Several suites at once, and their rules together.
    let report = all_pass(&[&file("reviews.yaml"), &file("shop-suite.yaml")], 8);
    assert_eq!(report["coverage"]["total"], 6);
}

/// A suite for one expectation of a request to the shop.
fn expecting(folder: &Path, request: &str, expect: &str) -> Ended {
    let path = folder.join("suite.yaml");
    let text = format!("cases:\n- name: one\n  request: {request}\n  expect: {expect}\n");
    fs::write(&path, text).expect("writable");
    run(&[
        "test",
        "-f",
        &file("shop.yaml"),
        path.to_str().expect("a path"),
    ])
}

#[test]
fn what_differs_is_said_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let qa = "{url: http://shop.example.com/api/x, headers: {x-user: qa}}";
    for (request, expect, words) in [
        (
            "http://shop.example.com/",
            "{rule: api}",
            "VirtualService shop/shop http[3]",
        ),
        (
            "http://shop.example.com/",
            "{shares: {v1: 90, v2: 10}}",
            "v1 4/5, v2 1/5",
        ),
        (
            "http://shop.example.com/",
            "{destination: v1}",
            "v1 4/5, v2 1/5",
        ),
        (
            "http://shop.example.com/",
            "{status: 404}",
            "v1 4/5, v2 1/5",
        ),
        (
            "http://shop.example.com/",
            "{destinations: [{host: web.shop, subset: v1, share: 4/5}]}",
            "subset v2 1/5",
        ),
        (
            "http://shop.example.com/",
            "{destinations: [{host: web.shop, share: 4/5}, {host: web.shop, subset: v2, share: 1/5}]}",
            "subset v1",
        ),
        (
            "http://shop.example.com/",
            "{rewrite: {uri: /v2/}}",
            "found     none",
        ),
        (
            "http://shop.example.com/",
            "{passes: true}",
            "a proxy decides",
        ),
        (qa, "{rewrite: {uri: /v3/}}", r#"{"uri":"/v2/"}"#),
        (qa, "{rewrite: none}", r#"{"uri":"/v2/"}"#),
        (qa, "{timeout: 6s}", "5s"),
        (qa, "{headers: {request: {set: {x-shop: other}}}}", "x-shop"),
        (
            "http://shop.example.com/old",
            "{redirect: {uri: /}}",
            "/new",
        ),
        ("http://nobody.example.com/", "{rule: api}", "none"),
    ] {
        let outcome = expecting(folder.path(), request, expect).exits(1);
        assert!(
            outcome.stdout.contains("FAIL  one"),
            "{expect}: {}",
            outcome.stdout
        );
        assert!(
            outcome.stdout.contains(words),
            "{expect}: {words}\n{}",
            outcome.stdout
        );
        assert!(
            outcome.stdout.contains("1 case: 0 passed, 1 failed"),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn suites_that_cannot_be_read_are_refused_with_the_place() {
    let folder = tempfile::tempdir().expect("a folder");
    for (request, expect, words) in [
        ("reviews", "{rule: api}", "is not an absolute URL"),
        ("http://a/", "{rul: api}", "did you mean `rule`?"),
        ("http://a/", "{shares: {v1: 0}}", "add up to 0"),
        (
            "http://a/",
            "{destinations: [{subset: v1}]}",
            "either a `host` or a `status`",
        ),
        (
            "http://a/",
            "{destinations: [{host: a, share: 2/1}]}",
            "not a share",
        ),
        ("http://a/", "{status: 1000}", "between 100 and 599"),
    ] {
        let outcome = expecting(folder.path(), request, expect).exits(2);
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains("suite.yaml:"), "{}", outcome.stderr);
    }
    let empty = folder.path().join("empty.yaml");
    fs::write(&empty, "manifests: [a.yaml]\n").expect("writable");
    run(&["test", empty.to_str().expect("a path")]).exits(2);
    run(&["test"]).exits(2);
    run(&["test", "--init"]).exits(2);
}

#[test]
fn test_cases_of_istio_config_validator_run_unchanged() {
    let shop = file("shop.yaml");
    all_pass(&["-f", &shop, &file("shop-cases.yaml")], 7);
    // What it wants changes with `wantMatch`, whatever is compared.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cases.yaml");
    let text = fs::read_to_string(file("shop-cases.yaml")).expect("text");
    let turned = text
        .replace("wantMatch: true", "wantMatch: x")
        .replace("wantMatch: false", "wantMatch: true");
    fs::write(&path, turned.replace("wantMatch: x", "wantMatch: false")).expect("writable");
    let (cases, _) = outcomes(&["-f", &shop, path.to_str().expect("a path")], 1);
    assert!(
        cases.iter().all(|(_, outcome)| outcome == "fail"),
        "{cases:?}"
    );
}

#[test]
fn tests_of_the_route_table_check_tool_run_unchanged() {
    let (cases, report) = outcomes(&["-f", &file("routes.yaml"), &file("route-checks.yaml")], 0);
    for (name, outcome) in &cases {
        let wanted = if name.starts_with("headers") {
            "skip"
        } else {
            "pass"
        };
        assert_eq!(outcome, wanted, "{name}: {report:#}");
    }
    assert_eq!(report["coverage"]["rules"], 1.0);
    let skipped = report["suites"][0]["cases"][7]["skipped"][0]
        .as_str()
        .expect("a reason");
    assert!(skipped.contains("request_header_matches"), "{skipped}");
    // The same tool's older files, and the routes of a VirtualService.
    let (cases, report) = outcomes(&["-f", &file("shop.yaml"), &file("shop-checks.json")], 0);
    let outcomes: Vec<&str> = cases.iter().map(|(_, outcome)| outcome.as_str()).collect();
    assert_eq!(outcomes, ["pass", "pass", "skip"], "{report:#}");
}

#[test]
fn every_assertion_of_a_route_check_can_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checks.json");
    for (field, value) in [
        ("cluster_name", "other"),
        ("virtual_host_name", "other"),
        ("host_rewrite", "other"),
        ("path_rewrite", "/other"),
        ("path_redirect", "/other"),
        ("code_redirect", "302"),
    ] {
        let input = json!({ "authority": "shop.example.com", "path": "/api/x", "method": "GET",
            "additional_request_headers": [{ "key": "x-user", "value": "qa" }] });
        let text = json!({ "tests": [{ "test_name": "one", "input": input, "validate": { field: value } }] });
        fs::write(&path, text.to_string()).expect("writable");
        let args = ["-f", &file("routes.yaml"), path.to_str().expect("a path")];
        let (cases, report) = outcomes(&args, 1);
        assert_eq!(cases[0].1, "fail", "{field}: {report:#}");
    }
}

#[test]
fn cases_are_chosen_and_rules_are_counted() {
    let suite = file("shop-suite.yaml");
    let (cases, report) = outcomes(&["--only", "testers", &suite], 0);
    assert_eq!(cases.len(), 2);
    assert_eq!(report["summary"]["left_out"], 4);
    assert_eq!(report["coverage"]["covered"], 1);
    let nothing = run(&["test", "--only", "no such case", &suite]);
    nothing.refused("no case has `no such case` in its name");
    let outcome = run(&["test", "--only", "testers", "--fail-under", "80", &suite]).exits(1);
    for words in [
        "no case takes VirtualService shop/shop http[0] (shop.yaml:7)",
        "1 of 4 rules covered (25%)",
        "fewer than --fail-under 80%",
    ] {
        assert!(
            outcome.stdout.contains(words),
            "{words}: {}",
            outcome.stdout
        );
    }
    run(&["test", "--fail-under", "100%", &suite]).exits(0);
    run(&["test", "--fail-under", "101", &suite]).exits(2);
    // The first failure is the last case.
    let other = file("routes.yaml");
    let (cases, _) = outcomes(&["--fail-fast", "-f", &other, &suite], 1);
    assert_eq!(
        cases
            .iter()
            .filter(|(_, outcome)| outcome == "fail")
            .count(),
        1
    );
    assert_eq!(
        cases.last().map(|(_, outcome)| outcome.as_str()),
        Some("fail")
    );
}

#[test]
fn every_format_says_what_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let xml = folder.path().join("tests.xml");
    let suite = file("shop-suite.yaml");
    let report = format!("junit={}", xml.display());
    let args = [
        "test",
        "-f",
        &file("routes.yaml"),
        "--report",
        &report,
        "-o",
        "github",
        &suite,
    ];
    let outcome = run(&args).exits(1);
    assert!(
        outcome.stdout.contains("::error file="),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains(",title=testers by header::rule%3A")
            || outcome.stdout.contains(",title=testers by header::rule:"),
        "{}",
        outcome.stdout
    );
    let xml = fs::read_to_string(&xml).expect("it was written");
    assert!(
        xml.contains("<testsuite") && xml.contains("<failure") && xml.contains("testers by header"),
        "{xml}"
    );
    run(&["test", "--report", "csv=a", &suite]).exits(2);
}

/// Manifests in memory.
fn world(objects: &Value) -> World {
    let mut sources = Sources::new();
    sources.add("in.json", objects.to_string());
    let (manifests, _) = parse(&sources);
    World::new(sources, manifests)
}

/// How many cases of a suite fail against manifests.
fn failing(suite: &str, world: &World) -> usize {
    let mut sources = Sources::new();
    let id = sources.add("suite.yaml", suite);
    let (suite, problems) = decode(&sources, id);
    assert_eq!(problems, []);
    let suite = suite.expect("a suite");
    let failed = suite
        .cases
        .iter()
        .filter(|case| world.check(case, suite.strict).outcome() == Outcome::Fail);
    failed.count()
}

/// A mesh with rules of every kind.
fn mesh() -> Value {
    let service = |name: &str, port: u16| {
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "shop" },
            "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": port }] } })
    };
    let to = |host: &str, subset: &str| json!({ "host": host, "subset": subset });
    let subsets = json!([{ "name": "v1", "labels": { "version": "v1" } }, { "name": "v2", "labels": { "version": "v2" } }]);
    let rule = |host: &str| {
        json!({ "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": { "name": host, "namespace": "shop" }, "spec": { "host": host, "subsets": subsets } })
    };
    json!({ "apiVersion": "v1", "kind": "List", "items": [
        service("web", 80), service("api", 8080), service("cart", 80), rule("web"), rule("api"), rule("cart"),
        { "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
          "metadata": { "name": "web", "namespace": "shop" },
          "spec": { "hosts": ["web"], "http": [
            { "match": [{ "uri": { "exact": "/login" } }, { "uri": { "prefix": "/signup/" }, "method": { "exact": "POST" } }],
              "route": [{ "destination": to("web", "v1") }] },
            { "match": [{ "headers": { "end-user": { "exact": "jason" }, "x-canary": { "prefix": "on" } } }],
              "rewrite": { "uri": "/beta" }, "route": [{ "destination": to("web", "v2") }] },
            { "match": [{ "queryParams": { "v": { "exact": "2" } } }], "timeout": "3s",
              "route": [{ "destination": to("web", "v2"), "weight": 75 }, { "destination": to("web", "v1"), "weight": 25 }] },
            { "match": [{ "uri": { "prefix": "/cart" }, "withoutHeaders": { "x-bot": { "exact": "yes" } } }],
              "route": [{ "destination": to("cart", "v1"), "weight": 99 }, { "destination": to("cart", "v2"), "weight": 1 }] },
            { "match": [{ "uri": { "prefix": "/gone" } }], "redirect": { "uri": "/", "authority": "www.example.com" } },
            { "route": [{ "destination": to("web", "v1"), "weight": 90 }, { "destination": to("web", "v2"), "weight": 10 }] } ] } },
        { "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
          "metadata": { "name": "api", "namespace": "shop" },
          "spec": { "hosts": ["api"], "http": [
            { "match": [{ "uri": { "prefix": "/v1/" }, "headers": { "x-team": { "exact": "blue" } } }],
              "fault": { "abort": { "httpStatus": 503, "percentage": { "value": 5 } } },
              "route": [{ "destination": to("api", "v2") }] },
            { "match": [{ "uri": { "prefix": "/v1/" } }], "route": [{ "destination": to("api", "v1") }] } ] } },
        { "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": { "name": "edge", "namespace": "shop" },
          "spec": { "selector": { "istio": "ingressgateway" }, "servers": [
            { "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": ["*"] }] } },
        { "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
          "metadata": { "name": "edge", "namespace": "shop" },
          "spec": { "gateways": ["edge"], "hosts": ["shop.example.com", "*.example.org"], "http": [
            { "match": [{ "uri": { "prefix": "/api/" } }], "route": [{ "destination": { "host": "api", "port": { "number": 8080 } } }] },
            { "route": [{ "destination": to("web", "v1"), "weight": 50 }, { "destination": to("web", "v2"), "weight": 50 }] } ] } },
        { "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
          "metadata": { "name": "cart", "namespace": "shop" },
          "spec": { "parentRefs": [{ "group": "", "kind": "Service", "name": "cart", "port": 80 }], "rules": [
            { "matches": [{ "path": { "type": "PathPrefix", "value": "/buy" } }, { "headers": [{ "name": "x-user", "value": "qa" }] }],
              "backendRefs": [{ "name": "cart", "port": 80, "weight": 9 }, { "name": "web", "port": 80, "weight": 1 }] },
            { "backendRefs": [{ "name": "cart", "port": 80 }] } ] } },
    ] })
}

/// The keys of values that decide where requests go.
fn decides(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let key = parts[parts.len() - 1];
    let below = |name: &str| parts.contains(&name);
    matches!(key, "weight" | "host" | "subset" | "exact" | "prefix")
        || below("hosts")
        || (key == "value" && (below("matches") || below("percentage")))
        || (key == "name" && (below("subsets") || below("backendRefs")))
        || (key == "number" && below("destination"))
        || (key == "name" && path.ends_with("metadata/name") && below("service"))
        || (below("rewrite") || below("redirect") || key == "timeout" || key == "httpStatus")
}

/// Every change of one value.
fn mutants(objects: &Value) -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    leaves(objects, String::new(), &mut paths);
    let mut all = Vec::new();
    for path in paths.into_iter().filter(|path| decides(path)) {
        let old = objects.pointer(&path).expect("a leaf").clone();
        let changed: Vec<Value> = match &old {
            Value::Number(number) => {
                let number = number.as_u64().expect("a whole number");
                [number + 1, number.saturating_sub(1), number * 2]
                    .map(Value::from)
                    .to_vec()
            }
            Value::String(text) => {
                let shorter = &text[..text.len() - 1];
                [
                    format!("{text}x"),
                    shorter.to_owned(),
                    format!("{shorter}z"),
                    format!("x{text}"),
                ]
                .map(Value::from)
                .to_vec()
            }
            _ => Vec::new(),
        };
        for value in changed.into_iter().filter(|value| *value != old) {
            let mut mutant = objects.clone();
            *mutant.pointer_mut(&path).expect("a leaf") = value.clone();
            all.push((format!("{path}: {old} -> {value}"), mutant));
        }
    }
    all
}

fn leaves(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, format!("{path}/{key}"), paths);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                leaves(value, format!("{path}/{at}"), paths);
            }
        }
        _ => paths.push(path),
    }
}

/// A mutant changes routing where a suite that is written from it fails against what was there before: its requests are others.
#[test]
fn a_written_suite_catches_every_change_that_changes_routing() {
    let original = mesh();
    let before = world(&original);
    let suite = write(&before, &["in.json".to_owned()], None);
    assert!(suite.cases > 50, "{}", suite.cases);
    assert_eq!(failing(&suite.text, &before), 0, "{}", suite.text);
    let (mut changing, mut missed) = (0, Vec::new());
    let mutants = mutants(&original);
    for (what, mutant) in &mutants {
        let after = world(mutant);
        let own = write(&after, &["in.json".to_owned()], None);
        let changes = failing(&own.text, &before) > 0;
        let caught = failing(&suite.text, &after) > 0;
        changing += usize::from(changes || caught);
        if changes && !caught {
            missed.push(what);
        }
    }
    assert!(
        missed.is_empty(),
        "{} of {changing} missed: {missed:#?}",
        missed.len()
    );
    assert!(
        mutants.len() > 150 && changing * 10 > mutants.len() * 8,
        "{changing} of {}",
        mutants.len()
    );
}

#[test]
fn suites_of_the_examples_are_written_and_pass() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for example in [
        "reviews",
        "weather/fixed",
        "weather/broken",
        "weather",
        "demo/gateway-only.yaml",
        "demo/missing-subset.yaml",
        "demo/no-sidecar.yaml",
    ] {
        let manifests = root.join(example);
        let path = folder
            .path()
            .join(format!("{}.yaml", example.replace('/', "-")));
        let (manifests, path) = (
            manifests.to_str().expect("a path"),
            path.to_str().expect("a path"),
        );
        let written = run(&["test", "--init", "-f", manifests, path]);
        written.exits(0);
        run(&["test", path]).exits(0);
        run(&["test", "--init", "-f", manifests, path]).exits(2);
    }
}

#[test]
fn what_a_written_suite_does_not_mention_must_not_be_there() {
    let mut objects = mesh();
    let suite = write(&world(&objects), &[], None);
    let rule = objects.pointer_mut("/items/6/spec/http/5").expect("a rule");
    rule["retries"] = json!({ "attempts": 3 });
    assert!(failing(&suite.text, &world(&objects)) > 0);
    let coverage = world(&objects).coverage(&BTreeSet::new());
    assert_eq!((coverage.covered, coverage.rules), (0, 12));
}

/// `cargo test --release -- --ignored ten_thousand --nocapture` prints what 10,000 cases take.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "the figure is what it is for")]
fn ten_thousand_cases_take_less_than_a_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules: Vec<Value> = (0..50)
        .map(|at| json!({ "match": [{ "uri": { "prefix": format!("/p{at}/") } }],
            "route": [{ "destination": { "host": "web", "subset": "v1" }, "weight": 90 }, { "destination": { "host": "web", "subset": "v2" }, "weight": 10 }] }))
        .collect();
    let service = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "web" },
        "spec": { "hosts": ["web"], "http": rules } });
    fs::write(folder.path().join("in.json"), service.to_string()).expect("writable");
    let mut suite = String::from("manifests: [in.json]\ncases:\n");
    for case in 0..10_000 {
        let _ = writeln!(
            suite,
            "- name: case {case}\n  request: http://web/p{}/{case}\n  expect: {{rule: 'http[{}]', shares: {{v1: 90, v2: 10}}}}",
            case % 50,
            case % 50
        );
    }
    let path = folder.path().join("suite.yaml");
    fs::write(&path, suite).expect("writable");
    let script = format!(
        "{} test {} > /dev/null; times",
        env!("CARGO_BIN_EXE_resplit"),
        path.display()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .output()
        .expect("bash runs");
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

/// Gateways of the same proxies take the same requests: each is asked for what is bound to it, so that a suite grows as its manifests do.
#[test]
fn gateways_of_the_same_proxies_are_asked_for_what_is_bound_to_them() {
    let mut text = String::new();
    for at in 0..20 {
        // Every fifth rule is bound to the gateway before as well.
        let also = if at % 5 == 4 {
            format!(", g{}", at - 1)
        } else {
            String::new()
        };
        let _ = write!(
            text,
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{at}}}\nspec:\n  selector: {{istio: ingressgateway}}\n  \
             servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*.example.com']}}]\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v{at}}}\nspec:\n  hosts: [h{at}.example.com]\n  \
             gateways: [g{at}{also}]\n  http: [{{route: [{{destination: {{host: web}}}}]}}]\n---\n"
        );
    }
    let mut sources = Sources::new();
    sources.add("gateways.yaml", text);
    let (manifests, problems) = parse(&sources);
    assert_eq!(problems, []);
    let world = World::new(sources, manifests);
    let written = write(&world, &["gateways.yaml".to_owned()], None);
    assert_eq!(written.cases, 24, "{}", written.text);
    for at in 0..20 {
        let case = format!("h{at}.example.com http[0] at default/g{at}\n");
        assert!(written.text.contains(&case), "{case}{}", written.text);
    }
    assert_eq!(failing(&written.text, &world), 0);
}

/// Found by fuzzing: a name in capitals, which no API server takes, was written as it is and read in small letters, and the
/// status 0 was refused.
#[test]
fn names_in_capitals_and_replies_without_a_status_are_written_and_read_back() {
    let api_route = json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": { "name": "r" },
        "spec": { "parentRefs": [{ "name": "g" }], "hostnames": ["a.example.com"],
            "rules": [{ "backendRefs": [{ "name": "Web", "port": 80 }] }] } });
    let service = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "v" },
        "spec": { "hosts": ["Web"], "http": [{ "route": [{ "destination": { "host": "Web", "subset": "V1" } }] }] } });
    let weights = json!({ "apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": { "name": "w" },
        "spec": { "routes": [{ "services": [{ "name": "A", "weight": 9 }, { "name": "b", "weight": 1 }] }] } });
    // A reply without a status, which no proxy takes.
    let dump = json!({ "virtual_hosts": [{ "name": "w", "domains": ["web"], "routes": [
        { "match": { "path": "/teapot" }, "direct_response": {} }, { "match": { "prefix": "/" }, "route": { "cluster": "Web" } }] }] });
    for objects in [api_route, service, weights, dump] {
        let world = world(&objects);
        let written = write(&world, &["in.json".to_owned()], None);
        assert!(written.cases > 0, "{objects}");
        assert_eq!(failing(&written.text, &world), 0, "{}", written.text);
        let shouted = written.text.replace("web.default.svc", "WEB.Default.svc");
        assert_eq!(failing(&shouted, &world), 0, "{shouted}");
    }
}
