//! Requests that a hash ties to a pod inside of the destination that was drawn, as `consistentHash` of a DestinationRule says,
//! against a real Envoy.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::chance;
use crate::support::cmd::{Outcome, Report, run_json};
use crate::support::envoy::Envoy;
use crate::support::mesh::Mesh;

const PODS: [&str; 3] = ["a", "b", "c"];

/// A split of 60/40 whose destinations hash this.
fn manifests(hash: &str) -> (TempDir, String) {
    let text = format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80}}]}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: web}}
spec:
  host: web
  trafficPolicy: {{loadBalancer: {{consistentHash: {hash}}}}}
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web}}
spec:
  hosts: [web]
  http:
  - route: [{{destination: {{host: web, subset: v1}}, weight: 60}}, {{destination: {{host: web, subset: v2}}, weight: 40}}]
"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rules.yaml");
    fs::write(&path, text).expect("writable");
    let path = path.to_str().expect("a path").to_owned();
    (folder, path)
}

/// A proxy that draws a destination for each request, and picks one of its pods in this way.
fn proxy(hash_policy: &Value, lb_policy: &str) -> (Envoy, Vec<Mesh>) {
    let mut pods = Vec::new();
    let mut clusters = Vec::new();
    for version in ["v1", "v2"] {
        let endpoints = PODS.map(|pod| {
            let name = format!("{version}-{pod}");
            let pod = Mesh::split([(name.as_str(), 1)]).start();
            let port = pod.addr().port();
            pods.push(pod);
            let address = json!({ "address": "127.0.0.1", "port_value": port });
            json!({ "endpoint": { "address": { "socket_address": address } } })
        });
        clusters.push(json!({
            "name": version,
            "type": "STATIC",
            "lb_policy": lb_policy,
            "load_assignment": { "cluster_name": version, "endpoints": [{ "lb_endpoints": endpoints }] },
        }));
    }
    let any_port = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let route = json!({
        "match": { "prefix": "/" },
        "route": {
            "weighted_clusters": { "clusters": [{ "name": "v1", "weight": 60 }, { "name": "v2", "weight": 40 }] },
            "hash_policy": [hash_policy],
        },
    });
    let kind = "type.googleapis.com/envoy.extensions.filters";
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": format!("{kind}.http.router.v3.Router") },
    });
    let manager = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": format!("{kind}.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "in",
            "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
            "http_filters": [router],
        },
    });
    let bootstrap = json!({
        "admin": { "address": any_port },
        "static_resources": {
            "listeners": [{ "name": "in", "address": any_port, "filter_chains": [{ "filters": [manager] }] }],
            "clusters": clusters,
        },
    });
    (Envoy::start(&bootstrap, 2), pods)
}

/// A run against the proxy, by what the manifests say.
fn judged(hash: &str, proxy: &Envoy, args: &[&str]) -> Outcome {
    let (_folder, rules) = manifests(hash);
    let url = format!("http://{}/", proxy.addr());
    let own = [
        "-f",
        &rules,
        "--host",
        "web",
        "--map",
        "/^v1-/=v1",
        "--map",
        "/^v2-/=v2",
    ];
    run_json(&[&own, args, &[&url]].concat())
}

/// A run that passes, against a proxy that hashes this.
fn passing(hash: &str, hash_policy: &Value, args: &[&str]) -> Report {
    let (_, report) = chance::passes(|| {
        let (proxy, pods) = proxy(hash_policy, "RING_HASH");
        let outcome = judged(hash, &proxy, args);
        ((proxy, pods), outcome)
    });
    let pinning = &report.0["pinning"];
    assert_eq!(pinning["to"], "endpoint", "{:#}", report.0);
    assert_eq!(pinning["flips"], 0);
    assert_eq!(pinning["stickiness"]["outcome"], "pass");
    assert_eq!(pinning["endpoints"], json!([3, 3]));
    assert_eq!(report.0["verdict"]["unit"], "response");
    let schema = serde_json::from_str(include_str!("../src/report/report.schema.json"));
    let schema = jsonschema::validator_for(&schema.expect("JSON")).expect("a schema");
    let errors: Vec<String> = schema
        .iter_errors(&report.0)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    report
}

const USERS: [&str; 4] = ["--vary", "user=uuid", "-H", "x-user: {{user}}"];

#[test]
fn a_header_ties_users_to_a_pod_of_each_version() {
    let policy = json!({ "header": { "header_name": "x-user" } });
    let report = passing("{httpHeaderName: x-user}", &policy, &USERS);
    assert_eq!(report.0["pinning"]["key"], "header `x-user`");
    let reason = report.0["verdict"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("keys stay with their endpoint"), "{reason}");
}

#[test]
fn a_cookie_that_the_proxy_sets_ties_sessions_to_a_pod() {
    let policy = json!({ "cookie": { "name": "session", "ttl": "3600s" } });
    let hash = "{httpCookie: {name: session, ttl: 3600s}}";
    let report = passing(hash, &policy, &["--sessions", "300"]);
    assert_eq!(report.0["pinning"]["key"], "user");
    assert_eq!(report.0["pinning"]["keys"], 300);
}

#[test]
fn the_address_that_a_trusted_proxy_names_is_a_key() {
    let policy = json!({ "connection_properties": { "source_ip": true } });
    let args = ["--vary", "n=1..200", "-H", "x-forwarded-for: 10.1.2.{{n}}"];
    let report = passing("{useSourceIp: true}", &policy, &args);
    assert_eq!(report.0["pinning"]["key"], "source address");
    assert_eq!(report.0["pinning"]["keys"], 200);
}

#[test]
fn pods_in_turn_whatever_the_key_are_not_sticky() {
    let policy = json!({ "header": { "header_name": "x-user" } });
    let (proxy, _pods) = proxy(&policy, "ROUND_ROBIN");
    let report = judged("{httpHeaderName: x-user}", &proxy, &USERS)
        .exits(1)
        .report();
    let pinning = &report.0["pinning"];
    assert_eq!(pinning["stickiness"]["outcome"], "diverged");
    assert!(pinning["flips"].as_u64() > Some(50), "{pinning:#}");
}

#[test]
fn few_requests_leave_it_open_and_so_do_names_of_versions() {
    let policy = json!({ "header": { "header_name": "x-user" } });
    let (proxy, _pods) = proxy(&policy, "RING_HASH");
    let hash = "{httpHeaderName: x-user}";
    let two = ["--vary", "user=1..2", "-H", "x-user: {{user}}", "-n", "100"];
    let report = judged(hash, &proxy, &two).exits(3).report();
    let reason = &report.0["pinning"]["stickiness"]["reason"];
    assert!(
        reason.as_str().is_some_and(
            |reason| reason.contains("it takes 459") || reason.contains("no two endpoints")
        ),
        "{reason}"
    );
    // The version alone names no pod.
    let versions = [&USERS[..], &["--bucket", "regex:v[12]"]].concat();
    let report = judged(hash, &proxy, &versions).exits(3).report();
    let reason = report.0["pinning"]["stickiness"]["reason"].to_string();
    assert!(reason.contains("no two endpoints"), "{reason}");
    // Where what is hashed does not vary nothing is asked of it.
    let other = ["--vary", "n=seq", "-H", "x-n: {{n}}", "-n", "200"];
    let report = judged(hash, &proxy, &other).report();
    assert!(report.0["pinning"].is_null());
}
