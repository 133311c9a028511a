//! Weights of other dialects through the binary: those that are not read are named, and what is not known is no port.

use std::fs;

use crate::support::cmd::{Outcome, run};

/// Runs a command on one manifest.
fn on(manifest: &str, args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, manifest).expect("writable");
    let path = path.to_str().expect("a path");
    run(&[args, &["-f", path]].concat())
}

/// An Ingress of `shop`.
fn ingress(name: &str, annotations: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n  namespace: shop\n  annotations: \
         {{{annotations}}}\nspec:\n  rules:\n  - host: shop.example.com\n    http:\n      paths:\n      - {{path: /, pathType: \
         Prefix, backend: {{service: {{name: {name}, port: {{number: 80}}}}}}}}\n"
    )
}

/// Unknown weights had the name of a rule about ports.
#[test]
fn f8_a_canary_without_a_main_ingress_is_not_about_ports() {
    let canary = "nginx.ingress.kubernetes.io/canary: 'true', nginx.ingress.kubernetes.io/canary-weight: '20'";
    let flagger = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: web}\nspec: {targetRef: {name: web}}\n";
    for manifest in [ingress("web-canary", canary), flagger.to_owned()] {
        let found = on(&manifest, &["lint"]);
        assert!(
            found.stdout.contains("RS034 not_judged"),
            "{}{}",
            found.stdout,
            found.stderr
        );
        assert!(!found.stdout.contains("RS005"), "{}", found.stdout);
    }
}

#[test]
fn f9_a_canary_weight_without_the_flag_has_no_effect() {
    let manifest = ingress("web", "nginx.ingress.kubernetes.io/canary-weight: '20'");
    let told = on(&manifest, &["explain", "http://shop.example.com/"]).exits(2);
    assert!(
        told.stderr
            .contains("`canary-weight` has no effect without"),
        "{}",
        told.stderr
    );
}

#[test]
fn f11_weights_that_are_not_read_are_named() {
    let route = |kind: &str, rest: &str| {
        format!(
            "apiVersion: example.com/v1\nkind: {kind}\nmetadata: {{name: a, namespace: shop}}\nspec: {rest}\n"
        )
    };
    let alb = "alb.ingress.kubernetes.io/actions.web: '{\"forwardConfig\":{\"targetGroups\":[{\"serviceName\":\"web\",\"weight\":90},\
               {\"serviceName\":\"next\",\"weight\":10}]}}'";
    for (manifest, said) in [
        (
            route(
                "TCPRoute",
                "{rules: [{backendRefs: [{name: a, weight: 90}, {name: b, weight: 10}]}]}",
            ),
            "TCPRoute shop/a is not read: its weights 90/10 are not judged",
        ),
        (
            route("Service", "{traffic: [{percent: 90}, {percent: 10}]}"),
            "Service shop/a is not read: its weights 90/10 are not judged",
        ),
        (
            route("Mapping", "{service: v2, weight: 10}"),
            "Mapping shop/a is not read: its weight 10 is not judged",
        ),
        (
            ingress("web", alb),
            "is not read: its weights 90/10 are not judged",
        ),
    ] {
        let told = on(&manifest, &["explain", "http://shop.example.com/"]).exits(2);
        assert!(told.stderr.contains(said), "{}", told.stderr);
        let found = on(&manifest, &["lint"]);
        assert!(found.stdout.contains(said), "{}", found.stdout);
    }
}
