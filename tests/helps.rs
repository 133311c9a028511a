//! The next step belongs to the cause, not to the rule that found it.

use std::fs;

use crate::support::cmd::{Outcome, run};

/// Runs a command on manifests.
fn on(manifests: &str, args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, manifests).expect("writable");
    run(&[args, &["-f", path.to_str().expect("a path")]].concat())
}

const STOCK: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: stock, namespace: prod }
spec:
  hosts: [ stock ]
  http:
  - route:
    - { destination: { host: stock, subset: v1 }, weight: 90 }
    - { destination: { host: stock, subset: v2 }, weight: 10 }
---
apiVersion: v1
kind: Service
metadata: { name: stock, namespace: prod }
spec: { selector: { app: stock }, ports: [ { name: http, port: 80 } ] }
---
";

#[test]
fn k6_a_sidecar_is_told_what_to_import() {
    let sidecar = |namespace: &str| {
        format!(
            "{STOCK}apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{ name: web, namespace: {namespace} }}\nspec: {{ \
             egress: [ {{ hosts: [ './other.prod.svc.cluster.local' ] }} ] }}\n"
        )
    };
    for (namespace, import) in [
        (
            "prod",
            "add `./stock.prod.svc.cluster.local` to the `hosts` of `egress` in Sidecar prod/web",
        ),
        (
            "web",
            "add `prod/stock.prod.svc.cluster.local` to the `hosts` of `egress` in Sidecar web/web",
        ),
    ] {
        let from = ["--from-namespace", namespace, "http://stock.prod/"];
        for command in ["lint", "explain"] {
            let outcome = on(&sidecar(namespace), &[&[command], &from[..]].concat());
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(said.contains(import), "{command}: {said}");
            assert!(
                !said.contains("exportTo") && !said.contains("name the file"),
                "{command}: {said}"
            );
        }
    }
}

#[test]
fn k6_a_rule_that_is_not_exported_is_told_where_to() {
    let private = STOCK.replace(
        "  hosts: [ stock ]",
        "  exportTo: [ '.' ]\n  hosts: [ stock ]",
    );
    let outcome = on(
        &private,
        &["explain", "--from-namespace", "web", "http://stock.prod/"],
    )
    .exits(0);
    let help = "help: export it to the namespace of the client: add `web` to its `exportTo`";
    assert!(outcome.stdout.contains(help), "{outcome:#?}");
}

#[test]
fn k6_a_gateway_that_passes_tls_through_is_told_to_end_it() {
    let gateway = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gw, namespace: prod }
spec:
  selector: { istio: ingressgateway }
  servers:
  - { port: { number: 443, name: https, protocol: HTTPS }, tls: { mode: PASSTHROUGH }, hosts: [ shop.example.com ] }
---
";
    let rules = STOCK.replace(
        "  hosts: [ stock ]",
        "  gateways: [ gw ]\n  hosts: [ shop.example.com ]",
    );
    let outcome = on(&format!("{gateway}{rules}"), &["lint"]).exits(1);
    assert!(
        outcome.stdout.contains("RS035") && outcome.stdout.contains("`tls` routes with `sniHosts`"),
        "{}",
        outcome.stdout
    );
    assert!(
        !outcome.stdout.contains("list the host in a server"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn k6_an_application_that_speaks_tls_is_not_told_to_rename_its_port() {
    for name in ["https", "tls-web"] {
        let manifests = STOCK.replace("name: http, port: 80", &format!("name: {name}, port: 443"));
        let outcome = on(&manifests, &["lint", "http://stock.prod:443/"]);
        let said = &outcome.stdout;
        assert!(
            said.contains("RS005") && said.contains("originate TLS"),
            "{name}: {said}"
        );
        assert!(!said.contains("name it http-"), "{name}: {said}");
    }
}

#[test]
fn k6_the_help_of_a_bare_value_can_be_pasted() {
    for (value, pasted) in [
        ("\"true\"", "{exact: \"true\"}"),
        ("plain", "{exact: plain}"),
        ("\"1\"", "{exact: \"1\"}"),
    ] {
        let manifests = STOCK.replace(
            "  - route:",
            &format!("  - match: [ {{ headers: {{ x-canary: {value} }} }} ]\n    route:"),
        );
        let outcome = on(&manifests, &["lint"]).exits(1);
        assert!(
            outcome
                .stdout
                .contains(&format!("write `x-canary: {pasted}`")),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn k6_two_documents_without_a_line_between_are_two_documents() {
    let outcome = on(&STOCK.replacen("---\n", "", 1), &["lint"]).exits(1);
    assert!(
        outcome.stdout.contains("put `---` between")
            || outcome.stdout.contains("need `---` between"),
        "{}",
        outcome.stdout
    );
}

/// argo-rollouts#3317: a Rollout beside the rule that it writes.
#[test]
fn k7_a_controller_that_hands_over_is_no_reason() {
    let rollout = "
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: stock, namespace: prod }
spec:
  strategy:
    canary:
      canaryService: stock-canary
      stableService: stock
      trafficRouting: { istio: { virtualService: { name: stock } } }
      steps: [ { setWeight: 10 } ]
";
    let bound = STOCK.replace(
        "  hosts: [ stock ]",
        "  gateways: [ gw ]\n  hosts: [ stock ]",
    );
    let outcome = on(
        &format!("{bound}{rollout}"),
        &["explain", "http://stock.prod/"],
    )
    .exits(0);
    for part in [
        "is bound to gateway prod/gw only",
        "add `mesh` to its `gateways`",
    ] {
        assert!(outcome.stdout.contains(part), "{outcome:#?}");
    }
    assert!(!outcome.stdout.contains("leaves the split"), "{outcome:#?}");
}

#[test]
fn k10_a_match_that_does_not_compile_takes_no_other_requests() {
    let manifests = STOCK.replace(
        "  - route:",
        "  - match: [ { headers: { user-agent: { regex: '(?!x)y' } } } ]\n    route: [ { destination: { host: stock } } ]\n  - route:",
    );
    let outcome = on(&manifests, &["lint"]).exits(1);
    assert!(outcome.stdout.contains("bad_regex"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("RS015"), "{}", outcome.stdout);
}

#[test]
fn k10_what_slows_all_requests_down_is_said_so() {
    let delay = |percent: u32| {
        let fault = format!(
            "  - fault: {{ delay: {{ percentage: {{ value: {percent} }}, fixedDelay: 1s }} }}\n    route:"
        );
        on(&STOCK.replace("  - route:", &fault), &["lint"]).stdout
    };
    assert!(
        delay(100).contains("slows all requests of this route down"),
        "{}",
        delay(100)
    );
    assert!(
        delay(10).contains("slows a part of the requests down"),
        "{}",
        delay(10)
    );
}

#[test]
fn k10_a_gateway_that_goes_through_a_waypoint_is_not_said_to_bypass_it() {
    let gateway = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: edge, namespace: prod }
spec:
  gateways: [ gw ]
  hosts: [ shop.example.com ]
  http: [ { route: [ { destination: { host: stock } } ] } ]
";
    let labelled = STOCK.replace(
        "metadata: { name: stock, namespace: prod }\nspec: { selector",
        "metadata: { name: stock, namespace: prod, labels: { istio.io/ingress-use-waypoint: \"true\" } }\nspec: { selector",
    );
    assert_ne!(labelled, STOCK);
    let plain = on(&format!("{STOCK}{gateway}"), &["lint"]).stdout;
    assert!(plain.contains("RS008"), "{plain}");
    let through = on(&format!("{labelled}{gateway}"), &["lint"]).stdout;
    assert!(!through.contains("RS008"), "{through}");
}
