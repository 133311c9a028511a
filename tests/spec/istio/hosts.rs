//! Which host a name means, and who owns it.

use super::{mesh, object, service, split, subsets, to};

/// "VS host that is no registry service: only gets a vhost on port 80."
#[test]
fn a_host_in_no_registry_is_routed_on_port_80_only() {
    let text = service("other", "http", 80) + &to("web", "web", "other");
    let met = |url: &str| mesh(&text).get(url);
    assert!(met("http://web.default.svc.cluster.local/").is_ok());
    for (url, part) in [
        ("http://web/", "under its full name only"),
        (
            "http://web.default.svc.cluster.local:8080/",
            "on port 80 only",
        ),
    ] {
        let why = met(url).expect_err(url);
        assert!(why.contains(part), "{why}");
    }
    let nothing = to("web", "web", "other");
    let met = mesh(&nothing).get("http://web:8080/").expect("a host");
    assert!(
        met.caveats.is_empty(),
        "without any Service nothing is known: {met:?}"
    );
}

/// "A host WITH a dot is taken as is: `reviews.prod` is NOT expanded (literal host, matches no service)."
#[test]
fn a_short_name_with_a_dot_names_no_service() {
    let text = service("prod/web", "http", 80) + &to("web", "web.default", "web.prod");
    let met = mesh(&text).get("http://web.default/").expect("a host");
    assert_eq!(
        (met.shares(), met.has("unknown-destination")),
        ("1/1 status 503".to_owned(), true)
    );
    let text =
        service("prod/web", "http", 80) + &to("rule", "web.prod", "web.prod.svc.cluster.local");
    let met = mesh(&text).get("http://web.prod/").expect("a host");
    assert!(met.has("short-dotted-host"), "{met:?}");
}

#[test]
fn a_destination_that_no_service_has_is_named() {
    let text = service("reviews", "http", 80) + &to("reviews", "reviews", "review");
    let met = mesh(&text).get("http://reviews/").expect("a host");
    assert_eq!(
        (met.shares(), met.has("unknown-destination")),
        ("1/1 review".to_owned(), true)
    );
}

/// "ClusterIP(s)" are names of the host.
#[test]
fn the_address_of_a_service_is_one_of_its_names() {
    let ip =
        "{clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7, 'fd00::7'], ports: [{name: http, port: 80}]}";
    let text =
        object("Service", "web", ip) + &to("web", "web", "web") + &to("other", "other", "other");
    for url in [
        "http://10.0.0.7/",
        "http://web.default.svc/",
        "http://web.default.svc.cluster.local./",
    ] {
        let met = mesh(&text).get(url).expect(url);
        assert_eq!(met.rule, "VirtualService default/web http[0]", "{url}");
    }
}

/// "`ExternalName` alias -> concrete host."
#[test]
fn an_external_name_stands_for_its_target() {
    let alias = object(
        "Service",
        "old",
        "{type: ExternalName, externalName: web.prod.svc.cluster.local}",
    );
    let text = alias
        + &service("prod/web", "http", 80)
        + &split("prod/web", "web")
        + &subsets("prod/web", "web", "")
        + &service("front", "http", 80)
        + &to("front", "front", "old");
    let met = mesh(&text)
        .namespace("default")
        .get("http://old/")
        .expect("an alias is a name of its target");
    assert_eq!(
        (met.rule.as_str(), met.shares()),
        (
            "VirtualService prod/web http[0]",
            "9/10 v1, 1/10 v2".to_owned()
        )
    );
    let met = mesh(&text)
        .namespace("default")
        .get("http://front/")
        .expect("a host");
    assert_eq!(
        (met.shares(), met.has("external-name")),
        ("1/1 web".to_owned(), true)
    );
}

/// "exact VS host beats wildcard VS host. Wildcards: most specific = longest string. Wildcard VS attaches to a service
/// only if it is the winner for it."
#[test]
fn a_wildcard_takes_the_services_that_no_other_rule_names() {
    let text = service("a", "http", 80)
        + &service("b", "http", 80)
        + &to("exact", "a", "exact")
        + &to(
            "wide",
            "'*.svc.cluster.local'",
            "wide.default.svc.cluster.local",
        )
        + &to("narrow", "'*.default.svc.cluster.local'", "narrow");
    let met = |host: &str| {
        mesh(&text)
            .get(&format!("http://{host}/"))
            .expect("a host")
            .shares()
    };
    assert_eq!(
        (met("a"), met("b")),
        ("1/1 exact".to_owned(), "1/1 narrow".to_owned())
    );
}

