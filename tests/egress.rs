//! `outboundTrafficPolicy`: what becomes of a host that nobody registers, in `explain`, `lint` and a run.

use std::fs;

use serde_json::Value;

use crate::support::cmd::{Outcome, run, run_json};
use crate::support::mesh::Mesh;

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
";

/// The default Sidecar of the namespace.
fn sidecar(spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: default, namespace: default}}\nspec: {spec}\n---\n"
    )
}

/// The mesh config in its `ConfigMap`.
fn mesh(name: &str, config: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\ndata:\n  meshNetworks: 'networks: {{}}'\n  mesh: |-\n    accessLogFile: /dev/stdout\n    rootNamespace: istio-system\n    {config}\n---\n"
    )
}

fn operator(config: &str) -> String {
    format!(
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {{name: own, namespace: istio-system}}\nspec: {{meshConfig: {{{config}}}}}\n---\n"
    )
}

const REGISTRY_ONLY: &str = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";
const ALLOW_ANY: &str = "outboundTrafficPolicy: {mode: ALLOW_ANY}";

/// Runs a command on manifests.
fn on(manifests: &str, args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, format!("{SERVICE}{manifests}")).expect("writable");
    run(&[args, &["-f", path.to_str().expect("a path")]].concat())
}

/// What `explain` says of a request: the targets that are expected, if any, and all notes.
fn explained(manifests: &str, args: &[&str]) -> (Option<String>, String) {
    let outcome = on(manifests, &[&["explain", "-o", "json"], args].concat()).exits(0);
    let report = outcome.report().0;
    assert_eq!(report["route"], Value::Null);
    let shares = report["expected"]["shares"].as_array();
    let targets = shares.map(|shares| {
        let names = shares.iter().filter_map(|share| share["target"].as_str());
        names.collect::<Vec<_>>().join(",")
    });
    let caveats = report["caveats"].as_array().expect("a list");
    let notes = caveats.iter().map(Value::to_string).collect();
    (targets, notes)
}

#[test]
fn the_policy_of_the_sidecar_counts_before_that_of_the_mesh() {
    let unknown = "http://payments.example.com:9080/";
    let sidecar_only = sidecar(&format!("{{{REGISTRY_ONLY}}}"));
    let by_sidecar = "REGISTRY_ONLY` of Sidecar default/default";
    let by_mesh = "REGISTRY_ONLY` of ConfigMap istio-system/istio";
    for (manifests, answered, words) in [
        (sidecar_only.clone(), true, by_sidecar),
        // A policy without a mode has the first one.
        (sidecar("{outboundTrafficPolicy: {}}"), true, by_sidecar),
        (mesh("istio", REGISTRY_ONLY), true, by_mesh),
        (
            mesh("istio-1-24", REGISTRY_ONLY),
            true,
            "REGISTRY_ONLY` of ConfigMap istio-system/istio-1-24",
        ),
        (
            operator(REGISTRY_ONLY),
            true,
            "REGISTRY_ONLY` of IstioOperator istio-system/own",
        ),
        (
            mesh("istio", REGISTRY_ONLY) + &sidecar("{egress: [{hosts: ['*/*']}]}"),
            true,
            by_mesh,
        ),
        (
            mesh("istio", ALLOW_ANY) + &operator(REGISTRY_ONLY),
            false,
            "passes the connection through",
        ),
        (
            mesh("istio", REGISTRY_ONLY) + &sidecar(&format!("{{{ALLOW_ANY}}}")),
            false,
            "passes the connection through",
        ),
        // A ConfigMap of another name is not the mesh config.
        (
            mesh("other", REGISTRY_ONLY),
            false,
            "passes the connection through",
        ),
        (
            mesh("istio", "trustDomain: a"),
            false,
            "passes the connection through",
        ),
        (String::new(), false, "passes the connection through"),
        (
            sidecar(
                "{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: out.istio-system.svc.cluster.local}}}",
            ),
            false,
            "`egressProxy` `out.istio-system.svc.cluster.local`",
        ),
    ] {
        let (targets, notes) = explained(&manifests, &[unknown]);
        let expected = answered.then(|| "status 502".to_owned());
        assert_eq!(targets, expected, "{manifests}\n{notes}");
        assert!(notes.contains(words), "{words}\n{manifests}\n{notes}");
    }
    // The proxy of a node knows no policy.
    let (targets, notes) = explained(&sidecar_only, &["--waypoint", unknown]);
    assert_eq!(targets, None, "{notes}");
}

