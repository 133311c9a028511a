//! What a port carries decides which routes apply.

use super::{mesh, object, problems, service, split, subsets};

fn story(port: &str) -> String {
    service("weather", port, 5000)
        + &split("weather", "weather")
        + &subsets("weather", "weather", "")
}

/// "It was fatal in Istio 1.0-1.2, when unnamed meant TCP."
#[test]
fn before_1_3_a_port_without_a_protocol_is_tcp() {
    let text = story("backend");
    let old = mesh(&text)
        .istio("1.2")
        .get("http://weather:5000/")
        .expect("a host");
    assert!(old.has("not-http") && !old.has("unnamed-port"), "{old:?}");
    assert_eq!(
        old.shares(),
        "9/10 v1, 1/10 v2",
        "what is declared stays declared"
    );
    for version in ["1.3", "1.26"] {
        let met = mesh(&text)
            .istio(version)
            .get("http://weather:5000/")
            .expect("a host");
        assert!(
            met.has("unnamed-port") && !met.has("not-http"),
            "{version}: {met:?}"
        );
    }
    let named = story("http-backend");
    let met = mesh(&named)
        .istio("1.2")
        .get("http://weather:5000/")
        .expect("a host");
    assert!(met.caveats.is_empty(), "{met:?}");
}

/// "Truly fatal: declared TCP/TLS/HTTPS/mongo/redis/mysql names."
#[test]
fn a_declared_protocol_that_is_not_http_is_fatal_in_every_version() {
    for port in ["tcp-web", "https-web", "redis"] {
        let met = mesh(&story(port))
            .get("http://weather:5000/")
            .expect("a host");
        assert!(met.has("not-http"), "{port}: {met:?}");
    }
}

/// "Auto-detected service with a VIP: Host header is not consulted, only the destination IP:port."
#[test]
fn on_a_sniffed_port_the_address_chooses_and_host_does_not() {
    let entry = "{hosts: [other.example.com], resolution: DNS, ports: [{number: 5000, name: http, protocol: HTTP}]}";
    let other = object("ServiceEntry", "other", entry) + &split("other", "other.example.com");
    let text = story("backend") + &other;
    let met = mesh(&text)
        .get_as("http://weather:5000/", "other.example.com")
        .expect("a host");
    assert_eq!(met.rule, "VirtualService default/weather http[0]");
    assert!(met.has("host-not-consulted"), "{met:?}");
    let same = mesh(&text)
        .get_as("http://weather:5000/", "weather.default")
        .expect("a host");
    assert!(
        !same.has("host-not-consulted"),
        "another name of the same host: {same:?}"
    );
    // With a declared protocol the host decides again.
    let text = story("http-backend") + &other;
    let met = mesh(&text)
        .get_as("http://weather:5000/", "other.example.com")
        .expect("a host");
    assert_eq!(met.rule, "VirtualService default/other http[0]");
}

/// "grpc-web", "appProtocol if set (even if name says otherwise)" for Services; a `ServiceEntry` says it by `protocol`.
#[test]
fn the_protocol_of_a_service_entry_is_its_protocol_and_not_its_name() {
    let entry = |protocol: &str| {
        let spec = format!(
            "{{hosts: [api.example.com], resolution: DNS, ports: [{{number: 8080, name: http-api{protocol}}}]}}"
        );
        object("ServiceEntry", "api", &spec) + &split("api", "api.example.com")
    };
    let met = |protocol: &str| {
        mesh(&entry(protocol))
            .get("http://api.example.com:8080/")
            .expect("a host")
    };
    assert!(met(", protocol: TCP").has("not-http"));
    assert!(met("").has("unnamed-port"));
    let http = met(", protocol: HTTP");
    assert!(
        !http.has("not-http") && !http.has("unnamed-port"),
        "{http:?}"
    );
}

