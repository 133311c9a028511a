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

/// A `TrafficSplit` of `shop` between two Services.
fn traffic_split(name: &str, weights: [u32; 2]) -> String {
    format!(
        "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {{name: {name}, namespace: shop}}\nspec: \
         {{service: {name}, backends: [{{service: v1, weight: {}}}, {{service: v2, weight: {}}}]}}\n",
        weights[0], weights[1]
    )
}

/// Names and shares of what is declared.
fn shares(outcome: &Outcome) -> Vec<(String, String)> {
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", outcome.stdout, outcome.stderr));
    let shares = json["expected"]["shares"].as_array().expect("shares");
    let share = |one: &serde_json::Value| {
        let text = |key: &str| one[key].as_str().expect("a text").to_owned();
        (text("target"), text("ratio"))
    };
    shares.iter().map(share).collect()
}

#[test]
fn one_object_of_which_only_the_weights_are_read_declares_with_one_note() {
    let args = ["explain", "http://any.example.com/x"];
    let told = on(&traffic_split("web", [90, 10]), &args).exits(0);
    let note = "weights only: TrafficSplit shop/web is taken to split every request; its service and its `matches` are not \
                judged";
    assert!(
        told.stdout.replace("\n      ", " ").contains(note),
        "{}",
        told.stdout
    );
    let told = on(
        &traffic_split("web", [90, 10]),
        &[&args[..], &["-o", "json"]].concat(),
    );
    let declared = [
        ("v1".to_owned(), "9/10".to_owned()),
        ("v2".to_owned(), "1/10".to_owned()),
    ];
    assert_eq!(shares(&told.exits(0)), declared);
}

#[test]
fn of_several_objects_one_is_chosen_by_name() {
    let both = [
        traffic_split("web", [90, 10]),
        traffic_split("api", [50, 50]),
    ]
    .join("---\n");
    let names = ["TrafficSplit/shop/web", "TrafficSplit/shop/api"];
    // The run is refused before anything is sent.
    let closed = "http://127.0.0.1:9/";
    for command in [
        &["explain", closed][..],
        &["run", closed],
        &["size"],
        &["size", closed],
    ] {
        let told = on(&both, command).exits(2);
        for name in names {
            assert!(told.stderr.contains(name), "{command:?}: {}", told.stderr);
        }
        assert!(
            told.stderr.contains("--object 'TrafficSplit/shop/web'"),
            "{command:?}: {}",
            told.stderr
        );
    }
    for (name, share) in names.into_iter().zip(["9/10", "1/2"]) {
        let args = ["explain", closed, "--object", name, "-o", "json"];
        assert_eq!(shares(&on(&both, &args).exits(0))[0].1, share, "{name}");
    }
    let size = on(&both, &["size", "--object", names[0]]).exits(0);
    assert!(
        size.stdout.contains("TrafficSplit shop/web"),
        "{}",
        size.stdout
    );
    let other = on(
        &both,
        &["explain", closed, "--object", "TrafficSplit/shop/x"],
    )
    .exits(2);
    assert!(
        other
            .stderr
            .contains("the manifests hold no TrafficSplit/shop/x that declares a split")
            && names.iter().all(|name| other.stderr.contains(name)),
        "{}",
        other.stderr
    );
}

#[test]
fn an_object_is_chosen_among_virtual_services_too() {
    let service = |name: &str, weight: u32| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec: {{hosts: [web], http: \
             [{{route: [{{destination: {{host: a}}, weight: {weight}}}, {{destination: {{host: b}}, weight: {}}}]}}]}}\n",
            100 - weight
        )
    };
    let both = [service("first", 80), service("second", 60)].join("---\n");
    let args = [
        "explain",
        "http://web/",
        "-o",
        "json",
        "--object",
        "VirtualService/default/second",
    ];
    assert_eq!(shares(&on(&both, &args).exits(0))[0].1, "3/5");
}

/// A main Ingress and its canary, each changed in one way.
fn pair(main: impl Fn(String) -> String, canary: impl Fn(String) -> String) -> String {
    let key = "nginx.ingress.kubernetes.io/canary";
    let annotations = format!("{key}: 'true', {key}-weight: '20'");
    [
        main(ingress("web", "")),
        canary(ingress("web-v2", &annotations)),
    ]
    .join("---\n")
}

fn same(text: String) -> String {
    text
}

/// What is declared for `http://shop.example.com/`, and that lint has found why.
fn dropped(manifest: &str, why: &str) -> Vec<(String, String)> {
    let found = on(manifest, &["lint"]);
    assert!(
        found.stdout.contains(why),
        "{why}: {}{}",
        found.stdout,
        found.stderr
    );
    let args = ["explain", "http://shop.example.com/", "-o", "json"];
    shares(&on(manifest, &args).exits(0))
}

