//! A rule that is reached at one port or gateway is not dead at another.

use std::fs;

use crate::support::cmd::{Outcome, run};

/// Runs lint on manifests.
fn lint(manifests: &str, options: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, manifests).expect("writable");
    run(&[&["lint", "-f", path.to_str().expect("a path")], options].concat())
}

const GATEWAYS: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gw }
spec:
  selector: { istio: ingressgateway }
  servers:
  - { port: { number: 80, name: http, protocol: HTTP }, hosts: [ shop.example.com ] }
  - { port: { number: 8080, name: http-alt, protocol: HTTP }, hosts: [ shop.example.com ] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: inner }
spec:
  selector: { istio: inner }
  servers: [ { port: { number: 80, name: http, protocol: HTTP }, hosts: [ shop.example.com ] } ]
---
";

/// One destination for what `first` takes, and a split behind it for what `second` takes.
fn rules(gateways: &str, first: &str, second: &str) -> String {
    let route = |host: &str, weight: u32| {
        format!("{{ destination: {{ host: {host}, port: {{ number: 80 }} }}, weight: {weight} }}")
    };
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{ name: shop }}\nspec:\n  hosts: [ shop.example.com ]\n  \
         gateways: [ {gateways} ]\n  http:\n  - {first}\n    route: [ {} ]\n  - {second}\n    route: [ {}, {} ]\n",
        route("shop", 100),
        route("shop-a", 90),
        route("shop-b", 10),
    )
}

#[test]
fn k2_a_rule_for_another_port_or_gateway_is_not_dead() {
    for (gateways, first, second) in [
        ("gw", "match: [ { port: 80 } ]", "match: [ { port: 8080 } ]"),
        ("gw", "match: [ { port: 80 } ]", "name: rest"),
        (
            "gw, inner",
            "match: [ { gateways: [ gw ] } ]",
            "match: [ { gateways: [ inner ] } ]",
        ),
        ("gw, inner", "match: [ { gateways: [ gw ] } ]", "name: rest"),
        ("gw, mesh", "match: [ { gateways: [ gw ] } ]", "name: rest"),
        (
            "mesh",
            "match: [ { sourceNamespace: default } ]",
            "name: rest",
        ),
    ] {
        let text = rules(gateways, first, second);
        for manifests in [text.clone(), format!("{GATEWAYS}{text}")] {
            let found = lint(&manifests, &[]);
            assert!(
                !found.stdout.contains("RS015"),
                "{first} / {second}: {}",
                found.stdout
            );
        }
    }
    // Also where the port is known, because a URL says it: there it is a rule for others.
    let text = format!(
        "{GATEWAYS}{}",
        rules("gw", "match: [ { port: 80 } ]", "match: [ { port: 8080 } ]")
    );
    let found = lint(
        &text,
        &["--gateway", "default/gw", "http://shop.example.com/"],
    );
    assert!(!found.stdout.contains("RS015"), "{}", found.stdout);
    // What really takes everything still does, at each port.
    for (gateways, first, second) in [
        (
            "gw",
            "match: [ { uri: { prefix: / } } ]",
            "match: [ { port: 8080 } ]",
        ),
        (
            "gw",
            "match: [ { port: 80 } ]",
            "match: [ { port: 80, uri: { prefix: /x } } ]",
        ),
        (
            "gw, inner",
            "name: all",
            "match: [ { gateways: [ inner ] } ]",
        ),
    ] {
        let found = lint(
            &format!("{GATEWAYS}{}", rules(gateways, first, second)),
            &[],
        )
        .exits(1);
        assert!(
            found.stdout.contains("RS015"),
            "{first} / {second}: {}",
            found.stdout
        );
    }
}

#[test]
fn k6_the_help_of_a_dead_rule_is_about_its_cause() {
    let text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: hello }\nspec:\n  hosts: [ hello ]\n  http:\n  \
                - route: [ { destination: { host: hello, subset: v1 }, weight: 90 } ]\n  \
                - route: [ { destination: { host: hello, subset: v2 }, weight: 10 } ]\n";
    let found = lint(text, &[]);
    assert!(
        found
            .stdout
            .contains("move the destination of `http[1]` under the `route:` of `http[0]`"),
        "{}",
        found.stdout
    );
}
