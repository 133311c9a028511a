//! The controller of a `GatewayClass` decides where implementations differ.

use super::{SERVICES, explained, object, shares};

/// Two rules of one route, of which implementations take a different one first.
fn texts(controller: &str) -> [String; 3] {
    let class = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {{name: ours}}\nspec: {{controllerName: {controller}}}\n"
    );
    let listeners = "{gatewayClassName: ours, listeners: [{name: http, port: 80, protocol: HTTP}]}";
    let rules = "{parentRefs: [{name: edge}], rules: [\
        {matches: [{path: {type: RegularExpression, value: '/api/v[0-9]+'}}], backendRefs: [{name: web-v2, port: 80}]}, \
        {matches: [{path: {type: PathPrefix, value: /api}}], backendRefs: [{name: web, port: 80}]}]}";
    [
        class,
        object("Gateway", "name: edge", listeners),
        object("HTTPRoute", "name: web", rules),
    ]
}

const URL: [&str; 3] = ["--gateway", "shop/edge", "http://shop.example.com/api/v1"];

/// "`ControllerName` is the name of the controller that is managing Gateways of this class."
#[test]
fn the_controller_of_the_class_decides_and_is_named() {
    for (controller, takes, note) in [
        ("istio.io/gateway-controller", "web 1/1", None),
        (
            "gateway.envoyproxy.io/gatewayclass-controller",
            "web-v2 1/1",
            Some("judged as Envoy Gateway has them"),
        ),
        (
            "io.cilium/gateway-controller",
            "web 1/1",
            Some("which leaves some of the order of rules open"),
        ),
        (
            "projectcontour.io/gateway-controller",
            "web-v2 1/1",
            Some("regular expressions before prefixes"),
        ),
        (
            "gateway.nginx.org/nginx-gateway-controller",
            "web-v2 1/1",
            Some("regular expressions before prefixes"),
        ),
        (
            "example.net/ours",
            "web 1/1",
            Some("judged as the specification has them"),
        ),
    ] {
        let [class, gateway, route] = texts(controller);
        let all = [SERVICES, &class, &gateway, &route];
        assert_eq!(shares(&all, &URL), [takes], "{controller}");
        let caveats = explained(&all, &URL).0["caveats"].clone();
        let own = caveats.as_array().expect("a list").iter();
        let own = own.filter(|one| one["id"] == "implemented-by");
        let said: Vec<&str> = own
            .map(|one| one["message"].as_str().unwrap_or(""))
            .collect();
        match note {
            None => assert_eq!(said, [""; 0], "{controller}"),
            Some(note) => {
                let [said] = said[..] else {
                    panic!("{caveats}")
                };
                assert!(said.contains(note) && said.contains(controller), "{said}");
                assert!(said.contains("GatewayClass ours"), "{said}");
            }
        }
    }
}

#[test]
fn whoever_is_given_wins_and_a_class_that_is_not_given_decides_nothing() {
    let [class, gateway, route] = texts("gateway.envoyproxy.io/gatewayclass-controller");
    let all = [SERVICES, &class, &gateway, &route];
    let given = |who| [&URL[..], &["--implementation", who]].concat();
    assert_eq!(shares(&all, &given("istio")), ["web 1/1"]);
    assert_eq!(shares(&all, &given("envoy-gateway")), ["web-v2 1/1"]);
    let all = [SERVICES, &gateway, &route];
    assert_eq!(shares(&all, &URL), ["web 1/1"]);
    assert_eq!(explained(&all, &URL).0["caveats"], serde_json::json!([]));
}

/// Envoy Gateway: "`DirectResponse` is a response that is returned by the proxy itself".
#[test]
fn a_direct_response_of_envoy_gateway_is_an_outcome() {
    let [class, gateway, _] = texts("gateway.envoyproxy.io/gatewayclass-controller");
    let filter = |spec: &str| {
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: HTTPRouteFilter\nmetadata: {{name: stop, namespace: shop}}\nspec: {spec}\n"
        )
    };
    let extension = "{type: ExtensionRef, extensionRef: {group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: stop}}";
    let route = object(
        "HTTPRoute",
        "name: web",
        &format!(
            "{{parentRefs: [{{name: edge}}], rules: [{{filters: [{extension}], backendRefs: [{{name: web, port: 80}}]}}]}}"
        ),
    );
    for (spec, expected) in [
        (
            "{directResponse: {statusCode: 503, body: {type: Inline, inline: closed}}}",
            "status 503 1/1",
        ),
        (
            "{directResponse: {body: {type: Inline, inline: hello}}}",
            "status 200 1/1",
        ),
        ("{urlRewrite: {}}", "web 1/1"),
    ] {
        let all = [SERVICES, &class, &gateway, &route, &filter(spec)];
        assert_eq!(shares(&all, &URL), [expected], "{spec}");
        let caveats = explained(&all, &URL).0["caveats"].to_string();
        assert_eq!(
            caveats.contains("is not judged"),
            expected == "web 1/1",
            "{caveats}"
        );
    }
}
