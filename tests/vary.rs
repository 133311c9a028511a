//! Requests that differ: values in their places, rules by value, and keys that a proxy pins to a target, against a real Envoy.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::all_rules::compiled::{BUCKET, Compiled, HOST};
use crate::support::chance;
use crate::support::cmd::{Outcome, Report, run, run_json};
use crate::support::envoy::{Envoy, Split};
use crate::support::mesh::{Mesh, NINETY_TEN};

const WEIGHTS: [(&str, u32); 2] = [("single", 90), ("multiple", 10)];

fn saved(name: &str, text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("writable");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

/// What a proxy says it is programmed with.
fn dump(split: &Split) -> (TempDir, String) {
    saved(
        "dump.json",
        &split.envoy().admin("/config_dump").to_string(),
    )
}

/// A run against a proxy, by what this dump says.
fn by_dump(split: &Split, dump: &str, args: &[&str]) -> Outcome {
    run_json(&[&["-f", dump], args, &[&split.url("/version")]].concat())
}

/// A run against a proxy that hashes what this policy names, by its own dump.
fn pinned(policy: &Value, args: &[&str]) -> (Split, Outcome) {
    let split = Envoy::split(&WEIGHTS).hashed_by(policy.clone()).start();
    let (_folder, dump) = dump(&split);
    let outcome = by_dump(&split, &dump, args);
    (split, outcome)
}

fn answers(report: &Report) -> [String; 2] {
    let outcome = |question: &str| {
        report.0["pinning"][question]["outcome"]
            .as_str()
            .map(str::to_owned)
    };
    ["stickiness", "shares"]
        .map(|question| outcome(question).unwrap_or_else(|| panic!("{:#}", report.0)))
}

fn header() -> Value {
    json!({ "header": { "header_name": "x-user" } })
}

const USERS: [&str; 4] = ["--vary", "user=uuid", "-H", "x-user: {{user}}"];

#[test]
fn users_that_a_header_pins_stay_and_are_split_as_declared() {
    let (split, report) = chance::passes(|| pinned(&header(), &USERS));
    assert_eq!(answers(&report), ["pass", "pass"]);
    assert_eq!(report.0["verdict"]["unit"], "key");
    let pinning = &report.0["pinning"];
    assert_eq!(
        (&pinning["flips"], &pinning["key"]),
        (&0.into(), &"header `x-user`".into())
    );
    // Every key is asked for twice.
    let keys = pinning["keys"].as_u64().expect("a number");
    assert!(
        (report.sent()..report.sent() + 200).contains(&(2 * keys)),
        "{keys} keys"
    );
    assert_eq!(split.served(), report.sent());
    let schema = serde_json::from_str(include_str!("../src/report/report.schema.json"));
    let schema = jsonschema::validator_for(&schema.expect("JSON")).expect("a schema");
    let errors: Vec<String> = schema
        .iter_errors(&report.0)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn a_proxy_that_ignores_the_hash_is_not_sticky() {
    let hashed = Envoy::split(&WEIGHTS).hashed_by(header()).start();
    let (_folder, dump) = dump(&hashed);
    // Of thousands of repeated requests at 90/10 none goes elsewhere with a probability below 1e-100.
    let drawn = Envoy::split(&WEIGHTS).start();
    let report = by_dump(&drawn, &dump, &USERS).exits(1).report();
    assert_eq!(answers(&report)[0], "diverged");
    assert!(
        report.0["pinning"]["flips"].as_u64() > Some(0),
        "{:#}",
        report.0["pinning"]
    );
}

#[test]
fn a_cookie_that_clients_send_is_a_key() {
    let policy = json!({ "cookie": { "name": "session", "ttl": "3600s" } });
    let args = ["--vary", "user=uuid", "-H", "cookie: session={{user}}; a=b"];
    let (_, report) = chance::passes(|| pinned(&policy, &args));
    assert_eq!(answers(&report), ["pass", "pass"]);
    assert_eq!(report.0["pinning"]["key"], "cookie `session`");
}

/// A proxy that gives every client a cookie, and picks an endpoint by it: `v1` by 90 of 100 cookies.
fn giving_cookies() -> (Envoy, [Mesh; 2]) {
    let backends = ["v1", "v2"].map(|version| Mesh::split([(version, 1)]).start());
    let endpoint = |(at, weight): (usize, u32)| {
        let port = backends[at].addr().port();
        let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
        json!({ "endpoint": { "address": address }, "load_balancing_weight": weight })
    };
    let any_port = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let typed = |name: &str, kind: &str, config: Value| {
        let mut config = config;
        config["@type"] = format!("type.googleapis.com/envoy.extensions.filters.{kind}").into();
        json!({ "name": name, "typed_config": config })
    };
    let route = json!({
        "match": { "prefix": "/" },
        "route": { "cluster": "hashed", "hash_policy": [{ "cookie": { "name": "user", "ttl": "3600s" } }] },
    });
    let router = typed(
        "envoy.filters.http.router",
        "http.router.v3.Router",
        json!({}),
    );
    let manager = json!({
        "stat_prefix": "in",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": [router],
    });
    let kind = "network.http_connection_manager.v3.HttpConnectionManager";
    let filter = typed(
        "envoy.filters.network.http_connection_manager",
        kind,
        manager,
    );
    let endpoints = [(0, 90), (1, 10)].map(endpoint);
    let bootstrap = json!({
        "admin": { "address": any_port },
        "static_resources": {
            "listeners": [{ "name": "in", "address": any_port, "filter_chains": [{ "filters": [filter] }] }],
            "clusters": [{
                "name": "hashed",
                "type": "STATIC",
                "lb_policy": "MAGLEV",
                "load_assignment": { "cluster_name": "hashed", "endpoints": [{ "lb_endpoints": endpoints }] },
            }],
        },
    });
    (Envoy::start(&bootstrap, 2), backends)
}

#[test]
fn sessions_keep_the_cookie_that_the_proxy_sets() {
    let args = [
        "--expect",
        NINETY_TEN,
        "--sessions",
        "4000",
        "--tolerance",
        "1%",
    ];
    let (_, report) = chance::passes(|| {
        let (envoy, backends) = giving_cookies();
        let url = format!("http://{}/", envoy.addr());
        let outcome = run_json(&[&args[..], &[&*url]].concat());
        ((envoy, backends), outcome)
    });
    assert_eq!(answers(&report), ["pass", "pass"]);
    let pinning = &report.0["pinning"];
    assert_eq!(
        (&pinning["keys"], &pinning["flips"]),
        (&4000.into(), &0.into())
    );
    // Without their cookies clients are new each time.
    let (envoy, _backends) = giving_cookies();
    let url = format!("http://{}/", envoy.addr());
    let report = run_json(&[
        "--expect",
        NINETY_TEN,
        "-n",
        "1000",
        "--tolerance",
        "1%",
        &url,
    ]);
    assert!(report.report().0["pinning"].is_null());
}

#[test]
fn a_rule_that_hashes_is_not_tested_by_one_request() {
    let split = Envoy::split(&WEIGHTS).hashed_by(header()).start();
    let (_folder, dump) = dump(&split);
    let outcome = by_dump(&split, &dump, &["--all-rules"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--vary"), "{}", outcome.stderr);
    assert_eq!(split.served(), 0);
}

#[test]
fn one_address_is_one_key_and_too_few_for_shares() {
    let policy = json!({ "connection_properties": { "source_ip": true } });
    let (_, outcome) = pinned(
        &policy,
        &["--vary", "n=seq", "-H", "x-n: {{n}}", "-n", "600"],
    );
    let report = outcome.exits(3).report();
    assert_eq!(answers(&report), ["pass", "inconclusive"]);
    assert_eq!(
        (
            &report.0["pinning"]["keys"],
            &report.0["pinning"]["repeats"]
        ),
        (&1.into(), &599.into())
    );
}

#[test]
fn two_keys_are_too_few_and_the_number_that_is_enough_is_said() {
    let args = [
        "--vary",
        "user=1..2",
        "-H",
        "x-user: {{user}}",
        "-n",
        "1000",
    ];
    let (_, outcome) = pinned(&header(), &args);
    let report = outcome.exits(3).report();
    assert_eq!(answers(&report), ["pass", "inconclusive"]);
    let needed = report.0["pinning"]["keys_needed"]
        .as_u64()
        .expect("a number");
    let reason = report.0["verdict"]["reason"].as_str().expect("a reason");
    assert!(
        needed > 50 && reason.contains(&format!("{needed} keys")),
        "{reason}"
    );
}

/// The group of a user decides which rule takes the request; of `/moved` nothing else is looked at.
const GROUPS: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
  - match: [{uri: {prefix: /}, headers: {x-group: {prefix: canary-}}}]
    route: [{destination: {host: web, subset: v2}, weight: 80}, {destination: {host: web, subset: v1}, weight: 20}]
  - match: [{uri: {prefix: /app}}]
    route: [{destination: {host: web, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
";

#[test]
fn values_that_take_different_rules_are_judged_rule_by_rule() {
    let (_rules, rules) = saved("rules.yaml", GROUPS);
    let (_groups, groups) = saved(
        "groups.txt",
        "canary-1\nstable-a\ncanary-2\nstable-b\nstable-c\n",
    );
    let vary = format!("group=@{groups}");
    let args = [
        "-f",
        &rules,
        "--bucket",
        BUCKET,
        "--host",
        HOST,
        "--vary",
        &vary,
        "-H",
        "x-group: {{group}}",
    ];
    let logged = [
        &args[..],
        &["--log", "requests.log", "http://127.0.0.1:9/app"],
    ];
    run(&logged.concat()).refused("these values take several rules");
    let (_, report) = chance::passes(|| {
        let proxy = Compiled::start(GROUPS);
        let outcome = run_json(&[&args[..], &[&*proxy.url("/app")]].concat());
        (proxy, outcome)
    });
    let rows = report.0["rules"].as_array().expect("rows");
    let found: Vec<(&Value, &Value)> = rows
        .iter()
        .map(|row| (&row["rule"], &row["values"]))
        .collect();
    assert_eq!(
        found,
        [
            (&"http[0]".into(), &2.into()),
            (&"http[1]".into(), &3.into())
        ]
    );
    let notes = report.0["verdict"]["caveats"].to_string();
    assert!(
        notes.contains("of 5 different values") && notes.contains("2 take"),
        "{notes}"
    );

    // Elsewhere another rule is off, and it is that one that is named.
    let proxy = Compiled::changed(GROUPS, |routes| {
        let clusters = &mut routes[0]["route"]["weighted_clusters"]["clusters"];
        (clusters[0]["weight"], clusters[1]["weight"]) = (20.into(), 80.into());
    });
    let url = proxy.url("/app");
    let report = run_json(&[&args[..], &["--alpha", "1e-10", &url]].concat())
        .exits(1)
        .report();
    let outcomes: Vec<&Value> = (report.0["rules"].as_array().into_iter().flatten())
        .map(|row| &row["verdict"]["outcome"])
        .collect();
    assert_eq!(outcomes, ["diverged", "pass"]);
}

#[test]
fn values_stand_in_url_headers_and_body_of_every_request() {
    let mesh = Mesh::honest();
    let url = mesh.url("/{{n}}?u={{user}}&keep={{other}}");
    let args = [
        "--expect",
        NINETY_TEN,
        "--vary",
        "n=1..3",
        "--vary",
        "user=random:5",
        "-d",
        "{{n}}",
        "-n",
        "30",
        "-c",
        "1",
    ];
    let outcome = run_json(&[&args[..], &[&*url]].concat());
    assert!(
        matches!(outcome.code, Some(0 | 1 | 3)),
        "{}",
        outcome.stderr
    );
    assert_eq!((outcome.report().sent(), mesh.served()), (30, 30));
}

#[test]
fn a_run_ends_when_no_value_takes_a_rule_that_is_tested() {
    let mesh = Mesh::split([("v1", 1)]).start();
    let rules = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: default}
spec:
  hosts: [a]
  http:
  - match: [{uri: {prefix: /a}}]
    route: [{destination: {host: v1}}]
";
    // The first ten thousand are looked at before anything is sent.
    let values = format!("{}{}", "a\n".repeat(10_000), "other\n".repeat(30_000));
    let (_values, values) = saved("values.txt", &values);
    let vary = format!("n=@{values}");
    let url = mesh.url("/{{n}}");
    let (_rules, rules) = saved("rules.yaml", rules);
    let args = [
        "-f", &rules, "--host", "a", "--vary", &vary, "-n", "15000", "-c", "2", &url,
    ];
    let report = run_json(&args).report();
    assert_eq!((report.sent(), mesh.served()), (10_000, 10_000));
    let notes = report.0["verdict"]["caveats"].to_string();
    assert!(notes.contains("values were not sent"), "{notes}");
}

#[test]
fn what_cannot_vary_is_refused_before_anything_is_sent() {
    let url = "http://127.0.0.1:9/{{n}}";
    for (more, said) in [
        (&["--vary", "n=nowhere"][..], "source of values"),
        (&["--vary", "n=@/nowhere/users.txt"], "cannot read"),
        (&["--vary", "m=seq"], "{{m}}"),
        (&["--vary", "n=seq", "--vary", "n=uuid"], "twice"),
        (&["--vary", "n=seq", "--debug"], "--debug"),
        (&["--sessions", "0"], "--sessions"),
    ] {
        let outcome = run(&[more, &[url]].concat());
        assert_eq!(outcome.code, Some(2), "{more:?}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains(said),
            "{more:?}: {}",
            outcome.stderr
        );
    }
    let known: BTreeSet<&str> = ["uuid", "seq", "random:"].into();
    let help = run(&["--help"]).stdout;
    assert!(known.iter().all(|source| help.contains(source)), "{help}");
}
