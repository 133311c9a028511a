//! The Gateway API: precedence, attachment and backends, sentence by sentence.

mod laws;
mod pairs;
mod precedence;

use resplit::diag::{Severity, Sources};
use resplit::manifest::{lower, parse};
use resplit::route::{Implementation, Probe, Resolution, RouteTable, Vantage, resolve};
use resplit::split::Mechanism;

const EVERYBODY: [Implementation; 3] = [
    Implementation::Spec,
    Implementation::Istio,
    Implementation::EnvoyGateway,
];

/// Manifests with the table they make at the gateway `infra/gw`, or elsewhere.
struct Case {
    sources: Sources,
    table: RouteTable,
}

impl Case {
    fn new(text: &str, vantage: &Vantage) -> Self {
        let mut sources = Sources::new();
        sources.add("routes.yaml", text);
        let (manifests, problems) = parse(&sources);
        let errors: Vec<_> = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
        let table = lower(&manifests, vantage);
        Self { sources, table }
    }

    fn at_gateway(text: &str, implementation: Implementation) -> Self {
        let gateway = Vantage::gateway("infra", "gw");
        Self::new(
            text,
            &Vantage {
                implementation: Some(implementation),
                ..gateway
            },
        )
    }

    fn resolve(&self, request: &Probe) -> Resolution<'_> {
        resolve(&self.table, request).expect("a host")
    }

    /// The name of the rule that takes a request, or the status of the proxy.
    fn winner(&self, request: &Probe) -> String {
        let resolution = self.resolve(request);
        match resolution.route {
            Some(route) => route.name.expect("every rule has a name").to_owned(),
            None => resolution.expected(&self.sources).declared()[0]
                .name
                .clone(),
        }
    }

    /// `v1=9/10 v2=1/10`
    fn split(&self, request: &Probe) -> String {
        let expected = self.resolve(request).expected(&self.sources);
        let shares: Vec<String> = expected
            .declared()
            .iter()
            .map(|declared| format!("{}={}", declared.name, declared.share))
            .collect();
        shares.join(" ")
    }

    fn caveats(&self, request: &Probe) -> Vec<&'static str> {
        let resolution = self.resolve(request);
        let ids = resolution.caveats.iter().map(resplit::diag::Note::id);
        // The gateway is never given here.
        ids.filter(|id| *id != "gateway-not-given").collect()
    }
}

/// `GET http://a.example/x`
fn request(text: &str) -> Probe {
    let (method, url) = text.split_once(' ').expect("a method and a URL");
    Probe::new(method, &url.parse().expect("a URL")).expect("an absolute URL")
}

fn with(mut probe: Probe, name: &str, value: &str) -> Probe {
    probe.headers.push((name.to_owned(), value.to_owned()));
    probe
}

/// A route at the gateway; a rule is `name: its other fields`.
fn route(kind: &str, name: &str, hostnames: &str, rules: &[(&str, &str)]) -> String {
    created(kind, name, "2026-01-01T00:00:00Z", hostnames, rules)
}

fn created(kind: &str, name: &str, time: &str, hostnames: &str, rules: &[(&str, &str)]) -> String {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let rules: Vec<String> = rules
        .iter()
        .map(|(name, fields)| {
            let to = if fields.contains("backendRefs") {
                ""
            } else {
                ", backendRefs: [{name: web, port: 80}]"
            };
            format!("    - {{name: {name}{to}{fields}}}\n")
        })
        .collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}, \
         creationTimestamp: '{time}'}}\nspec:\n  parentRefs: [{{name: gw, namespace: infra}}]\n  hostnames: [{hostnames}]\n  \
         rules:\n{}---\n",
        rules.concat()
    )
}

/// "Matches based on a URL path prefix split by `/`. When specified, a trailing `/` is ignored. For example, the paths
/// `/abc`, `/abc/`, and `/abc/def` would all match the prefix `/abc`, but the path `/abcd` would not."
#[test]
fn a_path_prefix_ends_at_a_slash() {
    for prefix in ["/abc", "/abc/"] {
        let rule = format!(", matches: [{{path: {{value: {prefix}}}}}]");
        let text = route("HTTPRoute", "a", "a.example", &[("abc", &rule)]);
        let case = Case::at_gateway(&text, Implementation::Spec);
        for (path, winner) in [
            ("/abc", "abc"),
            ("/abc/", "abc"),
            ("/abc/def", "abc"),
            ("/abcd", "status 404"),
            ("/Abc", "status 404"),
        ] {
            let request = request(&format!("GET http://a.example{path}"));
            assert_eq!(case.winner(&request), winner, "{prefix} {path}");
        }
    }
}

