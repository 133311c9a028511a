//! Gateways: what their servers take, and what they do with it.

use super::{mesh, object, split, subsets};

fn gateway(servers: &str) -> String {
    object(
        "Gateway",
        "gw",
        &format!("{{selector: {{istio: ingress}}, servers: [{servers}]}}"),
    )
}

fn rule(name: &str, more: &str) -> String {
    object(
        "VirtualService",
        name,
        &format!("{{hosts: [shop.example.com], gateways: [gw], {more}}}"),
    )
}

const HTTP: &str = "http: [{route: [{destination: {host: requests}}]}]";
const TLS: &str =
    "tls: [{match: [{sniHosts: [shop.example.com]}], route: [{destination: {host: handshakes}}]}]";
const TCP: &str = "tcp: [{match: [{port: 9000}], route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 1}]}]";

/// "PASSTHROUGH gateway: tls routes"; a server that ends TLS looks at requests.
#[test]
fn the_tls_mode_decides_whether_requests_or_handshakes_are_routed() {
    let server = |mode: &str| {
        gateway(&format!(
            "{{hosts: ['*'], port: {{number: 443, name: x, protocol: HTTPS}}, tls: {{mode: {mode}}}}}"
        ))
    };
    let met = |mode: &str| {
        let text = server(mode) + &rule("shop", &format!("{HTTP}, {TLS}"));
        mesh(&text)
            .gateway("default", "gw")
            .get("https://shop.example.com/")
            .map(|met| met.shares())
    };
    assert_eq!(met("SIMPLE"), Ok("1/1 requests".to_owned()));
    assert_eq!(met("PASSTHROUGH"), Ok("1/1 handshakes".to_owned()));
    let text = server("PASSTHROUGH") + &rule("shop", HTTP);
    let error = mesh(&text)
        .gateway("default", "gw")
        .get("https://shop.example.com/")
        .expect_err("no tls routes");
    assert!(error.contains("has no `tls` routes"), "{error}");
    let text = server("AUTO_PASSTHROUGH") + &rule("shop", TLS);
    let error = mesh(&text)
        .gateway("default", "gw")
        .get("https://shop.example.com/")
        .expect_err("clusters");
    assert!(error.contains("AUTO_PASSTHROUGH"), "{error}");
}

/// "tcp[]: port match by listener port"; a connection carries no host.
#[test]
fn a_tcp_server_splits_connections() {
    let text = gateway("{hosts: ['*'], port: {number: 9000, name: tcp, protocol: TCP}}")
        + &rule("shop", TCP);
    let met = mesh(&text)
        .gateway("default", "gw")
        .get("http://gw.example.com:9000/")
        .expect("any host");
    assert_eq!(
        (met.shares(), met.has("tcp-route")),
        ("1/2 a, 1/2 b".to_owned(), true)
    );
}

/// "per server: hosts = server.hosts filtered by `ns/host` prefix (VS namespace; `*/`, `./`), intersect VS hosts."
#[test]
fn hosts_of_a_server_are_limited_to_namespaces() {
    for (host, taken) in [
        ("'*'", true),
        ("'./*'", true),
        ("'*/*.example.com'", true),
        ("default/shop.example.com", true),
        ("'other/*'", false),
        ("'*.example.org'", false),
    ] {
        let server =
            format!("{{hosts: [{host}], port: {{number: 80, name: http, protocol: HTTP}}}}");
        let text = gateway(&server) + &rule("shop", HTTP);
        let met = mesh(&text)
            .gateway("default", "gw")
            .get("http://shop.example.com/");
        assert_eq!(met.is_ok(), taken, "{host}: {met:?}");
    }
}

/// "The gateway does NOT apply mesh-bound VS of the destination service."
#[test]
fn a_gateway_route_to_a_host_that_the_mesh_splits_is_named() {
    let front = rule("shop", "http: [{route: [{destination: {host: web}}]}]");
    let text = front + &split("web", "web") + &subsets("web", "web", "");
    let met = mesh(&text)
        .gateway("default", "gw")
        .get("http://shop.example.com/")
        .expect("a host");
    assert_eq!(
        (met.shares(), met.has("mesh-rules-not-applied")),
        ("1/1 web".to_owned(), true)
    );
    let inside = mesh(&text).get("http://web/").expect("a host");
    assert!(!inside.has("mesh-rules-not-applied"));
}

/// "httpsRedirect server -> 301 for plain http"; several servers on one port each take their hosts.
#[test]
fn several_servers_take_their_own_hosts() {
    let servers = "{hosts: [shop.example.com], port: {number: 80, name: http, protocol: HTTP}, tls: {httpsRedirect: true}}, \
                   {hosts: [shop.example.com], port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE}}";
    let text = gateway(servers) + &rule("shop", HTTP);
    let met = |url: &str| {
        mesh(&text)
            .gateway("default", "gw")
            .get(url)
            .expect("a host")
            .shares()
    };
    assert_eq!(met("http://shop.example.com/"), "1/1 status 301");
    assert_eq!(met("https://shop.example.com/"), "1/1 requests");
}
