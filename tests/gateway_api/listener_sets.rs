//! Listeners that a `ListenerSet` adds to those of a Gateway.

use super::{SERVICES, explained, found, object, shares};

fn gateway(allowed: &str) -> String {
    object(
        "Gateway",
        "name: edge",
        &format!(
            "{{gatewayClassName: ours, listeners: [{{name: http, port: 80, protocol: HTTP, hostname: own.example.com}}], {allowed}}}"
        ),
    )
}

/// A set of one listener.
fn set(kind: &str, name: &str, created: &str, hostname: &str) -> String {
    let group = match kind {
        "XListenerSet" => "gateway.networking.x-k8s.io/v1alpha1",
        _ => "gateway.networking.k8s.io/v1",
    };
    format!(
        "apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop, creationTimestamp: '{created}'}}\nspec: \
         {{parentRef: {{name: edge}}, listeners: [{{name: http, port: 80, protocol: HTTP, hostname: {hostname}}}]}}\n"
    )
}

fn route(name: &str, parent: &str, backend: &str) -> String {
    object(
        "HTTPRoute",
        &format!("name: {name}"),
        &format!(
            "{{parentRefs: [{{{parent}}}], rules: [{{backendRefs: [{{name: {backend}, port: 80}}]}}]}}"
        ),
    )
}

const SET: &str = "group: gateway.networking.k8s.io, kind: ListenerSet, name: more";
const ALL: &str = "allowedListeners: {namespaces: {from: All}}";

fn at(url: &str) -> [&str; 3] {
    ["--gateway", "shop/edge", url]
}

/// "Listeners in a Gateway and their attached `ListenerSets` are concatenated as a list when programming the underlying
/// infrastructure." "Routes can attach to a Listener by having a `ListenerSet` as a parentRef."
#[test]
fn a_route_of_a_set_is_served_by_the_listeners_of_the_set_alone() {
    let experimental = SET
        .replace("gateway.networking.k8s.io", "gateway.networking.x-k8s.io")
        .replace("ListenerSet", "XListenerSet");
    for (kind, parent) in [
        ("ListenerSet", SET),
        ("XListenerSet", experimental.as_str()),
    ] {
        let more = set(kind, "more", "2026-01-01T00:00:00Z", "more.example.com");
        let (ours, theirs) = (
            route("a", "name: edge", "web"),
            route("b", parent, "web-v2"),
        );
        let texts = [SERVICES, &gateway(ALL), &more, &ours, &theirs];
        assert_eq!(shares(&texts, &at("http://own.example.com/")), ["web 1/1"]);
        assert_eq!(
            shares(&texts, &at("http://more.example.com/")),
            ["web-v2 1/1"]
        );
        assert_eq!(found(&texts, "RS030"), []);
    }
}

/// "The default value is to allow no `ListenerSets`." "Same: Only `ListenerSets` in the same namespace may be attached."
#[test]
fn a_set_that_the_gateway_does_not_allow_takes_nothing() {
    let more = set(
        "ListenerSet",
        "more",
        "2026-01-01T00:00:00Z",
        "more.example.com",
    );
    let theirs = route("b", SET, "web-v2");
    let from = |from: &str| format!("allowedListeners: {{namespaces: {{from: {from}}}}}");
    for (allowed, taken) in [
        (String::new(), false),
        (from("None"), false),
        (from("Same"), true),
        (from("All"), true),
        ("allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: other}}}}".to_owned(), false),
        ("allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}}}".to_owned(), true),
    ] {
        let texts = [SERVICES, &gateway(&allowed), &more, &theirs];
        let told = found(&texts, "RS030");
        let route = explained(&texts, &at("http://more.example.com/")).0["route"].clone();
        assert_eq!(route.is_object(), taken, "{allowed}");
        assert_eq!(told.is_empty(), taken, "{allowed}: {told:?}");
        if let Some((severity, message)) = told.first() {
            assert_eq!(severity, "error");
            assert!(
                message.contains("ListenerSet shop/more") && message.contains("allowedListeners"),
                "{message}"
            );
        }
    }
}

/// "1. "parent" Gateway 2. `ListenerSet` ordered by creation time (oldest first) 3. `ListenerSet` ordered alphabetically".
#[test]
fn of_two_listeners_for_the_same_the_gateways_and_then_the_oldest_counts() {
    let old = set(
        "ListenerSet",
        "more",
        "2026-01-01T00:00:00Z",
        "more.example.com",
    );
    let young = set(
        "ListenerSet",
        "even-more",
        "2026-02-01T00:00:00Z",
        "more.example.com",
    );
    let parent = SET.replace("name: more", "name: even-more");
    let (first, second) = (route("z", SET, "web"), route("a", &parent, "web-v2"));
    let texts = [SERVICES, &gateway(ALL), &young, &old, &second, &first];
    assert_eq!(shares(&texts, &at("http://more.example.com/")), ["web 1/1"]);
    let [(_, message)] = &found(&texts, "RS030")[..] else {
        panic!("one finding");
    };
    assert!(
        message.contains("HTTPRoute shop/a") && message.contains("a conflict"),
        "{message}"
    );
    let same = set(
        "ListenerSet",
        "more",
        "2026-01-01T00:00:00Z",
        "own.example.com",
    );
    let texts = [
        SERVICES,
        &gateway(ALL),
        &same,
        &first,
        &route("own", "name: edge", "web-v2"),
    ];
    assert_eq!(
        shares(&texts, &at("http://own.example.com/")),
        ["web-v2 1/1"]
    );
}