#[test]
fn what_the_proxy_does_not_read_is_closed_under_registry_only() {
    let policy = sidecar(&format!("{{{REGISTRY_ONLY}}}"));
    for (url, words) in [
        ("http://payments.example.com/", "port 80 for HTTP"),
        ("http://reviews:9081/", "has no port 9081 (it has 9080)"),
        ("https://reviews:9080/", "sealed by its client"),
    ] {
        let (targets, notes) = explained(&policy, &[url]);
        assert_eq!(targets, None, "{url}: {notes}");
        assert!(notes.contains(words), "{url}: {notes}");
        assert!(notes.contains("BlackHoleCluster"), "{url}: {notes}");
        assert!(!notes.contains("passes the connection"), "{url}: {notes}");
    }
    let (targets, _) = explained(&policy, &["http://reviews:9080/"]);
    assert_eq!(targets.as_deref(), Some("reviews"));
}

#[test]
fn a_service_that_the_sidecar_hides_is_told_what_to_import() {
    let scope = format!(
        "{{{REGISTRY_ONLY}, egress: [{{hosts: ['./ratings.default.svc.cluster.local']}}]}}"
    );
    let ratings = SERVICE.replace("reviews", "ratings");
    let manifests = sidecar(&scope) + &ratings;
    let (targets, notes) = explained(&manifests, &["http://reviews:9080/"]);
    assert_eq!(targets.as_deref(), Some("status 502"), "{notes}");
    for words in [
        "Service default/reviews is hidden by Sidecar default/default",
        "add `./reviews.default.svc.cluster.local` to the `hosts` of `egress` in Sidecar default/default",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    let found = on(&manifests, &["lint", "http://reviews:9080/"]).exits(1);
    assert!(
        found.stdout.contains("to the `hosts` of `egress`"),
        "{}",
        found.stdout
    );
}

#[test]
fn rules_of_other_hosts_are_not_why_a_host_has_none() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews, namespace: default}\nspec: \
                {hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}\n---\n";
    let (_, notes) = explained(rule, &["http://payments.example.com/"]);
    assert!(
        notes.contains("no rule routes the host `payments.example.com`, and those for other hosts do not apply from here"),
        "{notes}"
    );
    assert!(!notes.contains("dial port 9080"), "{notes}");
    let policy = sidecar(&format!("{{{REGISTRY_ONLY}}}"));
    let found = on(
        &format!("{policy}{rule}"),
        &["lint", "http://payments.example.com:9080/"],
    )
    .exits(1);
    assert!(
        found.stdout.contains("answered with 502"),
        "{}",
        found.stdout
    );
}

#[test]
fn what_of_a_mesh_config_changes_routes_and_is_not_read_is_named() {
    let found = on(&mesh("istio", "defaultServiceExportTo: ['.']"), &["lint"]);
    assert!(
        found
            .stdout
            .contains("`defaultServiceExportTo`, which is not read"),
        "{}",
        found.stdout
    );
    let usual = "defaultServiceExportTo: ['*']\n    pathNormalization: {normalization: BASE}";
    let found = on(&mesh("istio", usual), &["lint"]).exits(0);
    assert!(!found.stdout.contains("not read"), "{}", found.stdout);
    for broken in [
        "outboundTrafficPolicy: {mode: REGISTRY}",
        "outboundTrafficPolicy: [",
    ] {
        let found = on(&mesh("istio", broken), &["lint"]).exits(1);
        assert!(
            found
                .stdout
                .contains("in the text of `mesh` in ConfigMap istio-system/istio"),
            "{}",
            found.stdout
        );
    }
}

#[test]
fn a_run_judges_that_an_unknown_host_is_kept_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, format!("{SERVICE}{}", mesh("istio", REGISTRY_ONLY))).expect("writable");
    let path = path.to_str().expect("a path");
    let sent = |mesh: &Mesh, host: &str| {
        let url = mesh.url("/");
        run_json(&["-n", "40", "-f", path, "--host", host, &url])
    };
    let kept_in = Mesh::split([("out", 1)])
        .status("out", 502)
        .says("")
        .start();
    let outcome = sent(&kept_in, "payments.example.com:9080").exits(0);
    assert_eq!(outcome.report().text("/verdict/outcome"), "pass");
    assert_eq!(
        outcome.report().text("/expected/shares/0/target"),
        "status 502"
    );
    assert!(
        outcome.stdout.contains("REGISTRY_ONLY"),
        "{}",
        outcome.stdout
    );
    let passes = Mesh::split([("out", 1)]).start();
    let outcome = sent(&passes, "payments.example.com:9080").exits(1);
    assert_eq!(outcome.report().text("/verdict/outcome"), "diverged");
}
