//! Requests that name their endpoint: what is said about them, and what a real Envoy does with them.

// The table of requests, sent.
mod table;

use std::fs;

use serde_json::Value;

use crate::support::cmd::{Outcome, run, run_in_order, run_json};
use crate::support::picks::{HEADER, Picks};

/// A split of 90/10 behind Envoy Gateway, of which a request may name an endpoint.
const OVERRIDE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: canary}
spec: {selector: {app: canary}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: web-a}}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.3]}]
---
apiVersion: v1
kind: Pod
metadata: {name: canary-a, labels: {app: canary}}
spec: {containers: [{name: a, ports: [{name: http, containerPort: 9090}]}]}
status: {podIP: 10.0.0.9}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec: {gatewayClassName: eg, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: split}
spec:
  parentRefs: [{name: eg}]
  rules: [{backendRefs: [{name: web, port: 80, weight: 90}, {name: canary, port: 80, weight: 10}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: pick}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: split}]
  loadBalancer: {type: LeastRequest, endpointOverride: {extractFrom: [{header: x-custom-host}]}}
";

/// Runs a command at the Gateway of these manifests.
fn at_gateway(manifests: &str, args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, manifests).expect("writable");
    let path = path.to_str().expect("a path");
    let place = [
        "--gateway",
        "default/eg",
        "--implementation",
        "envoy-gateway",
        "-f",
        path,
    ];
    run(&[args, &place].concat())
}

/// The shares of an explanation, `TARGET RATIO` each.
fn shares(outcome: &Outcome) -> Vec<String> {
    let explained: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let shares = explained["expected"]["shares"].as_array().expect("shares");
    let text = |share: &Value, key: &str| share[key].as_str().unwrap_or_default().to_owned();
    let share = |share: &Value| format!("{} {}", text(share, "target"), text(share, "ratio"));
    shares.iter().map(share).collect()
}

