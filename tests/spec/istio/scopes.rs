//! `Sidecar` resources: what a client imports.

use super::{mesh, object, to};

fn sidecar(name: &str, spec: &str) -> String {
    object("Sidecar", name, spec)
}

fn rules() -> String {
    to("prod/web", "web", "near") + &to("other/api", "api", "far")
}

fn both(text: &str) -> [Result<String, String>; 2] {
    ["http://web.prod/", "http://api.other/"].map(|url| {
        let met = mesh(text).labels("client", "app", "shop").get(url);
        met.map(|met| met.shares())
    })
}

/// "egress hosts can hide VS (`ns/host`, `*/host`, `./*`, `~/*`)."
#[test]
fn egress_hosts_decide_which_rules_a_client_sees() {
    for (hosts, web, api) in [
        ("'*/*'", true, true),
        ("'prod/*'", true, false),
        ("'*/api.other.svc.cluster.local'", false, true),
        ("'./*'", false, false),
        ("'~/*'", false, false),
        ("'*/*', '~/web.prod.svc.cluster.local'", false, true),
        ("'other/*.prod.svc.cluster.local'", false, false),
    ] {
        let text = rules()
            + &sidecar(
                "client/default",
                &format!("{{egress: [{{hosts: [{hosts}]}}]}}"),
            );
        let seen = both(&text).map(|met| met.is_ok());
        assert_eq!(seen, [web, api], "{hosts}");
    }
    let text = rules() + &sidecar("client/default", "{egress: [{hosts: ['./*']}]}");
    let error = both(&text)[0].clone().expect_err("hidden");
    assert!(
        error.contains("is hidden by Sidecar client/default"),
        "{error}"
    );
}

/// "the most specific Sidecar: workloadSelector matching the client's labels, else namespace-wide, else root namespace."
#[test]
fn the_most_specific_sidecar_applies() {
    let egress = |hosts: &str| format!("egress: [{{hosts: ['{hosts}']}}]");
    let own = sidecar(
        "client/own",
        &format!(
            "{{workloadSelector: {{labels: {{app: shop}}}}, {}}}",
            egress("*/*")
        ),
    );
    let wide = sidecar("client/wide", &format!("{{{}}}", egress("prod/*")));
    let root = sidecar("istio-system/root", &format!("{{{}}}", egress("other/*")));
    let seen = |text: String| both(&text).map(|met| met.is_ok());
    assert_eq!(seen(rules() + &root), [false, true]);
    assert_eq!(seen(rules() + &root + &wide), [true, false]);
    assert_eq!(seen(rules() + &root + &wide + &own), [true, true]);
    let text = rules() + &wide + &own;
    let met = mesh(&text)
        .namespace("client")
        .get("http://web.prod/")
        .expect("a host");
    assert!(met.has("sidecar-scope"), "labels are not known: {met:?}");
}

/// "port" of an egress listener limits it; `bind` and `captureMode` are said not to be judged.
#[test]
fn a_listener_for_a_port_is_the_only_one_for_that_port() {
    let spec = "{egress: [{port: {number: 80, protocol: HTTP, name: http}, hosts: ['prod/*'], captureMode: NONE}, {hosts: ['*/*']}]}";
    let text = rules() + &sidecar("client/default", spec);
    assert_eq!(both(&text).map(|met| met.is_ok()), [true, false]);
    let met = mesh(&text)
        .namespace("client")
        .get("http://web.prod/")
        .expect("a host");
    assert!(met.has("sidecar-scope"), "{met:?}");
    let other = mesh(&text)
        .namespace("client")
        .get("http://api.other:8080/")
        .expect("the other listener");
    assert_eq!(other.shares(), "1/1 far");
}