/// "Two VS, same host on mesh: NO MERGE." "If the VS yields zero routes for this client, the VS is skipped and the
/// service gets its default route."
#[test]
fn the_first_rule_owns_a_host_and_one_without_routes_is_skipped() {
    let second = to("b", "web", "second");
    let text = to("a", "web", "first") + &second;
    let met = mesh(&text).get("http://web/").expect("a host");
    assert_eq!(
        (met.shares(), met.has("two-owners")),
        ("1/1 first".to_owned(), true)
    );
    let filtered = object(
        "VirtualService",
        "a",
        "{hosts: [web], http: [{match: [{port: 81}], route: [{destination: {host: first}}]}]}",
    );
    let met = mesh(&filtered).get("http://web/").expect("a host");
    assert_eq!(
        met.rule,
        "VirtualService default/a default route of the service"
    );
    assert_eq!(met.shares(), "1/1 web");
}

/// "exportTo" of Services and service entries: what is not exported has no cluster.
#[test]
fn a_destination_that_is_not_exported_does_not_exist() {
    let hidden = service("prod/web", "http", 80).replace(
        "namespace: prod}",
        "namespace: prod, annotations: {networking.istio.io/exportTo: '., staging'}}",
    );
    let text = hidden
        + &service("prod/front", "http", 80)
        + &to("prod/rule", "front.prod.svc.cluster.local", "web");
    let from = |namespace: &str| {
        mesh(&text)
            .namespace(namespace)
            .get("http://front.prod.svc.cluster.local/")
            .expect("a host")
    };
    let met = from("default");
    assert_eq!(
        (met.shares(), met.has("hidden-destination")),
        ("1/1 status 503".to_owned(), true)
    );
    for namespace in ["prod", "staging"] {
        assert!(!from(namespace).has("hidden-destination"), "{namespace}");
    }
    let entry = object(
        "ServiceEntry",
        "prod/api",
        "{hosts: [api.example.com], exportTo: ['.'], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}",
    );
    let text = entry + &service("front", "http", 80) + &to("rule", "front", "api.example.com");
    assert!(
        mesh(&text)
            .get("http://front/")
            .expect("a host")
            .has("hidden-destination")
    );
}

/// "Waypoint: VS only from the service's ns or the waypoint's ns; all matching VS are concatenated (merge, no catch-all
/// sort); sourceLabels matches dropped; vhost "*" per service port."
#[test]
fn a_waypoint_concatenates_the_rules_near_its_service() {
    let first = object(
        "VirtualService",
        "prod/a",
        "{hosts: [web], http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: a}}]}, \
         {match: [{sourceLabels: {app: x}}], route: [{destination: {host: never}}]}]}",
    );
    let text = service("prod/web", "http", 80)
        + &first
        + &to("prod/b", "web", "b")
        + &to("far/a", "web.prod.svc.cluster.local", "far");
    let ask = || mesh(&text).waypoint();
    let met = |url: &str| ask().get(url).expect("a host");
    assert_eq!(met("http://web.prod/a").shares(), "1/1 a");
    let rest = met("http://web.prod/");
    assert_eq!(
        (rest.shares(), rest.has("waypoint-source-labels")),
        ("1/1 b".to_owned(), true)
    );
    let ignored = ask()
        .get_as("http://web.prod/a", "elsewhere")
        .expect("the address counts");
    assert_eq!(
        (ignored.shares(), ignored.has("host-not-consulted")),
        ("1/1 a".to_owned(), true)
    );
    let far = service("web", "http", 80) + &to("far/a", "web.default.svc.cluster.local", "far");
    let error = mesh(&far)
        .waypoint()
        .get("http://web/")
        .expect_err("no rule near it");
    assert!(error.contains("far/a is in namespace far"), "{error}");
}

/// "sourceLabels subset of client labels, checked only when match.gateways is empty."
#[test]
fn labels_beside_gateways_are_not_checked_and_that_is_said() {
    let rule = object(
        "VirtualService",
        "web",
        "{hosts: [web], http: [{match: [{gateways: [mesh], sourceLabels: {app: x}}], route: [{destination: {host: a}}]}]}",
    );
    let met = mesh(&rule)
        .labels("default", "app", "y")
        .get("http://web/")
        .expect("a host");
    assert_eq!(met.shares(), "1/1 a");
    assert!(met.has("labels-not-checked"), "{met:?}");
}
