//! Laws that hold for all routes: no object breaks lowering, shares sum to one, the order of documents does not matter.

use proptest::prelude::*;
use proptest::sample::select;
use resplit::diag::{Severity, Sources};
use resplit::manifest::{lower, parse};
use resplit::route::{Origin, Proxy, RouteTable, Vantage, resolve};
use resplit::split::Share;

use super::pairs::essence;
use super::{EVERYBODY, request, with};

fn any_match() -> impl Strategy<Value = String> {
    let path = select(vec![
        "",
        "path: {value: /a}, ",
        "path: {value: /a/}, ",
        "path: {type: Exact, value: /a}, ",
        "path: {type: RegularExpression, value: '/[ab].*'}, ",
    ]);
    let method = select(vec!["", "method: GET, "]);
    let headers = select(vec![
        "",
        "headers: [{name: a, value: '1'}], ",
        "headers: [{name: a, value: '1'}, {name: b, value: .*, type: RegularExpression}], ",
    ]);
    let parameters = select(vec!["", "queryParams: [{name: q, value: '1'}]"]);
    (path, method, headers, parameters).prop_map(|(a, b, c, d)| format!("{{{a}{b}{c}{d}}}"))
}

fn any_backend() -> impl Strategy<Value = String> {
    let kind = select(vec![
        "",
        "kind: Service, ",
        "kind: Pod, ",
        "group: inference.networking.k8s.io, kind: InferencePool, ",
        "group: networking.istio.io, kind: Hostname, ",
    ]);
    let name = select(vec!["v1", "v2", "v3"]);
    let namespace = select(vec!["", "namespace: b, "]);
    let port = select(vec!["", "port: 80, ", "port: 81, "]);
    let weight = prop_oneof![
        Just(String::new()),
        (0..=1_000_000_u32).prop_map(|weight| format!("weight: {weight}")),
        Just("weight: 0".to_owned()),
    ];
    (kind, name, namespace, port, weight).prop_map(|(kind, name, ns, port, weight)| {
        format!("{{{kind}name: {name}, {ns}{port}{weight}}}")
    })
}

fn any_rule() -> impl Strategy<Value = String> {
    let matches = prop::collection::vec(any_match(), 0..3);
    let backends = prop::collection::vec(any_backend(), 0..4);
    let filters = select(vec!["", "filters: [{type: CORS, cors: {}}], "]);
    (matches, backends, filters).prop_map(|(matches, backends, filters)| {
        format!(
            "    - {{{filters}matches: [{}], backendRefs: [{}]}}\n",
            matches.join(", "),
            backends.join(", ")
        )
    })
}

fn any_route(number: usize) -> impl Strategy<Value = String> {
    let grpc = prop::bool::weighted(0.2);
    let namespace = select(vec!["a", "b"]);
    let created = select(vec![
        "",
        ", creationTimestamp: '2026-01-01'",
        ", creationTimestamp: '2026-01-02'",
    ]);
    let parent = select(vec![
        "name: gw, namespace: a",
        "name: gw, namespace: a, sectionName: https",
        "name: gw, namespace: a, port: 80",
        "name: other",
        "group: '', kind: Service, name: v1, namespace: a",
        "group: '', kind: Service, name: v1, port: 80",
        "group: x.org, kind: Other, name: v1",
    ]);
    let hostnames = select(vec![
        "",
        "a.example",
        "'*.example'",
        "a.example, b.example",
        "'*.a.example'",
    ]);
    let rules = prop::collection::vec(any_rule(), 0..4);
    (grpc, namespace, created, parent, hostnames, rules).prop_map(
        move |(grpc, namespace, created, parent, hostnames, rules)| {
            let (kind, rules) = if grpc {
                ("GRPCRoute", "    - {backendRefs: [{name: v1, port: 80}]}\n".to_owned())
            } else {
                ("HTTPRoute", rules.concat())
            };
            let rules = if rules.is_empty() { "    []\n".to_owned() } else { rules };
            format!(
                "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r{number}, namespace: {namespace}\
                 {created}}}\nspec:\n  parentRefs: [{{{parent}}}]\n  hostnames: [{hostnames}]\n  rules:\n{rules}"
            )
        },
    )
}

