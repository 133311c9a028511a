//! Which of several matches takes a request. "Across all rules specified on applicable Routes, precedence must be given to
//! the match having", one test for each of what follows.

use resplit::route::Implementation::{self, EnvoyGateway, Istio, Spec};

use super::{Case, EVERYBODY, created, request, route, with};

/// Both orders of two rules, in one route and in two, so that no place in a list decides.
fn always(
    implementation: Implementation,
    kind: &str,
    rules: [(&str, &str); 2],
    probe: &str,
    wins: &str,
) {
    let [first, second] = rules;
    let texts = [
        route(kind, "a", "a.example", &[first, second]),
        route(kind, "a", "a.example", &[second, first]),
        route(kind, "a", "a.example", &[first]) + &route(kind, "b", "a.example", &[second]),
        route(kind, "a", "a.example", &[second]) + &route(kind, "b", "a.example", &[first]),
    ];
    for text in texts {
        let case = Case::at_gateway(&text, implementation);
        let probe = with(with(request(probe), "a", "1"), "b", "1");
        assert_eq!(case.winner(&probe), wins, "{implementation:?}\n{text}");
    }
}

/// "`Exact` path match."
#[test]
fn an_exact_path_goes_first() {
    let rules = [
        ("exact", ", matches: [{path: {type: Exact, value: /x}}]"),
        (
            "prefix",
            ", matches: [{path: {value: /x}, method: GET, headers: [{name: a, value: '1'}]}]",
        ),
    ];
    for implementation in EVERYBODY {
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/x",
            "exact",
        );
    }
}

/// "`Prefix` path match with largest number of characters."
#[test]
fn a_longer_prefix_goes_first() {
    let rules = [
        ("longer", ", matches: [{path: {value: /x/yy}}]"),
        (
            "shorter",
            ", matches: [{path: {value: /x}, method: GET, headers: [{name: a, value: '1'}]}]",
        ),
    ];
    for implementation in EVERYBODY {
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/x/yy",
            "longer",
        );
    }
}

/// "Method match."
#[test]
fn a_method_goes_before_headers() {
    let two = ", matches: [{headers: [{name: a, value: '1'}, {name: b, value: '1'}]}]";
    let rules = [("method", ", matches: [{method: GET}]"), ("headers", two)];
    for implementation in [Spec, Istio] {
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/",
            "method",
        );
    }
    // "EG: method is added as a header match": one header against two.
    always(
        EnvoyGateway,
        "HTTPRoute",
        rules,
        "GET http://a.example/",
        "headers",
    );
}

/// "Largest number of header matches."
#[test]
fn more_headers_go_first() {
    let rules = [
        (
            "two",
            ", matches: [{headers: [{name: a, value: '1'}, {name: b, value: '1'}]}]",
        ),
        (
            "one",
            ", matches: [{headers: [{name: a, value: '1'}], queryParams: [{name: q, value: '1'}]}]",
        ),
    ];
    for implementation in EVERYBODY {
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/?q=1",
            "two",
        );
    }
}

/// "Largest number of query param matches."
#[test]
fn more_query_parameters_go_first() {
    let rules = [
        (
            "two",
            ", matches: [{queryParams: [{name: q, value: '1'}, {name: r, value: '1'}]}]",
        ),
        ("one", ", matches: [{queryParams: [{name: q, value: '1'}]}]"),
    ];
    for implementation in EVERYBODY {
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/?q=1&r=1",
            "two",
        );
    }
}

/// "EG: then path length, #headers, #exact headers".
#[test]
fn envoy_gateway_counts_exact_headers() {
    let rules = [
        ("exact", ", matches: [{headers: [{name: a, value: '1'}]}]"),
        (
            "regex",
            ", matches: [{headers: [{name: b, value: '.', type: RegularExpression}]}]",
        ),
    ];
    always(
        EnvoyGateway,
        "HTTPRoute",
        rules,
        "GET http://a.example/",
        "exact",
    );
}

/// "Note: The precedence of RegularExpression path matches are implementation-specific."
#[test]
fn a_regular_expression_is_last_for_istio_and_before_prefixes_for_envoy_gateway() {
    let rules = [
        (
            "regex",
            ", matches: [{path: {type: RegularExpression, value: '/lo.*'}}]",
        ),
        ("prefix", ", matches: [{path: {value: /longer}}]"),
    ];
    for (implementation, wins) in [(Istio, "prefix"), (EnvoyGateway, "regex"), (Spec, "prefix")] {
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/longer",
            wins,
        );
    }
    let text = route("HTTPRoute", "a", "a.example", &rules);
    let ambiguous = |implementation, url: &str| {
        let case = Case::at_gateway(&text, implementation);
        case.caveats(&request(url)).contains(&"regex-precedence")
    };
    assert!(ambiguous(Spec, "GET http://a.example/longer"));
    assert!(
        !ambiguous(Spec, "GET http://a.example/lost"),
        "only one of them takes it"
    );
    assert!(
        !ambiguous(Istio, "GET http://a.example/longer"),
        "there is no doubt with Istio"
    );
}

/// "In the event that multiple `HTTPRoute`s specify intersecting hostnames (e.g. overlapping wildcard matching and exact matching
/// hostnames), precedence must be given to rules from the HTTPRoute with the largest number of: Characters in a matching
/// non-wildcard hostname. Characters in a matching hostname."
#[test]
fn the_most_specific_hostname_goes_first() {
    let exact = ", matches: [{path: {type: Exact, value: /x}, method: GET}]";
    let text = route("HTTPRoute", "a", "'*.example.com'", &[("any", exact)])
        + &route("HTTPRoute", "b", "'*.foo.example.com'", &[("longer", "")])
        + &route("HTTPRoute", "c", "bar.foo.example.com", &[("full", "")]);
    for implementation in EVERYBODY {
        let case = Case::at_gateway(&text, implementation);
        for (host, wins) in [
            ("bar.foo.example.com", "full"),
            ("other.foo.example.com", "longer"),
            ("other.example.com", "any"),
        ] {
            assert_eq!(case.winner(&request(&format!("GET http://{host}/x"))), wins);
        }
    }
}