/// "an exact path match on `/abc` will only match requests to `/abc`, NOT `/abc/`, `/Abc`, or `/abcd`."
#[test]
fn an_exact_path_is_nothing_else() {
    let rule = ", matches: [{path: {type: Exact, value: /abc}}]";
    let text = route("HTTPRoute", "a", "a.example", &[("abc", rule)]);
    let case = Case::at_gateway(&text, Implementation::Spec);
    for (path, winner) in [
        ("/abc?x=1", "abc"),
        ("/abc/", "status 404"),
        ("/Abc", "status 404"),
        ("/abcd", "status 404"),
    ] {
        let request = request(&format!("GET http://a.example{path}"));
        assert_eq!(case.winner(&request), winner, "{path}");
    }
}

/// "If multiple entries specify equivalent header names, only the first entry with an equivalent name MUST be considered for
/// a match. Due to the case-insensitivity of header names, "foo" and "Foo" are considered equivalent."
#[test]
fn of_equal_header_names_the_first_counts() {
    let rule = ", matches: [{headers: [{name: foo, value: a}, {name: Foo, value: b}]}]";
    let text = route("HTTPRoute", "a", "a.example", &[("foo", rule)]);
    let case = Case::at_gateway(&text, Implementation::Spec);
    let request = || request("GET http://a.example/");
    assert_eq!(case.winner(&with(request(), "FOO", "a")), "foo");
    assert_eq!(case.winner(&with(request(), "foo", "b")), "status 404");
}

/// "When no rules matching a request have been successfully attached to the parent a request is coming from, a HTTP 404
/// status code MUST be returned."
#[test]
fn what_no_rule_takes_is_answered_with_404() {
    let rule = ", matches: [{path: {value: /x}}]";
    let text = route("HTTPRoute", "a", "a.example", &[("x", rule)]);
    let case = Case::at_gateway(&text, Implementation::Spec);
    let request = request("GET http://a.example/y");
    assert_eq!(case.split(&request), "status 404=1/1");
}

/// "Weight specifies the proportion of requests forwarded to the referenced backend. This is computed as weight/(sum of all
/// weights in this `BackendRefs` list). If unspecified, weight defaults to 1."
#[test]
fn weights_are_parts_of_their_sum_and_one_by_default() {
    for (backends, split) in [
        (
            "{name: v1, port: 80, weight: 90}, {name: v2, port: 80, weight: 10}",
            "v1=9/10 v2=1/10",
        ),
        (
            "{name: v1, port: 80}, {name: v2, port: 80}",
            "v1=1/2 v2=1/2",
        ),
        (
            "{name: v1, port: 80, weight: 2}, {name: v2, port: 80}",
            "v1=2/3 v2=1/3",
        ),
        (
            "{name: v1, port: 80, weight: 7}, {name: v2, port: 80, weight: 0}",
            "v1=1/1 v2=0/1",
        ),
    ] {
        let rule = format!(", backendRefs: [{backends}]");
        let text = route("HTTPRoute", "a", "a.example", &[("split", &rule)]);
        let case = Case::at_gateway(&text, Implementation::Spec);
        assert_eq!(case.split(&request("GET http://a.example/")), split);
    }
}

/// "If only one backend is specified and it has a weight greater than 0, 100% of the traffic is forwarded to that backend. If
/// weight is set to 0, no traffic should be forwarded for this entry."
#[test]
fn one_backend_gets_everything_or_with_weight_zero_nothing() {
    for (weight, split, caveat) in [
        (5, "v1=1/1", "services-not-given"),
        (0, "status 500=1/1", "no-weight"),
    ] {
        let rule = format!(", backendRefs: [{{name: v1, port: 80, weight: {weight}}}]");
        let text = route("HTTPRoute", "a", "a.example", &[("one", &rule)]);
        for implementation in EVERYBODY {
            let case = Case::at_gateway(&text, implementation);
            let request = request("GET http://a.example/");
            assert_eq!(case.split(&request), split, "{implementation:?}");
            assert_eq!(case.caveats(&request), [caveat], "{implementation:?}");
        }
    }
}

/// "if two backends are specified with equal weights, and one is invalid, 50 percent of traffic must receive a 500."
#[test]
fn an_invalid_backend_keeps_its_share() {
    for (invalid, id) in [
        ("{kind: Pod, name: v2, port: 80}", "unsupported-backend"),
        ("{name: v2}", "backend-without-port"),
        (
            "{name: v2, namespace: other, port: 80}",
            "no-reference-grant",
        ),
    ] {
        let rule = format!(", backendRefs: [{{name: v1, port: 80}}, {invalid}]");
        let text = route("HTTPRoute", "a", "a.example", &[("half", &rule)]);
        let case = Case::at_gateway(&text, Implementation::Spec);
        let request = request("GET http://a.example/");
        assert_eq!(case.split(&request), "v1=1/2 status 500=1/2", "{invalid}");
        assert!(case.caveats(&request).contains(&id), "{invalid}");
    }
}

