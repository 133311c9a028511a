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

#[test]
fn k6_the_only_gateway_of_a_name_needs_no_namespace() {
    let gateway = |namespace: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{ name: edge, namespace: {namespace} }}\nspec:\n  \
             selector: {{ istio: ingressgateway }}\n  servers: [ {{ port: {{ number: 80, name: http, protocol: HTTP }}, hosts: [ '*' ] }} ]\n"
        )
    };
    let bound = STOCK.replace(
        "  hosts: [ stock ]",
        "  gateways: [ infra/edge ]\n  hosts: [ shop.example.com ]",
    );
    let one = format!("{bound}{}", gateway("infra"));
    let url = "http://shop.example.com/";
    for name in ["edge", "infra/edge"] {
        let said = on(&one, &["explain", "--gateway", name, url]).exits(0);
        assert!(
            said.stdout.contains("gateway infra/edge")
                && said.stdout.contains("VirtualService prod/stock"),
            "{said:#?}"
        );
        let found = on(&one, &["lint", "--gateway", name, url]);
        assert!(!found.stdout.contains("RS007"), "{found:#?}");
    }
    // A rule names it, too.
    on(&bound, &["explain", "--gateway", "edge", url]).exits(0);
    let two = format!("{one}{}", gateway("other"));
    let typo = on(&one, &["explain", "--gateway", "edgy", url]);
    typo.refused("a typo");
    typo.advises("did you mean --gateway infra/edge?");
    let several = on(&two, &["lint", "--gateway", "edge"]);
    several.refused("two of that name");
    several.advises("choose one: --gateway infra/edge or --gateway other/edge");
    let none = on(STOCK, &["explain", "--gateway", "edge", url]);
    none.refused("no gateway");
    none.advises("name the file of the Gateway with -f");
    run(&[
        "--expect",
        "v1=100",
        "--gateway",
        "edge",
        "http://127.0.0.1:1/",
    ])
    .refused("no manifests");
    run(&[
        "--expect",
        "v1=100",
        "--gateway",
        "a/b/c",
        "http://127.0.0.1:1/",
    ])
    .refused("three names");
}

const ROLLOUT: &str = "---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: stock, namespace: prod }
spec:
  template: { metadata: { labels: { app: stock } } }
  strategy:
    canary:
      trafficRouting:
        istio:
          virtualService: { name: stock }
          destinationRule: { name: stock, stableSubsetName: v1, canarySubsetName: v2 }
      steps: [ { setWeight: 10 }, { pause: {} } ]
status: { currentStepIndex: 1 }
";

/// A DestinationRule of `stock` whose subsets have these labels.
fn subsets(v1: &str, v2: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{ name: stock, namespace: prod }}\nspec: {{ host: stock, \
         subsets: [ {{ name: v1, labels: {{ {v1} }} }}, {{ name: v2, labels: {{ {v2} }} }} ] }}\n"
    )
}

/// What Argo Rollouts adds to the labels of its subsets is not in the manifests, or is what no template holds.
#[test]
fn k10_subsets_that_a_controller_labels_do_not_overlap() {
    let hash = |hash: &str| format!("app: stock, rollouts-pod-template-hash: {hash}");
    let stored = subsets("app: stock", "app: stock");
    let bare = subsets("", "");
    let written = subsets(&hash("6757db4ff5"), &hash("7d9f8c5b4"));
    let done = subsets(&hash("7d9f8c5b4"), &hash("7d9f8c5b4"));
    for rule in [&stored, &bare, &written, &done] {
        let found = on(&format!("{STOCK}{rule}{ROLLOUT}"), &["lint"]).stdout;
        assert!(
            !found.contains("RS019") && !found.contains("RS020"),
            "{found}"
        );
    }
    // Without a controller they do.
    let found = on(&format!("{STOCK}{stored}"), &["lint"]).stdout;
    assert!(found.contains("RS019"), "{found}");
    let other = ROLLOUT.replace(
        "destinationRule: { name: stock",
        "destinationRule: { name: other",
    );
    let found = on(&format!("{STOCK}{stored}{other}"), &["lint"]).stdout;
    assert!(found.contains("RS019"), "{found}");
}

#[test]
fn k10_what_is_missing_where_nothing_was_read_is_not_said() {
    let cut = format!(
        "{STOCK}apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{ name: [\n"
    );
    let misspelt = format!(
        "{STOCK}{}",
        subsets("a: b", "a: c").replace("kind: DestinationRule", "kind: DestinatonRule")
    );
    for manifests in [&cut, &misspelt] {
        let found = on(manifests, &["lint"]).stdout;
        assert!(!found.contains("RS001"), "{found}");
    }
    let found = on(STOCK, &["lint"]).stdout;
    assert!(found.contains("RS001"), "{found}");
}