/// "When multiple `HTTPRoute`s attach to the same Listener and yield identical Listener/Route intersected hostnames,
/// implementations SHOULD evaluate precedence using the original hostnames configured on the Route."
#[test]
fn the_hostname_of_the_route_counts_and_not_that_of_the_listener() {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: infra}\nspec: \
                   {listeners: [{name: http, port: 80, protocol: HTTP, hostname: a.example.com, allowedRoutes: {namespaces: \
                   {from: All}}}]}\n---\n";
    let exact = ", matches: [{path: {type: Exact, value: /x}}]";
    let text = gateway.to_owned()
        + &route("HTTPRoute", "a", "'*.example.com'", &[("any", exact)])
        + &route("HTTPRoute", "b", "a.example.com", &[("own", "")]);
    let case = Case::at_gateway(&text, Spec);
    assert_eq!(case.winner(&request("GET http://a.example.com/x")), "own");
}

/// "If ties still exist across multiple Routes, matching precedence MUST be determined in order of the following criteria,
/// continuing on ties: The oldest Route based on creation timestamp."
#[test]
fn the_oldest_route_goes_first() {
    let text = created(
        "HTTPRoute",
        "a",
        "2026-02-01T00:00:00Z",
        "a.example",
        &[("young", "")],
    ) + &created(
        "HTTPRoute",
        "b",
        "2026-01-31T23:59:59Z",
        "a.example",
        &[("old", "")],
    );
    for implementation in EVERYBODY {
        let case = Case::at_gateway(&text, implementation);
        assert_eq!(case.winner(&request("GET http://a.example/")), "old");
    }
}

/// "The Route appearing first in alphabetical order by "{namespace}/{name}"." Istio compares "NAMESPACE then NAME", which
/// differs where one namespace begins with another: `-` comes before `/`.
#[test]
fn the_first_name_goes_first() {
    let text = route("HTTPRoute", "a/x", "a.example", &[("short", "")])
        + &route("HTTPRoute", "a-b/x", "a.example", &[("long", "")]);
    for (implementation, wins) in [(Spec, "long"), (EnvoyGateway, "long"), (Istio, "short")] {
        let case = Case::at_gateway(&text, implementation);
        assert_eq!(case.winner(&request("GET http://a.example/")), wins);
    }
    let text = route("HTTPRoute", "b", "a.example", &[("b", "")])
        + &route("HTTPRoute", "a", "a.example", &[("a", "")]);
    for implementation in EVERYBODY {
        let case = Case::at_gateway(&text, implementation);
        assert_eq!(case.winner(&request("GET http://a.example/")), "a");
    }
}

/// "If ties still exist within an HTTPRoute, matching precedence MUST be granted to the FIRST matching rule (in list order) with
/// a match meeting the above criteria."
#[test]
fn of_equal_rules_the_first_goes_first() {
    let text = route(
        "HTTPRoute",
        "a",
        "a.example",
        &[("first", ""), ("second", "")],
    );
    for implementation in EVERYBODY {
        let case = Case::at_gateway(&text, implementation);
        assert_eq!(case.winner(&request("GET http://a.example/")), "first");
    }
}

/// "Each match is independent": the better match of a rule does not lift its other ones.
#[test]
fn every_match_of_a_rule_has_a_place_of_its_own() {
    let both = ", matches: [{path: {type: Exact, value: /x}}, {path: {value: /}}]";
    let rules = [("both", both), ("why", ", matches: [{path: {value: /y}}]")];
    for implementation in EVERYBODY {
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/x",
            "both",
        );
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/y",
            "why",
        );
        always(
            implementation,
            "HTTPRoute",
            rules,
            "GET http://a.example/z",
            "both",
        );
    }
}

/// "Precedence MUST be given to the rule with the largest number of: Characters in a matching service. Characters in a matching
/// method. Header matches."
#[test]
fn grpc_counts_service_then_method_then_headers() {
    let service = ("service", ", matches: [{method: {service: a.B}}]");
    let method = (
        "method",
        ", matches: [{method: {method: Call}, headers: [{name: a, value: '1'}]}]",
    );
    let header = (
        "header",
        ", matches: [{headers: [{name: a, value: '1'}, {name: b, value: '1'}]}]",
    );
    let both = (
        "both",
        ", matches: [{method: {service: a.B, method: Call}}]",
    );
    let all = ("all", "");
    for (rules, wins) in [
        ([service, method], "service"),
        ([service, both], "both"),
        ([method, header], "method"),
        ([header, all], "header"),
    ] {
        for implementation in [Spec, Istio] {
            always(
                implementation,
                "GRPCRoute",
                rules,
                "POST http://a.example/a.B/Call",
                wins,
            );
        }
    }
    // Envoy Gateway orders them as it orders paths, and a method alone is a regular expression there, before a prefix.
    for (rules, wins) in [
        ([service, method], "method"),
        ([service, both], "both"),
        ([header, all], "header"),
    ] {
        always(
            EnvoyGateway,
            "GRPCRoute",
            rules,
            "POST http://a.example/a.B/Call",
            wins,
        );
    }
}