/// "If *all* entries in `BackendRefs` are invalid, and there are also no filters specified in this route rule, *all* traffic
/// which matches this rule MUST receive a 500 status code."
#[test]
fn without_a_valid_backend_everything_is_answered_with_500() {
    for backends in ["[]", "[{name: v1}, {kind: Pod, name: v2, port: 80}]"] {
        let rule = format!(", backendRefs: {backends}");
        let text = route("HTTPRoute", "a", "a.example", &[("none", &rule)]);
        let case = Case::at_gateway(&text, Implementation::Spec);
        assert_eq!(
            case.split(&request("GET http://a.example/")),
            "status 500=1/1"
        );
    }
}

/// A Service proves that another backend of its rule is missing; a file with the parent alone says nothing about backends in
/// other files.
#[test]
fn a_service_that_is_not_given_is_missing_only_next_to_others() {
    let rule = ", backendRefs: [{name: v1, port: 80}, {name: v2, port: 80}]";
    let text = route("HTTPRoute", "a", "a.example", &[("half", rule)]);
    let service = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 80}}]}}\n---\n"
        )
    };
    for (given, split, id) in [
        (String::new(), "v1=1/2 v2=1/2", "services-not-given"),
        (service("web"), "v1=1/2 v2=1/2", "services-not-given"),
        (service("v1"), "v1=1/2 status 500=1/2", "unknown-backend"),
    ] {
        let case = Case::at_gateway(&(text.clone() + &given), Implementation::Istio);
        let request = request("GET http://a.example/");
        assert_eq!(case.split(&request), split);
        assert_eq!(case.caveats(&request), [id]);
    }
    let both = text + &service("v1") + &service("v2");
    let case = Case::at_gateway(&both, Implementation::Istio);
    assert!(case.caveats(&request("GET http://a.example/")).is_empty());
}

/// "Hostnames that are prefixed with a wildcard label (`*.`) are interpreted as a suffix match. That means that a match for
/// `*.example.com` would match both `test.example.com`, and `foo.test.example.com`, but not `example.com`."
#[test]
fn a_wildcard_stands_for_labels_and_never_for_none() {
    let text = route(
        "HTTPRoute",
        "a",
        "'*.example.com', other.org",
        &[("any", "")],
    );
    let case = Case::at_gateway(&text, Implementation::Spec);
    for host in [
        "test.example.com",
        "foo.test.example.com",
        "TEST.example.com:8080",
    ] {
        let probe = request("GET http://h/").with_host(host);
        assert_eq!(case.winner(&probe), "any", "{host}");
    }
    let bare = request("GET http://example.com/");
    assert!(resolve(&case.table, &bare).is_err());
}

/// "For example, if a Listener specified `*.example.com`, and the HTTPRoute specified `test.example.com` and
/// `test.example.net`, `test.example.net` must not be considered for a match."
#[test]
fn hostnames_that_the_listener_does_not_take_are_ignored() {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: infra}\n\
                   spec:\n  listeners:\n  - {name: http, port: 80, protocol: HTTP, hostname: '*.example.com', allowedRoutes: \
                   {namespaces: {from: All}}}\n---\n";
    for (hostnames, taken) in [
        (
            "test.example.com, test.example.net",
            vec!["test.example.com"],
        ),
        ("'*.com'", vec!["*.example.com"]),
        ("", vec!["*.example.com"]),
        ("'*.example.com'", vec!["*.example.com"]),
        ("foo.test.example.com", vec!["foo.test.example.com"]),
        ("example.com, test.example.net", vec![]),
    ] {
        let text = route("HTTPRoute", "a", hostnames, &[("any", "")]) + gateway;
        let case = Case::at_gateway(&text, Implementation::Spec);
        let domains: Vec<&str> = case
            .table
            .hosts
            .iter()
            .flat_map(|host| &host.domains)
            .map(String::as_str)
            .collect();
        assert_eq!(domains, taken, "{hostnames}");
        assert_eq!(
            case.table.inactive_rules.len(),
            usize::from(taken.is_empty())
        );
    }
}

