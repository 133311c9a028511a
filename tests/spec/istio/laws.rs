//! Laws: the order of documents makes no difference, no objects break the resolver, shares sum to one.

use proptest::prelude::*;
use resplit::diag::Sources;
use resplit::manifest::{lower, parse};
use resplit::route::{Origin, Proxy, Vantage, resolve};
use resplit::split::Share;

use super::{object, probe};

/// Small names that often meet.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "web",
        "api",
        "web.b",
        "'*.svc.cluster.local'",
        "web.a.svc.cluster.local",
    ])
}

fn namespace() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "default", "istio-system"])
}

fn matches() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "match: [{port: 80}], ",
        "match: [{sourceNamespace: a}, {uri: {prefix: /x}}], ",
        "match: [{sourceLabels: {app: x}, gateways: [mesh]}], ",
        "match: [{headers: {h: {}}}], fault: {abort: {httpStatus: 500, percentage: {value: 12.5}}}, ",
    ])
}

fn action() -> impl Strategy<Value = String> {
    let item = (
        name(),
        0..3_u8,
        prop::sample::select(vec!["", ", subset: v1", ", subset: v2"]),
    );
    prop_oneof![
        prop::collection::vec(item, 1..4).prop_map(|items| {
            let item = |(at, (host, weight, subset)): (usize, &(&str, u8, &str))| {
                let host = if host.contains('*') { "web" } else { host };
                let weight = u32::from(*weight) + u32::from(at == 0);
                format!("{{destination: {{host: {host}{subset}}}, weight: {weight}}}")
            };
            let items: Vec<String> = items.iter().enumerate().map(item).collect();
            format!("route: [{}]", items.join(", "))
        }),
        Just("delegate: {name: o0, namespace: a}".to_owned()),
        Just("redirect: {uri: /}".to_owned()),
    ]
}

fn one() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    let routes = prop::collection::vec((matches(), action()), 1..3);
    let rule = (name(), any::<bool>(), routes).prop_map(|(host, bound, routes)| {
        let routes: Vec<String> = routes
            .iter()
            .map(|(matches, action)| {
                let matches = if action.starts_with("route") {
                    *matches
                } else {
                    ""
                };
                format!("{{{matches}{action}}}")
            })
            .collect();
        let gateways = if bound {
            ", gateways: [mesh, a/gw]"
        } else {
            ""
        };
        (
            "VirtualService",
            format!(
                "{{hosts: [{host}]{gateways}, http: [{}]}}",
                routes.join(", ")
            ),
        )
    });
    let others = prop::sample::select(vec![
        (
            "VirtualService",
            "{http: [{match: [{uri: {prefix: /x}}], route: [{destination: {host: leaf}}]}]}",
        ),
        (
            "DestinationRule",
            "{host: web, subsets: [{name: v1, labels: {version: v1}}]}",
        ),
        ("DestinationRule", "{host: '*.local'}"),
        (
            "DestinationRule",
            "{host: web.a.svc.cluster.local, exportTo: ['.'], subsets: [{name: v2}]}",
        ),
        (
            "Service",
            "{clusterIP: None, ports: [{name: http, port: 80}]}",
        ),
        (
            "Service",
            "{ports: [{name: web, port: 80}, {name: tcp-x, port: 81}]}",
        ),
        (
            "Service",
            "{type: ExternalName, externalName: web.a.svc.cluster.local}",
        ),
        (
            "ServiceEntry",
            "{hosts: [api, '*.b'], ports: [{number: 80, name: x, protocol: HTTP}]}",
        ),
        ("Sidecar", "{egress: [{hosts: ['./*', 'a/*']}]}"),
        (
            "Gateway",
            "{servers: [{hosts: ['*'], port: {number: 80, name: http, protocol: HTTP}}]}",
        ),
    ]);
    let any = prop_oneof![3 => rule, 2 => others.prop_map(|(kind, spec)| (kind, spec.to_owned()))];
    (namespace(), any).prop_map(|(namespace, (kind, spec))| (namespace, kind, spec))
}

fn vantage() -> impl Strategy<Value = Vantage> {
    let mesh = |proxy| {
        Vantage::at(Origin::Mesh {
            namespace: Some("a".to_owned()),
            labels: None,
            proxy,
        })
    };
    prop_oneof![
        Just(mesh(Proxy::Sidecar)),
        Just(mesh(Proxy::Waypoint)),
        Just(Vantage::mesh(None, None)),
        Just(Vantage::gateway("a", "gw")),
    ]
}

/// What a request meets, without the places in the text, which move with it.
fn answer(
    documents: &[String],
    vantage: &Vantage,
    url: &str,
) -> Result<(Vec<String>, Share), TestCaseError> {
    let mut sources = Sources::new();
    for (number, document) in documents.iter().enumerate() {
        sources.add(format!("{number}.yaml"), document.clone());
    }
    let (manifests, _) = parse(&sources);
    let probe = probe(url);
    let table = lower(&manifests, &vantage.clone().dialling(&probe));
    let Ok(found) = resolve(&table, &probe) else {
        return Ok((Vec::new(), Share::ONE));
    };
    let expected = found.expected(&sources);
    let mut total = Share::ZERO;
    for declared in expected.declared() {
        total = total
            .checked_add(declared.share)
            .ok_or_else(|| TestCaseError::fail("an overflow"))?;
    }
    let rule = found
        .route
        .map(|route| format!("{} {}", route.object, route.rule));
    let parts = expected
        .declared()
        .iter()
        .map(|one| format!("{} {}", one.share, one.name));
    Ok((rule.into_iter().chain(parts).collect(), total))
}

proptest! {
    #[test]
    fn any_objects_in_any_order_give_one_answer_that_sums_to_one(
        objects in prop::collection::vec(one(), 1..8),
        vantage in vantage(),
        url in prop::sample::select(vec!["http://web/", "http://web.a/x", "http://web.b:81/", "http://api/", "https://web.a/"]),
    ) {
        let named = objects.iter().enumerate();
        let documents: Vec<String> = named
            .map(|(at, (namespace, kind, spec))| {
                // Services are what names mean, so that these have theirs.
                let name = match (*kind, at % 2) {
                    ("Service", 0) => "web".to_owned(),
                    ("Service", _) => "api".to_owned(),
                    ("Gateway", _) => "gw".to_owned(),
                    _ => format!("o{at}"),
                };
                object(kind, &format!("{namespace}/{name}"), spec)
            })
            .collect();
        // The same object twice is an error of its own, and only the first would count.
        let mut names: Vec<&str> = documents.iter().filter_map(|text| text.split("spec:").next()).collect();
        names.sort_unstable();
        names.dedup();
        prop_assume!(names.len() == documents.len());
        let (forwards, total) = answer(&documents, &vantage, url)?;
        prop_assert_eq!(total, Share::ONE);
        let reversed: Vec<String> = documents.iter().rev().cloned().collect();
        prop_assert_eq!(answer(&reversed, &vantage, url)?.0, forwards);
    }
}
