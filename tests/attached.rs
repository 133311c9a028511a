//! What is attached to the way of a request, who sends it, and which pods stand behind its destinations, through the binary.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;
use resplit::lint::RULES;
use serde_json::Value;

use crate::support::cmd::{Outcome, run};

/// A split of 90/10 between two subsets of `web`, in namespace `default`.
const SPLIT: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, clusterIP: 10.96.0.7, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web], http: [{route: [{destination: {host: web, subset: v1}, weight: 90}, {destination: {host: web, subset: v2}, weight: 10}]}]}
";

/// A split of 90/10 between two Services behind a Gateway of the Gateway API.
const BACKENDS: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-v2}
spec: {selector: {app: web-v2}, ports: [{name: http, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec: {gatewayClassName: eg, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 80, weight: 90}, {name: web-v2, port: 80, weight: 10}]}]}
";

/// Runs a command on texts that are one file together.
fn on(texts: &[&str], args: &[&str]) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("in.yaml");
    fs::write(&path, texts.join("\n---\n")).expect("writable");
    let path = path.to_str().expect("a path");
    run(&[args, &["-f", path]].concat())
}

/// The rules that lint finds broken, each with its severity.
fn broken(texts: &[&str], args: &[&str]) -> BTreeSet<(String, String)> {
    let outcome = on(texts, &[&["lint", "-o", "json"], args].concat());
    let report: Value = serde_json::from_str(&outcome.stdout).expect("a report");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let findings = report["findings"].as_array().expect("a list").iter();
    findings
        .map(|one| (text(&one["rule"]), text(&one["severity"])))
        .collect()
}

fn has(found: &BTreeSet<(String, String)>, rule: &str, severity: &str) -> bool {
    found.contains(&(rule.to_owned(), severity.to_owned()))
}

/// `target: share` of what explain expects.
fn shares(texts: &[&str], args: &[&str]) -> Vec<(String, f64)> {
    let outcome = on(texts, &[&["explain", "-o", "json"], args].concat()).exits(0);
    let report: Value = serde_json::from_str(&outcome.stdout).expect("a report");
    let Some(shares) = report["expected"]["shares"].as_array() else {
        return Vec::new();
    };
    let share = |one: &Value| {
        let target = one["target"].as_str().expect("a name").to_owned();
        (target, one["share"].as_f64().expect("a number"))
    };
    shares.iter().map(share).collect()
}

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

#[test]
fn a_version_that_a_policy_closes_answers_403() {
    let all = policy(
        "closed",
        "{selector: {matchLabels: {version: v2}}, action: DENY, rules: [{}]}",
    );
    let expected = vec![("v1".to_owned(), 0.9), ("status 403".to_owned(), 0.1)];
    assert_eq!(shares(&[SPLIT, &all], &["http://web/"]), expected);
    assert!(has(&broken(&[SPLIT, &all], &[]), "RS036", "error"));
    // A policy that allows nothing, and one for somebody else.
    let nothing = policy("nothing", "{selector: {matchLabels: {version: v2}}}");
    assert_eq!(shares(&[SPLIT, &nothing], &["http://web/"]), expected);
    let other = policy(
        "other",
        "{selector: {matchLabels: {app: shop}}, action: DENY, rules: [{}]}",
    );
    assert_eq!(broken(&[SPLIT, &other], &[]), BTreeSet::new());
    // One that denies nothing, and one that lets everything through.
    for spec in [
        "{action: DENY}",
        "{rules: [{}]}",
        "{action: AUDIT, rules: [{}]}",
    ] {
        assert_eq!(
            broken(&[SPLIT, &policy("open", spec)], &[]),
            BTreeSet::new(),
            "{spec}"
        );
    }
}

#[test]
fn what_a_policy_refuses_depends_on_the_request_and_its_sender() {
    let writers = policy(
        "writers",
        "{action: DENY, rules: [{to: [{operation: {methods: [POST, DELETE], paths: ['/admin*']}}]}]}",
    );
    let texts = [SPLIT, writers.as_str()];
    assert!(
        has(&broken(&texts, &[]), "RS036", "warning"),
        "without a request"
    );
    let url = "http://web/admin/x";
    assert!(has(&broken(&texts, &["-m", "POST", url]), "RS036", "error"));
    assert_eq!(broken(&texts, &[url]), BTreeSet::new(), "GET");
    assert_eq!(
        broken(&texts, &["-m", "POST", "http://web/shop"]),
        BTreeSet::new()
    );

    let from = policy(
        "from-shop",
        "{rules: [{from: [{source: {namespaces: [shop]}}]}]}",
    );
    let texts = [SPLIT, from.as_str()];
    let of = |namespace: &str| {
        broken(
            &texts,
            &["--from-namespace", namespace, "http://web.default/"],
        )
    };
    assert!(has(&of("other"), "RS036", "error"));
    assert_eq!(of("shop"), BTreeSet::new());
    assert!(
        has(&broken(&texts, &[]), "RS036", "warning"),
        "nobody says who sends"
    );
}