#[test]
fn f9_a_canary_joins_the_ingress_of_its_host_path_and_class() {
    let split = [
        ("web".to_owned(), "4/5".to_owned()),
        ("web-v2".to_owned(), "1/5".to_owned()),
    ];
    let class = |name: &'static str| {
        move |text: String| text.replace("spec:\n", &format!("spec:\n  ingressClassName: {name}\n"))
    };
    for whole in [
        pair(same, same),
        pair(class("nginx"), class("nginx")),
        pair(class("nginx"), same),
    ] {
        let args = ["explain", "http://shop.example.com/", "-o", "json"];
        assert_eq!(shares(&on(&whole, &args).exits(0)), split, "{whole}");
    }
    let all = [("web".to_owned(), "1/1".to_owned())];
    let other_type =
        |text: String| text.replace("pathType: Prefix", "pathType: ImplementationSpecific");
    let other_path = |text: String| text.replace("path: /,", "path: /api,");
    let other_host = |text: String| text.replace("shop.example.com", "next.example.com");
    let more_paths = |text: String| {
        let line = text.lines().last().expect("a path").to_owned();
        format!("{text}{}\n", line.replace("path: /,", "path: /foo,"))
    };
    for (manifest, why) in [
        (
            pair(class("nginx"), class("nginx-internal")),
            "of the class `nginx-internal`",
        ),
        (
            pair(same, other_type),
            "takes nothing at / (ImplementationSpecific): the Ingress of its host has / (Prefix)",
        ),
        (pair(same, other_path), "takes nothing at /api (Prefix)"),
        (
            pair(same, other_host),
            "a canary of the host `next.example.com`",
        ),
        (pair(same, more_paths), "/foo (Prefix)"),
    ] {
        assert_eq!(dropped(&manifest, why), all, "{manifest}");
    }
}

#[test]
fn f9_a_service_of_another_ingress_takes_no_weight() {
    let preview = ingress("web-v2", "")
        .replace("  name: web-v2\n", "  name: preview\n")
        .replace("shop.example.com", "preview.example.com");
    let taken = [pair(same, same), preview.clone()].join("---\n");
    let why = "its Service web-v2 is a backend of Ingress shop/preview too";
    assert_eq!(dropped(&taken, why), [("web".to_owned(), "1/1".to_owned())]);
    let own = pair(same, |text| {
        text.replace("service: {name: web-v2", "service: {name: web")
    });
    let why = "its Service web is a backend of Ingress shop/web too";
    assert_eq!(dropped(&own, why), [("web".to_owned(), "1/1".to_owned())]);
    // An Ingress that came later leaves the canary its Service.
    let at = |year: u32| format!("metadata:\n  creationTimestamp: '{year}-01-01T00:00:00Z'\n");
    let later = [
        pair(same, |text| text.replace("metadata:\n", &at(2024))),
        preview.replace("metadata:\n", &at(2025)),
    ]
    .join("---\n");
    let args = ["explain", "http://shop.example.com/", "-o", "json"];
    assert_eq!(shares(&on(&later, &args).exits(0))[1].1, "1/5");
}

#[test]
fn f9_a_cookie_that_keeps_clients_is_named() {
    let affinity = |text: String| {
        text.replace(
            "annotations: {",
            "annotations: {nginx.ingress.kubernetes.io/affinity: cookie, ",
        )
        .replace(", }", "}")
    };
    let legacy = |text: String| {
        text.replace(
            "annotations: {",
            "annotations: {nginx.ingress.kubernetes.io/affinity-canary-behavior: legacy, ",
        )
    };
    let lint = |manifest: &str| on(manifest, &["lint"]).stdout;
    let found = lint(&pair(affinity, same));
    assert!(
        found.contains("RS028") && found.contains("`affinity: cookie`"),
        "{found}"
    );
    let found = lint(&pair(affinity, legacy));
    assert!(!found.contains("RS028"), "{found}");
}

#[test]
fn f12_a_rule_of_zeros_is_its_own_outcome_and_refuses_no_other() {
    let route = "apiVersion: kuma.io/v1alpha1\nkind: MeshHTTPRoute\nmetadata: {name: backend}\nspec: {to: [{targetRef: {kind: \
                 MeshService, name: backend}, rules: [{default: {backendRefs: [{name: a, weight: 0}]}}, {default: {backendRefs: \
                 [{name: a, weight: 9}, {name: b, weight: 1}]}}]}]}\n";
    let rule = |number: u32| {
        let name = format!("MeshHTTPRoute/default/backend/spec.to[0].rules[{number}]");
        shares(
            &on(
                route,
                &[
                    "explain",
                    "http://backend/",
                    "-o",
                    "json",
                    "--object",
                    &name,
                ],
            )
            .exits(0),
        )
    };
    assert_eq!(rule(0), [("status 503".to_owned(), "1/1".to_owned())]);
    assert_eq!(
        rule(1),
        [
            ("a".to_owned(), "9/10".to_owned()),
            ("b".to_owned(), "1/10".to_owned())
        ]
    );
}

#[test]
fn f12_what_else_decides_about_a_consul_service_is_named() {
    let manifest = "apiVersion: consul.hashicorp.com/v1alpha1\nkind: ServiceSplitter\nmetadata: {name: hello}\nspec: {splits: \
                    [{weight: 50, serviceSubset: v1}, {weight: 50, serviceSubset: canary}]}\n---\napiVersion: \
                    consul.hashicorp.com/v1alpha1\nkind: ServiceRouter\nmetadata: {name: hello}\nspec: {routes: []}\n";
    for args in [&["explain", "http://hello/hello"][..], &["lint"]] {
        let told = on(manifest, args).exits(0).stdout;
        assert!(told.contains("routers, resolvers, defaults"), "{told}");
    }
}
