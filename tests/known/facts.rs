//! Facts come before guesses, and the guess that lists them is left out.

use std::fs;

use super::{Case, NO_SIDECAR, ids, says};
use crate::support::cmd::{run, run_json};

/// Half and half, whatever is declared.
fn even(k: u64) -> super::Says {
    says(if k.is_multiple_of(2) { "v1" } else { "v2" })
}

#[test]
fn k3_the_cause_that_is_known_stands_alone() {
    let tcp = NO_SIDECAR.replace("{ name: http, port: 80 }", "{ name: tcp-web, port: 80 }");
    let entry = NO_SIDECAR
        .replace("apiVersion: v1\nkind: Service", "apiVersion: networking.istio.io/v1\nkind: ServiceEntry")
        .replace(
            "spec: { selector: { app: web }, ports: [ { name: http, port: 80 } ] }",
            "spec: { hosts: [ web.default.svc.cluster.local ], ports: [ { number: 80, name: http, protocol: TCP } ] }",
        );
    assert_ne!(entry, NO_SIDECAR);
    for (manifests, options, rule) in [
        (&tcp, &[][..], "RS005"),
        (&entry, &[][..], "RS005"),
        (
            &NO_SIDECAR.to_owned(),
            &["--from-labels", "app=nginx"][..],
            "RS024",
        ),
        (
            &NO_SIDECAR.to_owned(),
            &["--from-labels", "sidecar.istio.io/inject=false"][..],
            "RS024",
        ),
    ] {
        let case = Case::new(manifests, even);
        let report = case.json(options, 1);
        let why = ids(&report, "diagnosis");
        let guess = |id: &&str| ["even-split", "per-connection", "by-replicas"].contains(id);
        assert!(
            why[0] == rule && !why.iter().any(guess),
            "{options:?}: {why:?}"
        );
        let args = case.args();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let line = run(&[&["-o", "oneline"], options, &args].concat()).exits(1);
        let message = report.text("/verdict/diagnosis/0/message").to_owned();
        assert!(
            line.stdout.contains(&format!("why: {message}")),
            "{line:#?}"
        );
    }
}

/// What Istio before 1.3 does with a port whose name says nothing is a fact; what later ones do depends on the bytes.
#[test]
fn what_an_old_proxy_takes_for_tcp_stands_alone() {
    let unnamed = NO_SIDECAR.replace("{ name: http, port: 80 }", "{ port: 80 }");
    let named = NO_SIDECAR.replace("{ name: http, port: 80 }", "{ name: backend, port: 80 }");
    for manifests in [&unnamed, &named] {
        assert_ne!(manifests, NO_SIDECAR);
        let case = Case::new(manifests, even);
        let old = case.json(&["--istio-version", "1.2"], 1);
        assert_eq!(ids(&old, "diagnosis"), ["RS006"], "{:#}", old.0);
        let why = old.text("/verdict/diagnosis/0/message");
        assert!(why.contains("Istio before 1.3 treats it as TCP"), "{why}");
        let new = case.json(&[], 1);
        assert_eq!(
            ids(&new, "diagnosis"),
            ["even-split", "RS006"],
            "{:#}",
            new.0
        );
        // A saved report says the same.
        let path = case.folder.path().join("old.json");
        fs::write(&path, old.0.to_string()).expect("writable");
        let again = run(&["report", "-o", "json", path.to_str().expect("a path")]).exits(1);
        assert_eq!(ids(&again.report(), "diagnosis"), ["RS006"]);
    }
}

/// Subsets that select the same pods spread the requests by themselves.
#[test]
fn subsets_that_overlap_explain_an_even_split() {
    let subsets = NO_SIDECAR
        .replace("version: v1 }", "app: web }")
        .replace("version: v2 }", "app: web }");
    assert_ne!(subsets, NO_SIDECAR);
    let pods = "
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  template:
    metadata: { labels: { app: web } }
";
    let case = Case::new(&format!("{subsets}{pods}"), even);
    let report = case.json(&["--map", "v1=v1", "--map", "v2=v2"], 1);
    let why = ids(&report, "diagnosis");
    assert_eq!(why, ["RS019"], "{:#}", report.0);
}

/// A hash of what all requests have alike sends all of them to one target.
#[test]
fn a_hash_of_the_request_explains_a_single_target() {
    let route = r#"{ "configs": [ { "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [ { "route_config": {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "80", "virtual_hosts": [ {
        "name": "web.default.svc.cluster.local:80", "domains": [ "web" ],
        "routes": [ { "match": { "prefix": "/" }, "route": {
          "hash_policy": [ { "header": { "header_name": "x-user" } } ],
          "weighted_clusters": { "use_hash_policy": true, "clusters": [
            { "name": "outbound|80|v1|web.default.svc.cluster.local", "weight": 90 },
            { "name": "outbound|80|v2|web.default.svc.cluster.local", "weight": 10 } ] } } } ] } ] } } ] } ] }"#;
    let case = Case::new("", |_| says("v1"));
    let path = case.folder.path().join("dump.json");
    fs::write(&path, route).expect("writable");
    let args = case.args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let dump = ["-f", path.to_str().expect("a path")];
    let own: Vec<&str> = [&args[..2], &dump, &args[4..]].concat();
    let report = run_json(&[&own[..], &["-H", "x-user: a"]].concat())
        .exits(1)
        .report();
    let why = ids(&report, "diagnosis");
    assert_eq!(why.first(), Some(&"RS028"), "{:#}", report.0);
    assert!(!why.contains(&"single-target"), "{why:?}");
}