#[test]
fn both_sides_agree_about_tls_or_nothing_arrives() {
    let peer = |mode: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: all, namespace: istio-system}}\nspec: \
             {{mtls: {{mode: {mode}}}}}\n"
        )
    };
    let sending = |mode: &str| {
        let plain = "spec: {host: web,";
        SPLIT.replace(
            plain,
            &format!("{plain} trafficPolicy: {{tls: {{mode: {mode}}}}},"),
        )
    };
    for (sent, taken, fails) in [
        ("DISABLE", "STRICT", true),
        ("SIMPLE", "STRICT", true),
        ("ISTIO_MUTUAL", "DISABLE", true),
        ("ISTIO_MUTUAL", "STRICT", false),
        ("DISABLE", "PERMISSIVE", false),
        ("DISABLE", "DISABLE", false),
    ] {
        let found = broken(&[&sending(sent), &peer(taken)], &[]);
        assert_eq!(
            has(&found, "RS036", "error"),
            fails,
            "{sent} {taken}: {found:?}"
        );
    }
    let all = vec![("status 503".to_owned(), 1.0)];
    assert_eq!(
        shares(&[&sending("DISABLE"), &peer("STRICT")], &["http://web/"]),
        all
    );
}

#[test]
fn a_hash_over_one_cluster_takes_no_notice_of_weights() {
    let hash = "
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: pinned}
spec:
  targetSelectors: [{group: gateway.networking.k8s.io, kind: Gateway}]
  loadBalancer: {type: ConsistentHash, consistentHash: {type: SourceIP}}
";
    let pods = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {replicas: 1, template: {metadata: {labels: {app: web}}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-v2-x, labels: {kubernetes.io/service-name: web-v2}}
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.3]}, {addresses: [10.0.0.4], conditions: {ready: false}}]
";
    let at = [
        "--gateway",
        "default/edge",
        "--implementation",
        "envoy-gateway",
        "http://x/",
    ];
    let by_pods = vec![("web".to_owned(), 0.25), ("web-v2".to_owned(), 0.75)];
    assert_eq!(shares(&[BACKENDS, hash, pods], &at), by_pods);
    assert_eq!(
        shares(&[BACKENDS, hash], &at),
        [],
        "how many pods there are is not known"
    );
    assert!(has(&broken(&[BACKENDS, hash], &at), "RS037", "error"));
    let told = on(&[BACKENDS, hash, pods], &[&["explain"], &at[..]].concat()).exits(0);
    let text = &told.stdout;
    assert!(
        text.contains("declared, not in effect; the proxy picks among all endpoints"),
        "{text}"
    );
    assert!(text.contains("web 1/4, web-v2 3/4"), "{text}");
    // Another implementation has no such policy, and is told that there is one.
    let other = broken(&[BACKENDS, hash], &[]);
    assert!(
        has(&other, "RS034", "warning") && !has(&other, "RS037", "error"),
        "{other:?}"
    );
}

fn client(pod: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: client}}\nspec: {{template: {pod}}}\n"
    )
}