fn any_object() -> impl Strategy<Value = String> {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: a}\nspec:\n  listeners:\n";
    let listeners = [
        "  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}\n",
        "  - {name: https, port: 443, protocol: HTTPS, hostname: '*.example'}\n",
        "  - {name: own, port: 80, protocol: HTTP, hostname: a.example, allowedRoutes: {namespaces: {from: Selector, \
         selector: {matchLabels: {team: web}}}}}\n",
    ];
    let gateway = move |n: usize| format!("{gateway}{}", listeners[..n].concat());
    let service = |name: &str, namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{ports: [{{port: 80}}]}}\n"
        )
    };
    let grant = "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: b}\nspec: {from: \
                 [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: a}], to: [{kind: Service}]}\n";
    select(vec![
        gateway(1),
        gateway(2),
        gateway(3),
        service("v1", "a"),
        service("v2", "a"),
        service("v1", "b"),
        grant.to_owned(),
    ])
}

fn any_documents() -> impl Strategy<Value = Vec<String>> {
    let routes = (any_route(0), any_route(1), any_route(2));
    let others = prop::collection::vec(any_object(), 0..4);
    (routes, others).prop_map(|((a, b, c), others)| {
        let mut all = vec![a, b, c];
        for other in others {
            // The same object twice is an error of its own.
            let head = |text: &String| text.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
            if !all.iter().any(|known| head(known) == head(&other)) {
                all.push(other);
            }
        }
        all
    })
}

fn any_vantage() -> impl Strategy<Value = Vantage> {
    let mesh = |namespace: Option<&str>, proxy| Origin::Mesh {
        namespace: namespace.map(str::to_owned),
        labels: None,
        proxy,
    };
    let origin = select(vec![
        Origin::Gateway {
            namespace: "a".to_owned(),
            name: "gw".to_owned(),
        },
        mesh(None, Proxy::Sidecar),
        mesh(Some("a"), Proxy::Sidecar),
        mesh(Some("b"), Proxy::Sidecar),
        mesh(Some("a"), Proxy::Waypoint),
    ]);
    let port = select(vec![None, Some(80), Some(443)]);
    (origin, port, select(EVERYBODY.to_vec())).prop_map(|(origin, port, implementation)| Vantage {
        port,
        implementation: Some(implementation),
        ..Vantage::at(origin)
    })
}

fn lowered(documents: &[String], vantage: &Vantage) -> RouteTable {
    let mut sources = Sources::new();
    sources.add("all.yaml", documents.join("---\n"));
    let (manifests, problems) = parse(&sources);
    let wrong: Vec<_> = problems
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{}", documents.join("---\n"));
    lower(&manifests, vantage)
}

proptest! {
    #[test]
    fn the_shares_of_any_routes_sum_to_one(documents in any_documents(), vantage in any_vantage(), path in "/[ab/]{0,3}") {
        let table = lowered(&documents, &vantage);
        let sources = {
            let mut sources = Sources::new();
            sources.add("all.yaml", documents.join("---\n"));
            sources
        };
        for host in ["a.example", "x.a.example", "v1.a", "v1.b", "nowhere.org"] {
            let probe = with(request(&format!("GET http://{host}{path}?q=1")), "a", "1");
            if let Ok(resolution) = resolve(&table, &probe) {
                let expected = resolution.expected(&sources);
                let sum = expected.declared().iter().try_fold(Share::ZERO, |sum, one| sum.checked_add(one.share));
                prop_assert_eq!(sum, Some(Share::ONE));
            }
        }
    }

    #[test]
    fn the_order_of_documents_does_not_matter(
        documents in any_documents().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        vantage in any_vantage(),
    ) {
        let (one, other) = documents;
        let (one, other) = (lowered(&one, &vantage), lowered(&other, &vantage));
        prop_assert_eq!(essence(&one), essence(&other));
        let objects = |table: &RouteTable| -> Vec<(String, String)> {
            table.inactive_rules.iter().map(|rule| (rule.object.clone(), rule.note.message.clone())).collect()
        };
        prop_assert_eq!(objects(&one), objects(&other));
    }

    /// A route either applies or says why not.
    #[test]
    fn no_route_is_lost_in_silence(documents in any_documents(), vantage in any_vantage()) {
        let table = lowered(&documents, &vantage);
        for route in documents.iter().filter(|text| text.contains("Route\n")) {
            let name = route.split("name: ").nth(1).and_then(|rest| rest.split(',').next()).expect("a name");
            let named = |object: &String| object.ends_with(&format!("/{name}"));
            let applies = table.hosts.iter().flat_map(|host| &host.objects).any(named);
            let excused = table.inactive_rules.iter().map(|rule| &rule.object).any(named);
            prop_assert!(applies || excused, "{}\n{:?}", route, table);
        }
    }
}