#[test]
fn l5_what_the_proxy_has_leaves_no_room_for_guesses() {
    let weight = |value: &str, weight: u32| {
        format!(
            r#"{{ "name": "outbound|80|{value}|web.default.svc.cluster.local", "weight": {weight} }}"#
        )
    };
    let dump = format!(
        r#"{{ "configs": [ {{ "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [ {{ "route_config": {{
          "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "80", "virtual_hosts": [ {{
          "name": "web.default.svc.cluster.local:80", "domains": [ "web", "web.default", "web.default.svc", "web.default.svc.cluster.local" ],
          "routes": [ {{ "match": {{ "prefix": "/" }}, "route": {{ "weighted_clusters": {{ "clusters": [ {}, {} ] }} }} }} ] }} ] }} }} ] }} ] }}"#,
        weight("v1", 50),
        weight("v2", 50)
    );
    let case = Case::new(NO_SIDECAR, even);
    let path = case.folder.path().join("dump.json");
    fs::write(&path, dump).expect("writable");
    let dump = ["-f", path.to_str().expect("a path")];
    let report = case.json(&dump, 1);
    assert_eq!(
        ids(&report, "diagnosis"),
        ["programmed-differs"],
        "{:#}",
        report.0
    );
    let why = report.text("/verdict/diagnosis/0/message");
    assert!(
        why.starts_with("traffic follows what the proxy is programmed with"),
        "{why}"
    );
    let again = report.0["verdict"]["caveats"].to_string();
    assert!(!again.contains("programmed"), "{again}");
    // Nothing that could be judged: the fact stands first, and in one line too.
    let errors = Case::new(NO_SIDECAR, |_| (503, Vec::new(), "oops".to_owned()));
    let report = errors.json(&dump, 4);
    assert_eq!(
        ids(&report, "caveats")
            .iter()
            .filter(|id| **id == "programmed-differs")
            .count(),
        1
    );
    let args = errors.args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let line = run(&[&["-o", "oneline"], &dump[..], &args].concat()).exits(4);
    assert!(line.stdout.contains("why: "), "{line:#?}");
}

/// What a proxy has for `web`: everything to the whole Service; and for `gone` no route at all.
const PROXY: &str = r#"{ "configs": [ { "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [ { "route_config": {
    "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "80", "virtual_hosts": [ {
    "name": "web.default.svc.cluster.local:80", "domains": [ "web", "web.default", "web.default.svc", "web.default.svc.cluster.local" ],
    "routes": [ { "match": { "prefix": "/" }, "route": { "cluster": "outbound|80||web.default.svc.cluster.local" } } ] },
    { "name": "gone:80", "domains": [ "gone" ], "routes": [ { "match": { "prefix": "/other" }, "route": { "cluster": "outbound|80||gone.default.svc.cluster.local" } } ] } ] } } ] } ] }"#;

#[test]
fn l3_rules_that_are_not_for_the_request_are_not_replaced_by_a_dump() {
    let bound = NO_SIDECAR.replace("hosts: [ web ]", "hosts: [ web ]\n  gateways: [ gw ]");
    let typo = NO_SIDECAR.replace("hosts: [ web ]", "hosts: [ wbe ]");
    for (manifests, reason, rule) in [
        (bound, "is bound to gateway default/gw only", "RS007"),
        (typo, "no rule routes the host `web`", "RS016"),
    ] {
        let case = Case::new(&manifests, even);
        let path = case.folder.path().join("dump.json");
        fs::write(&path, PROXY).expect("writable");
        let dump = ["-f", path.to_str().expect("a path")];
        let args = case.args();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let outcome = run(&[&dump[..], &args].concat()).exits(2);
        assert!(outcome.stderr.contains(reason), "{outcome:#?}");
        let from = ["--from-labels", "app=nginx"];
        let outcome = run(&[&from[..], &dump, &args].concat()).exits(2);
        assert!(outcome.stderr.contains("get no sidecar"), "{outcome:#?}");
        let rules = case.folder.path().join("in.yaml");
        let rules = ["lint", "-f", rules.to_str().expect("a path"), "http://web/"];
        let found = run(&[&rules[..], &dump].concat()).exits(1);
        assert!(found.stdout.contains(rule), "{found:#?}");
    }
}

#[test]
fn l3_a_dump_without_a_route_declares_no_404() {
    let case = Case::new(NO_SIDECAR, |_| (404, Vec::new(), String::new()));
    let path = case.folder.path().join("dump.json");
    fs::write(&path, PROXY).expect("writable");
    let to = format!(
        "gone:80:{}",
        case.app
            .url()
            .trim_start_matches("http://")
            .trim_end_matches('/')
    );
    let path = path.to_str().expect("a path");
    let outcome = run(&["-f", path, "--connect-to", &to, "http://gone/"]).exits(2);
    assert!(
        outcome.stderr.contains("which declares no split"),
        "{outcome:#?}"
    );
}
