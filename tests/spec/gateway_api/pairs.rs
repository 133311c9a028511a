//! An HTTPRoute and a VirtualService that mean the same make the same table.

use std::fmt::Write as _;

use resplit::route::{Action, RouteTable, Test, Vantage};

use super::Case;

/// A table without names of objects, places and caveats.
pub(super) fn essence(table: &RouteTable) -> String {
    let mut text = String::new();
    for host in &table.hosts {
        let _ = writeln!(text, "{}", host.domains.join(" "));
        for route in &host.routes {
            let tests = route.conditions.iter();
            let tests: Vec<String> = tests.map(|one| asked(&one.test)).collect();
            let outcome = match &route.outcome.action {
                Action::LocalReply(answer) => format!("{} {}", answer.status, answer.cause),
                Action::Named(named) => format!("{named:?}"),
                Action::Split(split) => {
                    let shares = split.shares().map(|(backend, share)| {
                        let to = &backend.destination;
                        format!("{}:{:?} {share} {:?}", to.host, to.port, backend.broken)
                    });
                    format!(
                        "{:?} {}",
                        split.mechanism(),
                        shares.collect::<Vec<_>>().join(", ")
                    )
                }
            };
            let _ = writeln!(text, "  [{}] -> {outcome}", tests.join(", "));
        }
    }
    text
}

fn asked(test: &Test) -> String {
    match test {
        Test::Assumed(caveat) | Test::Unknowable(caveat) => caveat.message.clone(),
        test => format!("{test:?}"),
    }
}

fn virtual_service(place: &str, http: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web}}\nspec:\n  {place}\n  http:\n{http}"
    )
}

fn http_route(place: &str, rules: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: web}}\nspec:\n  {place}\n  rules:\n{rules}"
    )
}

const PAIRS: &[(&str, &str)] = &[
    // A split of all requests.
    (
        "  - route:
    - {destination: {host: v1, port: {number: 80}}, weight: 90}
    - {destination: {host: v2, port: {number: 80}}, weight: 10}",
        "  - backendRefs:
    - {name: v1, port: 80, weight: 90}
    - {name: v2, port: 80, weight: 10}",
    ),
    // A header before everything else.
    (
        "  - match: [{headers: {X-Canary: {exact: always}}}]
    route: [{destination: {host: v2, port: {number: 80}}}]
  - route: [{destination: {host: v1, port: {number: 80}}}]",
        "  - backendRefs: [{name: v1, port: 80}]
  - matches: [{headers: [{name: X-Canary, value: always}]}]
    backendRefs: [{name: v2, port: 80}]",
    ),
    // Alternatives, methods, parameters and regular expressions.
    (
        "  - match:
    - {uri: {exact: /a}, method: {exact: GET}}
    - {uri: {regex: '/[bc]'}, queryParams: {q: {regex: '[0-9]+'}}}
    route:
    - {destination: {host: v1, port: {number: 80}}, weight: 1}
    - {destination: {host: v2, port: {number: 80}}, weight: 1}",
        "  - matches:
    - {path: {type: Exact, value: /a}, method: GET}
    - path: {type: RegularExpression, value: '/[bc]'}
      queryParams: [{type: RegularExpression, name: q, value: '[0-9]+'}]
    backendRefs: [{name: v1, port: 80}, {name: v2, port: 80}]",
    ),
    // A redirect.
    (
        "  - redirect: {uri: /new, redirectCode: 302}",
        "  - filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /new}}}]",
    ),
];

#[test]
fn at_a_gateway() {
    let vantage = Vantage::gateway("infra", "gw");
    for (http, rules) in PAIRS {
        let istio = virtual_service("hosts: [a.example]\n  gateways: [infra/gw]", http);
        let api = http_route(
            "parentRefs: [{name: gw, namespace: infra}]\n  hostnames: [a.example]",
            rules,
        );
        let one = essence(&Case::new(&istio, &vantage).table);
        let other = essence(&Case::new(&api, &vantage).table);
        assert!(one.contains("a.example\n  ["), "{one}");
        assert_eq!(one, other);
    }
}

#[test]
fn in_the_mesh() {
    for client in [None, Some("default"), Some("other")] {
        let vantage = Vantage {
            port: Some(80),
            ..Vantage::mesh(client.map(str::to_owned), None)
        };
        for (http, rules) in PAIRS {
            let istio = virtual_service("hosts: [web]", http);
            let api = http_route("parentRefs: [{group: '', kind: Service, name: web}]", rules);
            let one = essence(&Case::new(&istio, &vantage).table);
            let other = essence(&Case::new(&api, &vantage).table);
            assert!(one.starts_with("web.default.svc.cluster.local"), "{one}");
            assert_eq!(one, other);
        }
    }
}