/// "tcp routes are ignored on HTTP ports and http routes are ignored on TCP ports"; "share per CONNECTION".
#[test]
fn tcp_routes_take_the_connections_of_tcp_ports() {
    let rule = object(
        "VirtualService",
        "db",
        "{hosts: [db], tcp: [{match: [{port: 9000}], route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 3}]}]}",
    );
    let tcp = service("db", "tcp-db", 9000) + &rule;
    let met = mesh(&tcp).get("http://db:9000/").expect("a host");
    assert_eq!(
        (met.shares(), met.has("tcp-route")),
        ("1/4 a, 3/4 b".to_owned(), true)
    );
    let http = service("db", "http-db", 9000) + &rule;
    let error = mesh(&http)
        .get("http://db:9000/")
        .expect_err("requests take the default route");
    assert!(
        error.contains("splits `tcp`, which does not apply to the HTTP port 9000"),
        "{error}"
    );
}

/// "tls[]: SNI + port + subnets on https-/tls- ports; sniHosts wildcard; http[] is useless for app-originated HTTPS."
#[test]
fn tls_routes_take_handshakes_by_name_and_port() {
    let item = |names: &str, host: &str| {
        format!(
            "{{match: [{{port: 443, sniHosts: [{names}]}}], route: [{{destination: {{host: {host}}}}}]}}"
        )
    };
    let spec = format!(
        "{{hosts: [shop.example.com, '*.shop.example.com'], tls: [{}, {}]}}",
        item("shop.example.com", "plain"),
        item("'*.shop.example.com'", "wild")
    );
    let text = object("VirtualService", "shop", &spec)
        + &object(
            "ServiceEntry",
            "shop",
            "{hosts: [shop.example.com, '*.shop.example.com'], resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]}",
        );
    let met = |url: &str| mesh(&text).get(url).expect("a host");
    let exact = met("https://shop.example.com/");
    assert_eq!(
        (exact.shares(), exact.has("tls-route")),
        ("1/1 plain".to_owned(), true)
    );
    assert_eq!(met("https://SHOP.example.com/").shares(), "1/1 plain");
    assert_eq!(met("https://a.shop.example.com/").shares(), "1/1 wild");
    let clear = met("http://shop.example.com:443/");
    assert!(
        clear.rule.ends_with("default route of the service"),
        "no handshake: {clear:?}"
    );
}

#[test]
fn a_tls_route_without_names_is_refused() {
    let spec = "{hosts: [a], tls: [{match: [{port: 443}], route: [{destination: {host: a}}]}]}";
    assert_eq!(
        problems(&object("VirtualService", "a", spec)),
        ["a match of a TLS route needs `sniHosts`"]
    );
}

/// "Headless: with `ORIGINAL_DST` the pod already chosen by DNS is used, subset labels do not select"; "gateways use EDS".
#[test]
fn subsets_of_a_headless_service_are_ineffective_from_sidecars_only() {
    let text = object(
        "Service",
        "web",
        "{clusterIP: None, ports: [{name: http, port: 80}]}",
    ) + &split("web", "web")
        + &subsets("web", "web", "");
    let met = mesh(&text).get("http://web/").expect("a host");
    assert!(met.has("headless"), "{met:?}");
    let pod = mesh(&text)
        .get("http://web-0.web.default.svc.cluster.local/")
        .expect("\"*.\"+each");
    assert_eq!(pod.rule, "VirtualService default/web http[0]");
    assert!(
        !mesh(&text)
            .waypoint()
            .get("http://web/")
            .expect("a host")
            .has("headless")
    );
}

/// "port = destination.port.number, else the only port if the Service has exactly one, else the LISTENER port."
#[test]
fn a_destination_without_its_port_is_told_from_one_with_a_wrong_port() {
    let two = object(
        "Service",
        "two",
        "{ports: [{name: http-a, port: 81}, {name: http-b, port: 82}]}",
    );
    let met = |port: &str| {
        let spec =
            format!("{{hosts: [web], http: [{{route: [{{destination: {{host: two{port}}}}}]}}]}}");
        let text = service("web", "http", 80) + &two + &object("VirtualService", "web", &spec);
        mesh(&text).get("http://web/").expect("a host")
    };
    assert_eq!(met("").caveats, ["unset-port"]);
    let wrong = met(", port: {number: 83}");
    assert_eq!(
        (wrong.caveats.as_slice(), wrong.shares()),
        (&["closed-port"][..], "1/1 status 503".to_owned())
    );
    assert_eq!(met(", port: {number: 82}").caveats, [""; 0]);
}