#[test]
fn a_client_without_a_proxy_is_found_by_what_its_pods_say() {
    let labels = "labels: {app: client}";
    let traffic = "traffic.sidecar.istio.io";
    for (pod, url, fails) in [
        (format!("{{metadata: {{{labels}}}}}"), "http://web/", false),
        (
            format!(
                "{{metadata: {{{labels}, annotations: {{sidecar.istio.io/inject: 'false'}}}}}}"
            ),
            "http://web/",
            true,
        ),
        (
            "{metadata: {labels: {app: client, sidecar.istio.io/inject: 'true'}, annotations: {sidecar.istio.io/inject: 'false'}}}"
                .to_owned(),
            "http://web/",
            false,
        ),
        (
            format!("{{metadata: {{{labels}}}, spec: {{hostNetwork: true}}}}"),
            "http://web/",
            true,
        ),
        (
            format!(
                "{{metadata: {{{labels}, annotations: {{{traffic}/excludeOutboundPorts: '8080, 80'}}}}}}"
            ),
            "http://web/",
            true,
        ),
        (
            format!(
                "{{metadata: {{{labels}, annotations: {{{traffic}/excludeOutboundPorts: '8080'}}}}}}"
            ),
            "http://web/",
            false,
        ),
        (
            format!(
                "{{metadata: {{{labels}, annotations: {{{traffic}/excludeOutboundIPRanges: 10.96.0.0/16}}}}}}"
            ),
            "http://web/",
            true,
        ),
        (
            format!(
                "{{metadata: {{{labels}, annotations: {{{traffic}/excludeOutboundIPRanges: 10.97.0.0/16}}}}}}"
            ),
            "http://web/",
            false,
        ),
        (
            format!(
                "{{metadata: {{{labels}, annotations: {{{traffic}/includeOutboundIPRanges: 10.97.0.0/16}}}}}}"
            ),
            "http://web/",
            true,
        ),
        (
            format!(
                "{{metadata: {{{labels}, annotations: {{{traffic}/includeOutboundIPRanges: '*'}}}}}}"
            ),
            "http://web/",
            false,
        ),
    ] {
        let client = client(&pod);
        let texts = [SPLIT, client.as_str()];
        let found = broken(&texts, &["--from-labels", "app=client", url]);
        assert_eq!(has(&found, "RS024", "error"), fails, "{pod}: {found:?}");
        let expected = shares(&texts, &["--from-labels", "app=client", url]);
        let split = expected.contains(&("v2".to_owned(), 0.1));
        assert_eq!(split, !fails, "explain: {pod}: {expected:?}");
    }
}

#[test]
fn pods_as_they_run_have_a_proxy_or_none() {
    let pod = |name: &str, containers: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec: {containers}\n"
        )
    };
    let with = pod(
        "a",
        "{initContainers: [{name: istio-proxy}], containers: [{name: a}]}",
    );
    let without = pod("b", "{containers: [{name: b}]}");
    let texts = [SPLIT, with.as_str(), without.as_str()];
    assert!(has(
        &broken(&texts, &["--from-labels", "app=b"]),
        "RS024",
        "error"
    ));
    assert_eq!(broken(&texts, &["--from-labels", "app=a"]), BTreeSet::new());
    // A pod that nobody has injected yet is none that runs.
    assert_eq!(
        broken(&[SPLIT, &without], &["--from-labels", "app=b"]),
        BTreeSet::new()
    );
}

fn namespace(labels: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {{{labels}}}}}\n")
}

#[test]
fn namespaces_say_whether_their_pods_have_proxies() {
    let gateway = |purpose: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: wp, labels: {{istio.io/waypoint-for: \
             {purpose}}}}}\nspec: {{gatewayClassName: istio-waypoint, listeners: [{{name: mesh, port: 15008, protocol: HBONE}}]}}\n"
        )
    };
    let ambient = "istio.io/dataplane-mode: ambient";
    let bound = format!("{ambient}, istio.io/use-waypoint: wp");
    for (labels, more, severity) in [
        ("istio-injection: enabled", String::new(), None),
        ("istio.io/rev: canary", String::new(), None),
        ("istio-injection: disabled", String::new(), Some("warning")),
        (ambient, String::new(), Some("error")),
        (&bound, gateway("service"), Some("warning")),
        (&bound, gateway("workload"), Some("error")),
    ] {
        let namespace = namespace(labels);
        let mut texts = vec![SPLIT, namespace.as_str()];
        texts.extend(Some(more.as_str()).filter(|more| !more.is_empty()));
        let found = broken(&texts, &[]);
        let expected = severity.map(|severity| ("RS024".to_owned(), severity.to_owned()));
        assert_eq!(found, expected.into_iter().collect(), "{labels} {more}");
    }
    let refused = namespace("istio-injection: disabled");
    let asked = broken(&[SPLIT, &refused], &["--from-namespace", "default"]);
    assert!(has(&asked, "RS024", "error"), "{asked:?}");
}

