//! Two routes of which a listener leaves the same hostname: which of them goes first.

use super::{SERVICES, explained, object, shares};

/// The newer route has the longer hostname.
fn texts() -> [String; 3] {
    let listeners = "{gatewayClassName: ours, listeners: [{name: http, port: 80, protocol: HTTP, hostname: '*.foo.example'}]}";
    let route = |name: &str, created: &str, hostname: &str, backend: &str| {
        object(
            "HTTPRoute",
            &format!("name: {name}, creationTimestamp: '{created}'"),
            &format!(
                "{{parentRefs: [{{name: edge}}], hostnames: ['{hostname}'], rules: [{{backendRefs: [{{name: {backend}, port: 80}}]}}]}}"
            ),
        )
    };
    [
        object("Gateway", "name: edge", listeners),
        route("long", "2026-01-01T00:00:00Z", "*.foo.example", "web"),
        route("old", "2025-06-01T00:00:00Z", "*.example", "web-v2"),
    ]
}

/// "precedence must be given to rules from the HTTPRoute with the largest number of: Characters in a matching non-wildcard
/// hostname. Characters in a matching hostname." Implementations that count what the listener leaves see a tie.
#[test]
fn who_goes_first_depends_on_the_implementation_and_is_said_where_it_is_open() {
    let texts = texts();
    let all = [SERVICES, &texts[0], &texts[1], &texts[2]];
    let by = |who| {
        [
            "--gateway",
            "shop/edge",
            "--implementation",
            who,
            "http://a.foo.example/",
        ]
    };
    assert_eq!(shares(&all, &by("istio")), ["web-v2 1/1"]);
    assert_eq!(shares(&all, &by("envoy-gateway")), ["web-v2 1/1"]);
    assert_eq!(shares(&all, &by("spec")), ["web 1/1"]);
    let ids = |who| {
        let caveats = explained(&all, &by(who)).0["caveats"].clone();
        let ids = caveats.as_array().expect("a list").iter();
        ids.map(|one| one["id"].as_str().unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("spec"), ["hostname-precedence"]);
    assert_eq!(ids("istio"), [""; 0]);
    assert_eq!(ids("envoy-gateway"), [""; 0]);
}