/// "If a Route (A) of type HTTPRoute or GRPCRoute is attached to a Listener and that listener already has another Route (B) of
/// the other type attached and the intersection of the hostnames of A and B is non-empty, then the implementation MUST accept
/// exactly one of these two routes, determined by the following criteria, in order: The oldest Route based on creation
/// timestamp. The Route appearing first in alphabetical order by "{namespace}/{name}"."
#[test]
fn of_an_http_and_a_grpc_route_for_one_host_the_older_is_accepted() {
    for (times, accepted) in [
        (["2026-01-02", "2026-01-01"], "GRPCRoute default/b"),
        (["2026-01-01", "2026-01-02"], "HTTPRoute default/a"),
        (["2026-01-01", "2026-01-01"], "HTTPRoute default/a"),
    ] {
        let text = created(
            "HTTPRoute",
            "a",
            times[0],
            "'*.example.com'",
            &[("http", "")],
        ) + &created(
            "GRPCRoute",
            "b",
            times[1],
            "test.example.com",
            &[("grpc", "")],
        );
        let case = Case::at_gateway(&text, Implementation::Spec);
        let objects: Vec<&String> = case
            .table
            .hosts
            .iter()
            .flat_map(|host| &host.objects)
            .collect();
        assert_eq!(objects, [accepted]);
        assert_eq!(
            case.table.inactive_rules.len(),
            1,
            "and the other is refused"
        );
        let caveats = &case.table.hosts[0].caveats;
        assert!(caveats.iter().any(|caveat| caveat.id() == "route-conflict"));
    }
    let apart = route("HTTPRoute", "a", "a.example", &[("http", "")])
        + &route("GRPCRoute", "b", "b.example", &[("grpc", "")]);
    let case = Case::at_gateway(&apart, Implementation::Spec);
    assert_eq!(
        (case.table.hosts.len(), case.table.inactive_rules.len()),
        (2, 0)
    );
}

/// "If no matches are specified, the implementation MUST match every gRPC request."
#[test]
fn a_grpc_rule_without_matches_takes_every_call() {
    let text = route("GRPCRoute", "a", "a.example", &[("all", "")]);
    let case = Case::at_gateway(&text, Implementation::Spec);
    assert_eq!(case.winner(&request("POST http://a.example/s.S/M")), "all");
}

/// "Envoy Gateway: >1 backendRefs -> ONE cluster, one locality per backend; `weighted_clusters` only if: per-backend filters,
/// mixed upstream protocols, invalid/empty backends."
#[test]
fn envoy_gateway_takes_backends_in_turn() {
    let two = ", backendRefs: [{name: v1, port: 80}, {name: v2, port: 80}]";
    let one = ", backendRefs: [{name: v1, port: 80}, {name: v2, port: 80, weight: 0}]";
    let broken = ", backendRefs: [{name: v1, port: 80}, {name: v2}]";
    for (rule, implementation, mechanism) in [
        (two, Implementation::EnvoyGateway, Mechanism::Wrr),
        (two, Implementation::Istio, Mechanism::Iid),
        (one, Implementation::EnvoyGateway, Mechanism::Iid),
        (broken, Implementation::EnvoyGateway, Mechanism::Iid),
    ] {
        let text = route("HTTPRoute", "a", "a.example", &[("split", rule)]);
        let case = Case::at_gateway(&text, implementation);
        let resolution = case.resolve(&request("GET http://a.example/"));
        assert_eq!(resolution.mechanism, mechanism, "{rule}");
    }
}

/// "Requests SHOULD match at most one Listener. For example, if Listeners are defined for "foo.example.com" and
/// "*.example.com", a request to "foo.example.com" SHOULD only be routed using routes attached to the "foo.example.com"
/// Listener".
#[test]
fn a_more_specific_listener_takes_its_requests_away() {
    let gateway = |protocol: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: infra}}\nspec:\n  \
             listeners:\n  - {{name: any, port: 80, protocol: {protocol}, hostname: '*.example.com', allowedRoutes: \
             {{namespaces: {{from: All}}}}}}\n  - {{name: foo, port: 80, protocol: {protocol}, hostname: foo.example.com, \
             allowedRoutes: {{namespaces: {{from: Same}}}}}}\n---\n"
        )
    };
    let text = route("HTTPRoute", "a", "", &[("any", "")]);
    for (protocol, implementation, winner) in [
        ("HTTP", Implementation::Spec, "status 404"),
        ("HTTPS", Implementation::Spec, "status 404"),
        ("HTTPS", Implementation::Istio, "status 404"),
        // Hosts of one HTTP port share a table there.
        ("HTTP", Implementation::Istio, "any"),
    ] {
        let case = Case::at_gateway(&(text.clone() + &gateway(protocol)), implementation);
        let scheme = protocol.to_lowercase();
        let foo = request(&format!("GET {scheme}://foo.example.com/"));
        assert_eq!(case.winner(&foo), winner, "{protocol} {implementation:?}");
        let bar = request(&format!("GET {scheme}://bar.example.com/"));
        assert_eq!(case.winner(&bar), "any");
    }
    let own = route("HTTPRoute", "infra/b", "foo.example.com", &[("foo", "")]);
    let case = Case::at_gateway(&(text + &own + &gateway("HTTP")), Implementation::Spec);
    assert_eq!(case.winner(&request("GET http://foo.example.com/")), "foo");
}
