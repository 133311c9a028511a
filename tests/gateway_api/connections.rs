//! Routes that split connections: `TLSRoute` by the name in the handshake, `TCPRoute` by the port.

use super::{SERVICES, explained, found, object, on, shares};

const BACKENDS: &str = "rules: [{backendRefs: [{name: web, port: 80, weight: 70}, {name: web-v2, port: 80, weight: 30}]}]";

/// A Gateway with listeners of each kind.
fn gateway() -> String {
    object(
        "Gateway",
        "name: edge",
        "{gatewayClassName: ours, listeners: [\
         {name: http, port: 80, protocol: HTTP}, \
         {name: tls, port: 443, protocol: TLS, hostname: '*.example.com', tls: {mode: Passthrough}}, \
         {name: https, port: 443, protocol: HTTPS, hostname: own.example.com, tls: {mode: Terminate}}, \
         {name: tcp, port: 9000, protocol: TCP}]}",
    )
}

fn route(kind: &str, name: &str, spec: &str) -> String {
    object(
        kind,
        &format!("name: {name}"),
        &format!("{{parentRefs: [{{name: edge}}], {spec}}}"),
    )
}

fn at(url: &str) -> [&str; 3] {
    ["--gateway", "shop/edge", url]
}

/// "The `TLSRoute` resource is similar to `TCPRoute`, but can be configured to match against TLS-specific metadata": "SNI can be
/// matched against the hostnames".
#[test]
fn a_tls_route_splits_the_connections_whose_handshake_names_its_host() {
    let tls = route(
        "TLSRoute",
        "a",
        &format!("hostnames: [a.example.com], {BACKENDS}"),
    );
    let web = route(
        "HTTPRoute",
        "b",
        "hostnames: [own.example.com], rules: [{backendRefs: [{name: web-v2, port: 80}]}]",
    );
    let texts = [SERVICES, &gateway(), &tls, &web];
    let split = ["web 7/10", "web-v2 3/10"];
    assert_eq!(shares(&texts, &at("https://a.example.com/")), split);
    // What the Host header says is sealed.
    let sealed = [
        &at("https://a.example.com/")[..],
        &["--host", "own.example.com"],
    ]
    .concat();
    assert_eq!(shares(&texts, &sealed), split);
    assert_eq!(
        shares(&texts, &at("https://own.example.com/")),
        ["web-v2 1/1"]
    );
    let report = explained(&texts, &at("https://a.example.com/")).0;
    assert_eq!(report["mechanism"], "per-connection");
    // "a.example.com" in the clear, and another name, reach nobody.
    for url in ["http://a.example.com/", "https://c.example.com/"] {
        let report = explained(&texts, &at(url)).0;
        assert_eq!(report["route"], serde_json::Value::Null, "{url}");
    }
}

/// "A `TCPRoute` forwards connections on the port specified by the listener".
#[test]
fn a_tcp_route_splits_the_connections_of_its_port_whatever_their_host() {
    let tcp = route("TCPRoute", "a", BACKENDS);
    let texts = [SERVICES, &gateway(), &tcp];
    let split = ["web 7/10", "web-v2 3/10"];
    for url in ["http://any.example:9000/", "https://other.example:9000/x"] {
        assert_eq!(shares(&texts, &at(url)), split, "{url}");
    }
    let report = explained(&texts, &at("http://any.example/")).0;
    assert_eq!(report["route"], serde_json::Value::Null);
    assert_eq!(found(&texts, "RS030"), []);
}

/// "If all entries in `BackendRefs` are invalid … Connection rejections MUST respect weight".
#[test]
fn what_is_wrong_with_them_is_found_as_with_other_routes() {
    let typo = BACKENDS.replace("web-v2", "web-v3");
    let tcp = route("TCPRoute", "a", &typo);
    let [(severity, message)] = &found(&[SERVICES, &gateway(), &tcp], "RS030")[..] else {
        panic!("one finding");
    };
    assert_eq!(severity, "error");
    assert!(
        message.contains("no Service web-v3")
            && message.ends_with("its share of the connections is closed"),
        "{message}"
    );
    for (spec, why) in [
        (
            "parentRefs: [{name: edge, sectionName: http}]",
            "carries HTTP and takes no TCPRoute",
        ),
        (
            "parentRefs: [{name: edge, sectionName: other}]",
            "asks for the listener `other`",
        ),
    ] {
        let tcp = object("TCPRoute", "name: a", &format!("{{{spec}, {BACKENDS}}}"));
        let told = found(&[SERVICES, &gateway(), &tcp], "RS030");
        assert!(
            told.iter().any(|(_, message)| message.contains(why)),
            "{told:?}"
        );
    }
    let zero = BACKENDS.replace("70", "0").replace("30", "0");
    let told = found(
        &[SERVICES, &gateway(), &route("TCPRoute", "a", &zero)],
        "RS030",
    );
    assert!(
        told[0].1.contains("no backend with a weight above 0"),
        "{told:?}"
    );
}

#[test]
fn a_udp_route_is_not_about_http() {
    let udp = route("UDPRoute", "a", BACKENDS);
    let said = on(&[SERVICES, &gateway(), &udp], &["lint"]).stdout;
    assert!(
        said.contains("UDPRoute shop/a is about UDP: no HTTP request meets its weights 70/30"),
        "{said}"
    );
}
