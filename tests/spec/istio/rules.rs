//! Destination rules: which one counts, and what of it can be noticed; weights and faults.

use super::{mesh, object, problems, service, split, subsets};

/// "exported DRs of S's namespace, exported DRs of R. DR in any other namespace is never used."
#[test]
fn a_rule_elsewhere_defines_nothing() {
    let text = split("web", "web") + &subsets("other/web", "web.default.svc.cluster.local", "");
    let met = mesh(&text).get("http://web/").expect("a host");
    assert_eq!(
        (met.shares(), met.has("unseen-subset")),
        ("1/1 status 503".to_owned(), true)
    );
    let root =
        split("web", "web") + &subsets("istio-system/web", "web.default.svc.cluster.local", "");
    assert_eq!(
        mesh(&root).get("http://web/").expect("a host").shares(),
        "9/10 v1, 1/10 v2"
    );
    let private = split("prod/web", "web") + &subsets("prod/web", "web", ", exportTo: ['.']");
    let met = mesh(&private)
        .namespace("client")
        .get("http://web.prod/")
        .expect("a host");
    assert!(met.has("unseen-subset"), "{met:?}");
}

/// "If ANY matches (even `*.local`), STOP - so a wildcard DR in C hides the subsets defined in S."
#[test]
fn a_wildcard_in_the_clients_namespace_shadows() {
    let wild = object("DestinationRule", "client/all", "{host: '*.local'}");
    let text = split("prod/web", "web") + &subsets("prod/web", "web", "") + &wild;
    let met = mesh(&text)
        .namespace("client")
        .get("http://web.prod/")
        .expect("a host");
    assert!(
        met.has("shadowed-subset") && !met.has("unknown-subset"),
        "{met:?}"
    );
    assert_eq!(
        mesh(&text)
            .namespace("third")
            .get("http://web.prod/")
            .expect("a host")
            .shares(),
        "9/10 v1, 1/10 v2"
    );
}

/// "DR with workloadSelector is private and only for selected clients."
#[test]
fn a_rule_for_selected_clients_counts_for_them_only() {
    let selective = subsets(
        "web",
        "web",
        ", workloadSelector: {matchLabels: {app: shop}}",
    );
    let text = split("web", "web") + &selective;
    let met = |app: &str| {
        mesh(&text)
            .labels("default", "app", app)
            .get("http://web/")
            .expect("a host")
    };
    assert_eq!(met("shop").shares(), "9/10 v1, 1/10 v2");
    let other = met("other");
    assert_eq!(
        (other.shares(), other.has("unseen-subset")),
        ("1/1 status 503".to_owned(), true)
    );
}

/// "Several DRs same host+namespace merge: union of subsets (first wins), trafficPolicy of the first that has one. With
/// different exportTo sets they are kept apart." "Different host spelling (short vs FQDN) = same host."
#[test]
fn rules_for_one_host_are_merged_unless_they_are_exported_differently() {
    let one = |name: &str, host: &str, subset: &str, more: &str| {
        let spec = format!(
            "{{host: {host}, subsets: [{{name: {subset}, labels: {{version: {subset}}}}}], trafficPolicy: {{}}{more}}}"
        );
        object("DestinationRule", name, &spec)
    };
    let full = "web.default.svc.cluster.local";
    let text = split("web", "web") + &one("a", "web", "v1", "") + &one("b", full, "v2", "");
    let met = mesh(&text).get("http://web/").expect("a host");
    assert_eq!(
        (met.shares(), met.has("two-rules")),
        ("9/10 v1, 1/10 v2".to_owned(), true)
    );
    let apart = split("web", "web")
        + &one("a", "web", "v1", "")
        + &one("b", full, "v2", ", exportTo: ['.']");
    let met = mesh(&apart).get("http://web/").expect("a host");
    assert_eq!(met.shares(), "9/10 status 503, 1/10 v2");
}

/// "outlierDetection: a non-stationary run"; "connectionPool limits -> 503 UO"; "consistentHash: the split stays i.i.d."
#[test]
fn parts_of_traffic_policies_that_can_be_noticed_are_named() {
    let policy = ", trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1}, connectionPool: {http: {}}, \
                  loadBalancer: {consistentHash: {useSourceIp: true}}, tls: {mode: ISTIO_MUTUAL}}";
    let text = split("web", "web") + &subsets("web", "web", policy);
    let met = mesh(&text).get("http://web/").expect("a host");
    assert_eq!(
        met.caveats,
        ["outlier-detection", "connection-pool", "consistent-hash"]
    );
    let misspelt = subsets("web", "web", ", trafficPolicy: {outlierDetections: {}}");
    assert_eq!(
        problems(&misspelt),
        ["a traffic policy has no field `outlierDetections`"]
    );
}

