//! The Gateway API through the binary, each test with the sentence of the specification that it holds resplit to.

mod connections;
mod hostnames;
mod implementer;
mod listener_sets;
mod references;
mod status;

use std::fs;

use serde_json::Value;

use crate::support::cmd::{Outcome, Report, run};

/// Two Services of namespace `shop`.
const SERVICES: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-v2, namespace: shop}
spec: {selector: {app: web-v2}, ports: [{name: http, port: 80}]}
";

/// Runs a command on texts that are one file together.
fn on(texts: &[&str], args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, texts.join("\n---\n")).expect("writable");
    let path = path.to_str().expect("a path");
    run(&[args, &["-f", path]].concat())
}

/// An object of the Gateway API in namespace `shop`.
fn object(kind: &str, metadata: &str, spec: &str) -> String {
    let version = "gateway.networking.k8s.io/v1";
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{namespace: shop, {metadata}}}\nspec: {spec}\n"
    )
}

/// A split of 90/10 as the rules of an HTTPRoute.
const SPLIT: &str = "rules: [{backendRefs: [{name: web, port: 80, weight: 90}, {name: web-v2, port: 80, weight: 10}]}]";

/// What explain says of a request, as JSON.
fn explained(texts: &[&str], args: &[&str]) -> Report {
    on(texts, &[&["explain", "-o", "json"], args].concat())
        .exits(0)
        .report()
}

/// `target ratio` of what explain expects, in its order.
fn shares(texts: &[&str], args: &[&str]) -> Vec<String> {
    let report = explained(texts, args).0;
    let shares = report["expected"]["shares"].as_array();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let row = |one: &Value| format!("{} {}", text(&one["target"]), text(&one["ratio"]));
    shares.expect("shares").iter().map(row).collect()
}

/// Severity and fact of what lint finds under a rule.
fn found(texts: &[&str], rule: &str) -> Vec<(String, String)> {
    let outcome = on(texts, &["lint", "-o", "json"]);
    let report = outcome.report().0;
    let findings = report["findings"].as_array().expect("a list").iter();
    let own = findings.filter(|one| one["rule"] == rule);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    own.map(|one| (text(&one["severity"]), text(&one["message"])))
        .collect()
}