/// argo-rollouts#4569, rollouts-plugin#208: the status says one thing, and the route another.
#[test]
fn f12_a_canary_that_is_stuck_is_an_error() {
    let rule = subsets("app: stock, v: a", "app: stock, v: b");
    let at = |weight: u32| ROLLOUT.replace("setWeight: 10", &format!("setWeight: {weight}"));
    let stuck = "Rollout prod/stock is at 80/20 for the stable version and the canary, and VirtualService prod/stock has 90/10";
    let url = "http://stock.prod/";
    for args in [&["lint"][..], &["lint", url]] {
        let found = on(&format!("{STOCK}{rule}{}", at(20)), args)
            .exits(1)
            .stdout;
        assert!(
            found.contains(stuck) && found.contains("error[RS034"),
            "{found}"
        );
    }
    let explained = on(&format!("{STOCK}{rule}{}", at(20)), &["explain", url])
        .exits(0)
        .stdout;
    assert!(explained.contains(stuck), "{explained}");
    // What agrees is fine, and so is a Rollout that does not say where it is.
    let silent = at(20).replace("status: { currentStepIndex: 1 }\n", "");
    for rollout in [at(10), silent] {
        let found = on(&format!("{STOCK}{rule}{rollout}"), &["lint"]).stdout;
        assert!(!found.contains("stuck"), "{found}");
    }
}

#[test]
fn f12_a_stuck_canary_of_another_controller_is_an_error_too() {
    let route = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: podinfo, namespace: prod }
spec:
  parentRefs: [ { name: edge } ]
  rules:
  - matches: [ { headers: [ { name: x-canary, value: 'yes' } ] } ]
    backendRefs: [ { name: podinfo-canary, port: 80 } ]
  - backendRefs:
    - { name: podinfo-primary, port: 80, weight: 50 }
    - { name: podinfo-canary, port: 80, weight: 50 }
---
";
    let canary = |weight: u32| {
        format!(
            "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {{ name: podinfo, namespace: prod }}\nspec: {{ targetRef: {{ name: \
             podinfo }}, service: {{ port: 80 }} }}\nstatus: {{ canaryWeight: {weight} }}\n"
        )
    };
    let found = on(&format!("{route}{}", canary(30)), &["lint"])
        .exits(1)
        .stdout;
    let stuck = "Canary prod/podinfo is at 70/30 for the stable version and the canary, and HTTPRoute prod/podinfo has 50/50";
    assert!(found.contains(stuck), "{found}");
    let found = on(&format!("{route}{}", canary(50)), &["lint"]).stdout;
    assert!(!found.contains("stuck"), "{found}");
}

/// Nothing says which requests reach the pods of a Rollout without Services.
#[test]
fn f12_a_rollout_without_services_invents_no_subset() {
    let rollout = "apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: cart, namespace: prod }
spec: { strategy: { canary: { steps: [ { setWeight: 20 }, { pause: {} } ] } } }
status: { currentStepIndex: 1 }
";
    let said = on(rollout, &["explain", "http://cart.prod/"]).exits(2);
    assert!(
        said.stderr.contains("names no Services of its versions")
            && !said.stdout.contains("subset"),
        "{said:#?}"
    );
    said.advises("name `stableService` and `canaryService`");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, rollout).expect("writable");
    let path = path.to_str().expect("a path");
    let to = "cart.prod:80:127.0.0.1:1";
    let run = run(&["-f", path, "--connect-to", to, "http://cart.prod/"]).exits(2);
    run.advises("--expect stable=80,canary=20");
}

#[test]
fn l7_a_name_that_is_like_another_one_is_asked_about() {
    let rule = subsets("v: a", "v: b");
    // A typo in `hosts`.
    let hosts = STOCK.replace("  hosts: [ stock ]", "  hosts: [ stok ]");
    for (url, help) in [
        ("http://stock.prod:8080/", "did you mean `stock`?"),
        (
            "http://stock.prod.svc.cluster.local/",
            "if the rule has it wrong, correct its `hosts`",
        ),
    ] {
        let found = on(&format!("{hosts}{rule}"), &["explain", url]);
        let found = found.exits(0).stdout;
        assert!(found.contains(help), "{found}");
    }
    // A typo in a destination, where only ServiceEntries are given.
    let entry = STOCK
        .replace("subset: v2", "subset: v2 }, weight: 10 }\n    - { destination: { host: stok")
        .replace("apiVersion: v1\nkind: Service", "apiVersion: networking.istio.io/v1\nkind: ServiceEntry")
        .replace(
            "spec: { selector: { app: stock }, ports: [ { name: http, port: 80 } ] }",
            "spec: { hosts: [ stock.prod.svc.cluster.local ], ports: [ { number: 80, name: http, protocol: HTTP } ] }",
        );
    let found = on(&format!("{entry}{rule}"), &["lint"]).stdout;
    assert!(found.contains("did you mean `stock`?"), "{found}");
    // A typo in the name of a delegate.
    let root = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: root, namespace: prod }\nspec: { hosts: [ stock ], \
                http: [ { delegate: { name: tean, namespace: team } } ] }\n---\n";
    let leaf = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: team, namespace: team }\nspec: { http: [ { route: [ \
                { destination: { host: stock.prod.svc.cluster.local } } ] } ] }\n---\n";
    let found = on(&format!("{root}{leaf}"), &["lint"]).stdout;
    assert!(found.contains("did you mean `team`?"), "{found}");
}