/// "Empty labels => ALL endpoints"; "two subsets with labels that overlap"; "subset selects no pod of the given Deployments".
#[test]
fn subsets_that_cannot_be_told_apart_or_are_empty_are_named() {
    let rule = |first: &str, second: &str| {
        let spec = format!(
            "{{host: web, subsets: [{{name: v1{first}}}, {{name: v2, labels: {second}}}]}}"
        );
        split("web", "web") + &object("DestinationRule", "web", &spec)
    };
    let met = |text: &str| mesh(text).get("http://web/").expect("a host");
    assert!(met(&rule("", "{version: v2}")).has("empty-subset"));
    assert!(
        met(&rule(", labels: {app: web}", "{app: web, version: v2}")).has("overlapping-subsets")
    );
    let pods = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-v1}\nspec: {template: {metadata: {labels: {app: web, version: v1}}}}\n---\n";
    let web = object(
        "Service",
        "web",
        "{selector: {app: web}, ports: [{name: http, port: 80}]}",
    );
    let text = rule(", labels: {version: v1}", "{version: v2}") + pods + &web;
    let met = met(&text);
    assert_eq!(met.caveats, ["subset-without-pods"], "{met:?}");
}

/// "stateful session labels on the Service pin hosts, not weights."
#[test]
fn a_persistent_session_is_named() {
    let web = service("web", "http", 80).replace(
        "namespace: default}",
        "namespace: default, labels: {istio.io/persistent-session: cookie}}",
    );
    let text = web + &split("web", "web") + &subsets("web", "web", "");
    assert_eq!(
        mesh(&text).get("http://web/").expect("a host").caveats,
        ["persistent-session"]
    );
}

/// "`P(httpStatus)` = p; `P(dest_i)` = `(1-p)*w_i/W`"; "percentage truncated to 4 decimals; unset => 0 %; grpcStatus -> 200".
#[test]
fn a_fault_is_taken_off_before_the_weights() {
    let met = |fault: &str| {
        let spec = format!(
            "{{hosts: [web], http: [{{fault: {{abort: {fault}}}, route: [{{destination: {{host: a}}, weight: 1}}, {{destination: {{host: b}}, weight: 1}}]}}]}}"
        );
        mesh(&object("VirtualService", "web", &spec))
            .get("http://web/")
            .expect("a host")
            .shares()
    };
    assert_eq!(
        met("{httpStatus: 418, percentage: {value: 20}}"),
        "2/5 a, 2/5 b, 1/5 status 418"
    );
    assert_eq!(
        met("{httpStatus: 418, percentage: {value: 0.00019}}"),
        "999999/2000000 a, 999999/2000000 b, 1/1000000 status 418"
    );
    assert_eq!(met("{httpStatus: 418}"), "1/2 a, 1/2 b");
    assert_eq!(
        met("{grpcStatus: UNAVAILABLE, percentage: {value: 50}}"),
        "1/4 a, 1/4 b, 1/2 status 200"
    );
}

/// "redirect code default 301 {301,302,303,307,308}; neither may be combined with route/fault/rewrite."
#[test]
fn a_redirect_has_one_of_five_statuses_and_nothing_beside_it() {
    let rule = |route: &str| {
        object(
            "VirtualService",
            "web",
            &format!("{{hosts: [web], http: [{{{route}}}]}}"),
        )
    };
    let shares = |route: &str| {
        mesh(&rule(route))
            .get("http://web/")
            .expect("a host")
            .shares()
    };
    assert_eq!(shares("redirect: {uri: /x}"), "1/1 status 301");
    assert_eq!(
        shares("redirect: {uri: /x, redirectCode: 308}"),
        "1/1 status 308"
    );
    assert_eq!(
        problems(&rule("redirect: {uri: /x, redirectCode: 304}")),
        ["`304` is not a valid redirect status"]
    );
    assert_eq!(
        problems(&rule("directResponse: {status: 200}, rewrite: {uri: /}")),
        ["an HTTP route cannot have both `directResponse` and `rewrite`"]
    );
}

/// "Same cluster twice in one split: shares add up."
#[test]
fn a_destination_listed_twice_gets_the_sum() {
    let spec = "{hosts: [web], http: [{route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 2}, {destination: {host: a}, weight: 1}]}]}";
    let met = mesh(&object("VirtualService", "web", spec))
        .get("http://web/")
        .expect("a host");
    assert_eq!(
        (met.shares(), met.has("same-cluster-twice")),
        ("1/2 a, 1/2 b".to_owned(), true)
    );
}