/// The ids of the notes of an explanation.
fn ids(outcome: &Outcome) -> Vec<String> {
    let explained: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let notes = explained["caveats"].as_array().expect("notes");
    notes
        .iter()
        .filter_map(|note| note["id"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn manifests_say_which_endpoint_a_header_names() {
    let explain = |value: &str| {
        let header = format!("{HEADER}: {value}");
        at_gateway(
            OVERRIDE,
            &["explain", "-o", "json", "http://x/", "-H", &header],
        )
    };
    for (value, expected) in [
        ("10.0.0.2:8080", "10.0.0.2:8080 1/1"),
        ("10.9.9.9:1, 10.0.0.9:9090", "10.0.0.9:9090 1/1"),
        ("10.0.0.9:9090,10.0.0.1:8080", "10.0.0.9:9090 1/1"),
    ] {
        let outcome = explain(value);
        assert_eq!(shares(&outcome), [expected], "{value}");
        let told = ["client-picks-endpoint", "endpoint-named"];
        assert_eq!(ids(&outcome), told, "{value}");
    }
    // The port of the Service is none of an endpoint.
    for value in ["10.0.0.1:80", "10.0.0.1", "web-a:8080"] {
        let outcome = explain(value);
        assert_eq!(shares(&outcome), ["web 3/4", "canary 1/4"], "{value}");
    }
}

#[test]
fn an_endpoint_override_voids_the_weights() {
    let outcome = at_gateway(OVERRIDE, &["explain", "-o", "json", "http://x/"]);
    assert_eq!(shares(&outcome), ["web 3/4", "canary 1/4"]);
    assert_eq!(ids(&outcome), ["client-picks-endpoint", "weights-ignored"]);
    let lint = at_gateway(OVERRIDE, &["lint"]).exits(1);
    assert!(
        lint.stdout.contains("RS037 weights_ignored"),
        "{}",
        lint.stdout
    );
    assert!(
        lint.stdout.contains("web 3/4, canary 1/4"),
        "{}",
        lint.stdout
    );
    // A filter makes a cluster of each backend, whose weights are minded.
    let filters = "weight: 10, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: a, value: b}]}}]";
    let apart = OVERRIDE.replace("weight: 10", filters);
    let outcome = at_gateway(&apart, &["explain", "-o", "json", "http://x/"]);
    assert_eq!(shares(&outcome), ["web 9/10", "canary 1/10"]);
    assert_eq!(ids(&outcome), ["client-picks-endpoint"]);
}

#[test]
fn a_backend_may_lead_wherever_a_client_likes() {
    let backend = |spec: &str| {
        let named = "[{group: gateway.envoyproxy.io, kind: Backend, name: out}]";
        let start = OVERRIDE.find("[{name: web, port: 80").expect("backends");
        let end = OVERRIDE[start..].find("}]\n").expect("their end") + start;
        let cut = OVERRIDE
            .find("---\napiVersion: gateway.envoyproxy.io")
            .expect("the policy");
        let route = format!(
            "{}{named}{}",
            &OVERRIDE[..start],
            &OVERRIDE[end + 2 - 1..cut]
        );
        let route = route.replace("name: out}]]", "name: out}]}]");
        format!(
            "{route}---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: {{name: out}}\nspec: {spec}\n"
        )
    };
    let of = |spec: &str, header: &str| {
        let text = backend(spec);
        at_gateway(&text, &["explain", "-o", "json", "http://x/", "-H", header])
    };
    let outcome = of("{type: DynamicResolver}", "a: b");
    assert_eq!(ids(&outcome), ["client-picks-endpoint"]);
    let named = "{type: HostOverride, endpoints: [{ip: {address: 10.1.0.1, port: 70}}, {ip: {address: 10.1.0.2, port: 70}}], \
                 hostOverrideSettings: {overrideHostSources: [{header: target-pod}]}}";
    assert_eq!(
        shares(&of(named, "target-pod: 10.1.0.2:70")),
        ["10.1.0.2:70 1/1"]
    );
    assert_eq!(shares(&of(named, "target-pod: 10.1.0.3:70")), ["out 1/1"]);
    let plain = "{endpoints: [{ip: {address: 10.1.0.1, port: 70}}]}";
    assert!(ids(&of(plain, "target-pod: 10.1.0.1:70")).is_empty());
}

#[test]
fn a_patch_that_inserts_a_route_is_applied() {
    let cut = OVERRIDE
        .find("---\napiVersion: gateway.envoyproxy.io")
        .expect("the policy");
    let patch = "
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyPatchPolicy
metadata: {name: epp}
spec:
  type: JSONPatch
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: eg}
  jsonPatches:
  - type: type.googleapis.com/envoy.config.route.v3.RouteConfiguration
    name: default/eg/http
    operation: {op: add, path: /virtual_hosts/0/routes/0, value: {match: {prefix: /, headers: [{name: routing-strategy, string_match: {safe_regex: {regex: '.*'}}}]}, route: {cluster: picked}}}
  - type: type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: picked
    operation: {op: add, path: '', value: {name: picked, type: ORIGINAL_DST, original_dst_lb_config: {use_http_header: true, http_header_name: target-pod}}}
";
    let text = format!("{}{patch}", &OVERRIDE[..cut]);
    let explain = |headers: &[&str]| {
        let mut args = vec!["explain", "-o", "json", "http://x/"];
        args.extend(headers.iter().flat_map(|header| ["-H", header]));
        shares(&at_gateway(&text, &args))
    };
    assert_eq!(
        explain(&["routing-strategy: random", "target-pod: 10.0.0.2:8080"]),
        ["10.0.0.2:8080 1/1"]
    );
    assert_eq!(explain(&["routing-strategy: random"]), ["status 503 1/1"]);
    assert_eq!(
        explain(&["target-pod: 10.0.0.2:8080"]),
        ["web 9/10", "canary 1/10"]
    );
    let place = ["explain", "http://x/"];
    assert!(!at_gateway(&text, &place).stdout.contains("is not judged"));
    let picked = ["explain", "http://x/", "-H", "routing-strategy: a"];
    assert!(!at_gateway(&text, &picked).stdout.contains("delegates"));
}

#[test]
fn a_dump_says_which_endpoint_a_header_names() {
    let picks = Picks::start(1);
    let dump = picks.dump();
    let dump = dump.to_str().expect("a path");
    let explain = |cluster: &str, headers: &[&str]| {
        let url = picks.url(cluster);
        let mut args = vec!["explain", "-o", "json", "-f", dump, &url];
        args.extend(headers.iter().flat_map(|header| ["-H", header]));
        run(&args)
    };
    let (one, two) = (picks.endpoint(0), picks.endpoint(1));
    let named = |value: &str| format!("{HEADER}: {value}");
    let whole = |address: &str| vec![format!("{address} 1/1")];
    for cluster in ["flat", "weighted", "void", "odst"] {
        let outcome = explain(cluster, &[&named(&two)]);
        assert_eq!(shares(&outcome), whole(&two), "{cluster}");
        assert_eq!(
            ids(&outcome),
            ["client-picks-endpoint", "endpoint-named"],
            "{cluster}"
        );
    }
    assert_eq!(shares(&explain("flat", &[])), ["flat 1/1"]);
    assert_eq!(
        shares(&explain("flat", &[&named(&format!("127.0.0.1:1,{one}"))])),
        whole(&one)
    );
    assert_eq!(
        shares(&explain("weighted", &[])),
        ["backend/0 9/10", "backend/1 1/10"]
    );
    let void = explain("void", &[&named("localhost:1")]);
    assert_eq!(shares(&void), ["backend/0 1/2", "backend/1 1/2"]);
    assert_eq!(
        ids(&void),
        ["weights-ignored", "client-picks-endpoint", "endpoint-named"]
    );
    for headers in [&[][..], &[&*named(&picks.endpoints())]] {
        assert_eq!(shares(&explain("odst", headers)), ["status 503 1/1"]);
    }
    // Metadata is nothing that a client sets.
    let metadata = explain(
        "metadata",
        &[&format!("x-gateway-destination-endpoint: {one}")],
    );
    assert_eq!(shares(&metadata), ["metadata 1/1"]);
    assert_eq!(ids(&metadata), ["inference-pool"]);
    let cookie = |value: &str| format!("cookie: session={}", encoded(value));
    for cluster in ["cookie", "strict"] {
        assert_eq!(
            shares(&explain(cluster, &[&cookie(&two)])),
            whole(&two),
            "{cluster}"
        );
    }
    assert_eq!(
        shares(&explain("cookie", &[&cookie("127.0.0.1:1")])),
        ["plain 1/1"]
    );
    assert_eq!(
        shares(&explain("strict", &[&cookie("127.0.0.1:1")])),
        ["status 503 1/1"]
    );
    let header = format!("x-session: {}", encoded(&one));
    assert_eq!(shares(&explain("header", &[&header])), whole(&one));
}

#[test]
fn a_run_that_names_an_endpoint_is_judged_by_that() {
    let picks = Picks::start(1);
    let dump = picks.dump();
    let dump = dump.to_str().expect("a path");
    let header = format!("{HEADER}: {}", picks.endpoint(1));
    for cluster in ["flat", "weighted", "void", "odst", "instrumented"] {
        let report = run_json(&["-f", dump, "-H", &header, &picks.url(cluster)])
            .exits(0)
            .report();
        assert_eq!(report.verdict(), "pass", "{cluster}");
    }
    let report = run_in_order(&[
        "-f",
        dump,
        "-n",
        "500",
        &picks.url("void"),
        "--map",
        "b1=backend/0",
        "--map",
        "b2=backend/1",
    ])
    .exits(1)
    .report();
    let whys = report.0["verdict"]["diagnosis"]
        .as_array()
        .expect("reasons");
    let ids: Vec<&str> = whys.iter().filter_map(|why| why["id"].as_str()).collect();
    assert_eq!(ids, ["RS037"], "{}", report.0["verdict"]);
}

/// As a session is encoded.
fn encoded(address: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(address)
}
