//! Gateways of the same proxies are lowered once: what stands beside them keeps apart the gateways that it is about, and no others.

use std::fmt::Write as _;

use resplit::diag::Sources;
use resplit::manifest::{Lowering, Manifests, parse};
use resplit::route::{RouteTable, Vantage};

/// Four gateways of the same proxies, each with a rule, and what stands beside them.
fn gateways(beside: &str) -> Manifests {
    let mut text = String::new();
    for name in NAMES {
        let _ = write!(
            text,
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}}}\nspec:\n  selector: {{istio: ingressgateway}}\n  \
             servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['{name}.example.com']}}]\n---\n\
             apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: of-{name}}}\nspec:\n  hosts: [{name}.example.com]\n  \
             gateways: [{name}]\n  http: [{{route: [{{destination: {{host: web}}}}]}}]\n---\n"
        );
    }
    let mut sources = Sources::new();
    sources.add("gateways.yaml", text + beside);
    let (manifests, problems) = parse(&sources);
    assert_eq!(problems, [], "{beside}");
    manifests
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What a table makes of requests, but for the notes about all of its hosts.
fn routed(table: &RouteTable) -> String {
    let hosts = table.hosts.iter().map(|host| {
        (
            &host.domains,
            &host.objects,
            &host.unsupported,
            &host.routes,
        )
    });
    let programmed = table.programmed.as_deref().map(routed);
    format!("{:?} {programmed:?}", hosts.collect::<Vec<_>>())
}

#[test]
fn what_stands_beside_gateways_keeps_only_those_apart_that_it_is_about() {
    let route = |parent: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r}}\nspec:\n  parentRefs: [{parent}]\n  \
             rules: [{{backendRefs: [{{name: web, port: 80}}]}}]\n"
        )
    };
    let labels = |gateway: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: l}}\nspec:\n  hosts: [l.example.com]\n  \
             gateways: [{gateway}]\n  http: [{{match: [{{sourceLabels: {{app: x}}}}], route: [{{destination: {{host: web}}}}]}}]\n"
        )
    };
    let delegate = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: root}\nspec:\n  hosts: [l.example.com]\n  \
         gateways: [b]\n  http: [{match: [{uri: {prefix: /}}], delegate: {name: leaf}}]\n---\n\
         apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: leaf}\nspec:\n  \
         http: [{match: [{sourceLabels: {app: x}}], route: [{destination: {host: web}}]}]\n";
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: c}\nspec:\n  gatewayClassName: istio\n  \
         listeners: [{name: http, port: 80, protocol: HTTP}]\n";
    let canary = "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: web}\nspec: {routes: [{match: Host(`web`), \
         services: [{name: a, weight: 1}, {name: b, weight: 1}]}]}\n";
    let (all, none) = ("bcd", "");
    for (what, beside, shared) in [
        ("nothing", String::new(), all),
        (
            "routes of services",
            route("{group: '', kind: Service, name: web, port: 80}"),
            all,
        ),
        ("a route of another gateway", route("{name: other}"), all),
        ("a route of one of them", route("{name: c}"), "bd"),
        ("a gateway of the same name", gateway.to_owned(), "bd"),
        ("labels at another gateway", labels("other"), all),
        ("labels at one of them", labels("b"), none),
        ("labels of a delegate", delegate.to_owned(), none),
        ("weights of another dialect", canary.to_owned(), all),
    ] {
        let manifests = gateways(&beside);
        let names: Vec<(String, String)> = NAMES
            .map(|name| ("default".to_owned(), name.to_owned()))
            .to_vec();
        let mesh = Vantage::mesh(None, None);
        let lowering = Lowering::new(&manifests);
        let tables = lowering.shared_tables(&mesh, &names);
        let with_first = names.iter().zip(&tables).filter(|(_, one)| one.is_some());
        let with_first: String = with_first.map(|((_, name), _)| name.as_str()).collect();
        assert_eq!(with_first, shared, "beside {what}");
        let lowered = |at: usize| {
            let (namespace, name) = names[at].clone();
            routed(&lowering.table(&Vantage::gateway(namespace, name)))
        };
        for (at, table) in tables.iter().enumerate() {
            if let Some(table) = table {
                assert_eq!(
                    lowered(at),
                    lowered(table.first),
                    "{} beside {what}",
                    names[at].1
                );
            }
        }
    }
}