#[test]
fn a_second_waypoint_is_said_with_its_share() {
    let canary = |weight: &str, second: &str| {
        SPLIT.replace(
            "kind: Service\nmetadata: {name: web}",
            &format!(
                "kind: Service\nmetadata: {{name: web, labels: {{istio.io/use-waypoint: a, istio.io/use-waypoint-canary: {second}}}, \
                 annotations: {{istio.io/use-waypoint-canary-weight: '{weight}'}}}}"
            ),
        )
    };
    let said = |text: &str| on(&[text], &["lint", "--waypoint"]).stdout;
    let five = said(&canary("5", "b"));
    assert!(
        five.contains("with 5% of their connections") && five.contains("default/b"),
        "{five}"
    );
    let bad = said(&canary("half", "b"));
    assert!(bad.contains("no whole number from 0 to 100"), "{bad}");
    let twice = said(&canary("5", "a"));
    assert!(
        twice.contains("names the waypoint default/a twice"),
        "{twice}"
    );
}

#[test]
fn destinations_without_pods_answer_503() {
    let deployment = |version: &str, replicas: u32| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web-{version}}}\nspec: {{replicas: {replicas}, template: \
             {{metadata: {{labels: {{app: web, version: {version}}}}}}}}}\n"
        )
    };
    let (one, none) = (deployment("v1", 1), deployment("v2", 0));
    assert!(
        has(&broken(&[SPLIT, &one, &none], &[]), "RS020", "error"),
        "no replicas"
    );
    let some = deployment("v2", 2);
    assert_eq!(broken(&[SPLIT, &one, &some], &[]), BTreeSet::new());

    // Endpoints that somebody wrote have no labels, so that subsets select none of them.
    let manual = SPLIT.replace("selector: {app: web}, ", "");
    let endpoints = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\nsubsets: [{addresses: [{ip: 10.0.0.1}]}]\n";
    assert!(
        has(&broken(&[&manual, endpoints], &[]), "RS020", "error"),
        "no labels"
    );

    let pods = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {metadata: {labels: {app: web}}}}\n";
    let found = broken(&[BACKENDS, pods], &["--gateway", "default/edge"]);
    assert!(
        has(&found, "RS020", "error"),
        "a Service that selects nothing: {found:?}"
    );
    let overlapping = BACKENDS.replace("selector: {app: web-v2}", "selector: {app: web}");
    let found = broken(&[&overlapping, pods], &["--gateway", "default/edge"]);
    assert!(
        has(&found, "RS019", "warning"),
        "two Services of the same pods: {found:?}"
    );
}

#[test]
fn mirrors_are_checked_as_other_destinations_are() {
    let mirrored = |mirror: &str| {
        SPLIT.replace(
            "http: [{route:",
            &format!("http: [{{mirror: {mirror}, route:"),
        )
    };
    let found = broken(&[&mirrored("{host: web, subset: v3}")], &[]);
    assert!(has(&found, "RS001", "error"), "{found:?}");
    let text = on(&[&mirrored("{host: web, subset: v3}")], &["lint"]).stdout;
    assert!(
        text.contains("a mirror: subset `v3`") && text.contains("nothing is mirrored there"),
        "{text}"
    );
    assert_eq!(
        broken(&[&mirrored("{host: web, subset: v2}")], &[]),
        BTreeSet::new()
    );
    let filter = "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: wbe, port: 80}}}], backendRefs:";
    let found = broken(
        &[&BACKENDS.replace("backendRefs:", filter)],
        &["--gateway", "default/edge"],
    );
    assert!(has(&found, "RS030", "error"), "{found:?}");
}

#[test]
fn the_table_of_analyzers_names_rules_that_exist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/reference/analyzers.md");
    let text = fs::read_to_string(path).expect("the page is there");
    let ids = Regex::new(r"RS\d{3}").expect("a pattern");
    let known: BTreeSet<&str> = RULES.iter().map(|rule| rule.code.id()).collect();
    let named: BTreeSet<&str> = ids.find_iter(&text).map(|found| found.as_str()).collect();
    let unknown: Vec<&&str> = named.difference(&known).collect();
    assert_eq!(unknown, [&""; 0], "rules that do not exist");
    // What a rule says that istioctl calls it stands in the row of that code.
    for rule in RULES {
        let Some(code) = rule.istio else { continue };
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| {code}")));
        let row = row.unwrap_or_else(|| panic!("{code} has no row"));
        assert!(row.contains(rule.code.id()), "{}: {row}", rule.code.id());
    }
}
