//! Backends that nobody knows, and parents in the mesh that are not there.

use super::{SERVICES, SPLIT, found, object, shares};

fn at_gateway(backends: &str) -> String {
    let spec = format!("{{parentRefs: [{{name: edge}}], rules: [{{backendRefs: [{backends}]}}]}}");
    object("HTTPRoute", "name: web", &spec)
}

const URL: [&str; 3] = ["--gateway", "shop/edge", "http://shop.example.com/"];

/// "500 status codes MUST be returned for requests that would have otherwise been routed to an invalid backend."
#[test]
fn backends_that_nobody_knows_are_missing_where_the_services_of_their_namespace_are_given() {
    for (backends, errors, expected) in [
        // Each is like a Service that is given.
        ("{name: wbe, port: 80}", 1, &["status 500 1/1"][..]),
        (
            "{name: wbe, port: 80}, {name: web-v22, port: 80}",
            2,
            &["status 500 1/1"],
        ),
        // Like none of two.
        ("{name: nonexistent, port: 80}", 1, &["status 500 1/1"]),
    ] {
        let texts = [SERVICES, &at_gateway(backends)];
        let told = found(&texts, "RS030");
        assert_eq!(told.len(), errors, "{backends}: {told:?}");
        assert!(told.iter().all(|(severity, _)| severity == "error"));
        assert_eq!(shares(&texts, &URL), expected, "{backends}");
    }
    // One Service that is like none of them says nothing about other files.
    let one = SERVICES.split("---").next().expect("a Service");
    let texts = [
        one,
        &at_gateway("{name: checkout, port: 80}, {name: payment, port: 80}"),
    ];
    assert_eq!(found(&texts, "RS030"), []);
    assert_eq!(shares(&texts, &URL), ["checkout 1/2", "payment 1/2"]);
}

fn in_mesh(parent: &str) -> String {
    object(
        "HTTPRoute",
        "name: web",
        &format!("{{parentRefs: [{{{parent}}}], {SPLIT}}}"),
    )
}

const FRONT: &str = "
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {ports: [{name: http, port: 8080}]}
";

/// "When the parent resource is a Service, this targets a specific port in the Service spec." "Group is the group of the
/// referent. When unspecified, `gateway.networking.k8s.io` is inferred. To set the core API group (such as for a `Service` kind
/// referent), Group must be explicitly set to \"\" (empty string)."
#[test]
fn parents_in_the_mesh_that_do_not_count_are_found() {
    for (parent, severity, said) in [
        (
            "group: '', kind: Service, name: front, port: 9090",
            "error",
            "port 9090 of Service shop/front, whose ports are 8080",
        ),
        (
            "group: '', kind: Service, name: front, sectionName: grpc",
            "error",
            "port `grpc` of Service shop/front",
        ),
        (
            "kind: Service, name: front",
            "error",
            "a Service is of the core group",
        ),
        (
            "group: core, kind: Service, name: front",
            "error",
            "a Service is of the core group",
        ),
        (
            "group: '', kind: Service, name: frnot",
            "warning",
            "Service shop/frnot is not in these manifests",
        ),
    ] {
        let told = found(&[SERVICES, FRONT, &in_mesh(parent)], "RS030");
        let [(as_bad, message)] = &told[..] else {
            panic!("{parent}: {told:?}");
        };
        assert_eq!(as_bad, severity, "{parent}");
        assert!(message.contains(said), "{parent}: {message}");
    }
    for good in [
        "group: '', kind: Service, name: front",
        "group: '', kind: Service, name: front, port: 8080",
        "group: '', kind: Service, name: front, sectionName: http",
    ] {
        assert_eq!(
            found(&[SERVICES, FRONT, &in_mesh(good)], "RS030"),
            [],
            "{good}"
        );
    }
    // Nothing but the backends is given: the parent may be in another file.
    let parent = "group: '', kind: Service, name: front";
    assert_eq!(found(&[SERVICES, &in_mesh(parent)], "RS030"), []);
}

/// "Namespace is the namespace of the referent. When unspecified, this refers to the local namespace of the Route."
#[test]
fn a_gateway_of_another_namespace_is_named() {
    let gateway = object(
        "Gateway",
        "name: edge",
        "{gatewayClassName: ours, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}",
    )
    .replace("namespace: shop", "namespace: infra");
    let route = |parent: &str| {
        let spec = format!("{{parentRefs: [{{{parent}}}], {SPLIT}}}");
        object("HTTPRoute", "name: web", &spec)
    };
    let told = found(&[SERVICES, &gateway, &route("name: edge")], "RS030");
    let [(severity, message)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(severity, "warning");
    assert!(
        message.contains("Gateway shop/edge is not in these manifests, and Gateway infra/edge is"),
        "{message}"
    );
    for parent in ["name: edge, namespace: infra", "name: other"] {
        assert_eq!(
            found(&[SERVICES, &gateway, &route(parent)], "RS030"),
            [],
            "{parent}"
        );
    }
}
