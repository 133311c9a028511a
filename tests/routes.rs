//! Laws of resolving: which host wins, and that no table and no request break it.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use resplit::diag::{Sources, Span};
use resplit::manifest::{lower, parse};
use resplit::route::{
    Abort, Action, Backend, Condition, Fraction, HeaderTest, NamedByHeader, Outcome, Probe,
    ResolveError, Route, RouteTable, Split, Test, TextMatch, Vantage, VirtualHost, resolve,
    resolve_untraced,
};
use resplit::split::{Destination, Identifiers, LocalReplyCause, Mechanism, Share};

fn sources() -> (Sources, Span) {
    let mut sources = Sources::new();
    let id = sources.add("t.yaml", "text");
    (sources, Span::new(id, 0..4))
}

fn probe(host: &str) -> Probe {
    let url = "http://h/".parse().expect("a URL");
    Probe::new("GET", &url)
        .expect("an absolute URL")
        .with_host(host)
}

fn host(domains: &[&str], routes: Vec<Route>) -> VirtualHost {
    VirtualHost {
        name: domains[0].to_owned(),
        domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        objects: vec![format!("VirtualService default/{}", domains[0])],
        span: sources().1,
        https_only: false,
        unsupported: None,
        routes: routes.into(),
        caveats: Vec::new(),
    }
}

fn table(hosts: Vec<VirtualHost>) -> RouteTable {
    RouteTable {
        hosts,
        ..RouteTable::default()
    }
}

/// "Envoy vhost order: exact > longest suffix wildcard (*.foo) > longest prefix wildcard (foo.*) > "*";
/// case-insensitive; `*.example.com` does not match example.com." "Port in Host ignored."
#[test]
fn the_most_specific_host_wins() {
    let domains = [
        "*",
        "*.example.com",
        "*.b.example.com",
        "a.*",
        "a.b.*",
        "example.com",
        "www.example.com",
    ];
    let table = table(
        domains
            .iter()
            .map(|domain| host(&[domain], Vec::new()))
            .collect(),
    );
    for (asked, won) in [
        ("www.example.com", "www.example.com"),
        ("WWW.Example.COM", "www.example.com"),
        ("www.example.com:8080", "www.example.com"),
        ("example.com", "example.com"),
        ("a.example.com", "*.example.com"),
        ("a.b.example.com", "*.b.example.com"),
        ("a.b.c", "a.b.*"),
        ("a.c", "a.*"),
        ("elsewhere.org", "*"),
        ("127.0.0.1", "*"),
        ("[::1]:80", "*"),
    ] {
        let resolution = resolve(&table, &probe(asked)).expect("`*` takes everything");
        assert_eq!(resolution.host.name, won, "{asked}");
    }
}

/// "Envoy picks the vhost first and never falls back to a less specific vhost when no route matches -> 404."
#[test]
fn a_host_without_a_matching_route_answers_404() {
    let (sources, _) = sources();
    let table = table(vec![host(&["*"], Vec::new()), host(&["a"], Vec::new())]);
    let resolution = resolve(&table, &probe("a")).expect("a host");
    assert_eq!(
        resolution.expected(&sources).declared()[0].name,
        "status 404"
    );
    assert_eq!(resolution.expected(&sources).source, "t.yaml:1");
    assert!(resolution.route.is_none());
}

#[test]
fn this_machine_stands_for_the_only_rule_and_never_for_one_of_several() {
    let (one, two) = (host(&["a"], Vec::new()), host(&["b"], Vec::new()));
    let only = table(vec![one.clone()]);
    let resolution = resolve(&only, &probe("127.0.0.1")).expect("the only host");
    assert_eq!(resolution.caveats[0].id(), "assumed-host");
    for address in ["10.0.0.1", "[fd00::1]:8080"] {
        let refused = resolve(&only, &probe(address));
        assert!(
            matches!(refused, Err(ResolveError::NoHost { .. })),
            "{address}"
        );
    }
    let several = table(vec![one, two]);
    let refused = resolve(&several, &probe("localhost"));
    assert!(
        matches!(refused, Err(ResolveError::Ambiguous { candidates, .. }) if candidates == ["a", "b"])
    );
    let unknown = resolve(&several, &probe("c.example.com"));
    assert!(matches!(unknown, Err(ResolveError::NoHost { .. })));
    assert_eq!(
        resolve(&RouteTable::default(), &probe("a")).map(|_| ()),
        Err(ResolveError::NoRules)
    );
}

#[test]
fn an_error_names_a_few_hosts_and_counts_the_others() {
    let table = table(
        (0..9)
            .map(|n| host(&[&format!("h{n}")], Vec::new()))
            .collect(),
    );
    let error = resolve(&table, &probe("localhost"))
        .map(|_| ())
        .expect_err("several hosts");
    assert_eq!(
        error.to_string(),
        "`localhost` may stand for several hosts: h0, h1, h2, h3, h4, h5, and 3 more"
    );
}

fn any_text() -> impl Strategy<Value = TextMatch> {
    prop_oneof![
        Just(TextMatch::Present),
        "[a-zé/*]{0,4}".prop_map(TextMatch::exact),
        "[a-zé/*]{0,4}".prop_map(|text| TextMatch::prefix(text).ignoring_case()),
        "[a-z/]{0,3}".prop_map(|text| TextMatch::regex(&text).expect("letters compile")),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let name = "[a-z]{0,2}";
    let test = prop_oneof![
        any::<bool>().prop_map(Test::Fixed),
        any_text().prop_map(Test::Path),
        any_text().prop_map(Test::Authority),
        (name, any_text()).prop_map(|(name, value)| Test::Header(HeaderTest::with(name, value))),
        (name, any_text()).prop_map(|(name, value)| Test::Header(HeaderTest::without(name, value))),
        (name, any_text()).prop_map(|(name, value)| Test::Query { name, value }),
        name.prop_map(Test::NoQuery),
        (name, any_text(), any::<bool>()).prop_map(|(name, value, invert)| Test::Cookie {
            name,
            value,
            invert
        }),
        (any::<u8>(), prop::sample::select(vec![100, 10_000]))
            .prop_map(|(part, of)| Test::Fraction(Fraction::new(part.into(), of).expect("known"))),
    ];
    test.prop_map(|test| Condition {
        field: "field".to_owned(),
        span: sources().1,
        test,
    })
}

fn any_action() -> impl Strategy<Value = Action> {
    let weights = prop::collection::vec((0..4_u8, 0..=i32::MAX.unsigned_abs()), 1..5);
    let split = weights.prop_filter_map("no split", |weights| {
        let backend = |(host, weight): (u8, u32)| Backend {
            destination: Destination {
                host: format!("h{host}"),
                port: None,
                subset: None,
            },
            weight,
            identifiers: Identifiers::default(),
            broken: None,
        };
        Split::new(Mechanism::Iid, weights.into_iter().map(backend).collect()).ok()
    });
    let split = (split, prop::option::of("[a-z]{1,2}"), any::<bool>()).prop_map(
        |(split, header, in_turn)| {
            let mechanism = if in_turn {
                Mechanism::Wrr
            } else {
                Mechanism::Iid
            };
            let split = split.by(mechanism);
            Action::Split(match header {
                Some(header) => split.picked_by(header),
                None => split,
            })
        },
    );
    let named = "[a-z]{1,2}".prop_map(|header| {
        Action::Named(NamedByHeader {
            header,
            clusters: None,
            missing: 503,
        })
    });
    prop_oneof![
        4 => split,
        1 => named,
        1 => (200..600_u16).prop_map(|status| Action::local_reply(status, LocalReplyCause::DirectResponse)),
        1 => (300..400_u16).prop_map(|status| Action::local_reply(status, LocalReplyCause::Redirect)),
    ]
}

fn any_route() -> impl Strategy<Value = Route> {
    let abort = prop::option::of(
        (200..600_u16, any::<u32>()).prop_map(|(status, part)| Abort::new(status, part)),
    );
    (
        prop::collection::vec(any_condition(), 0..3),
        any_action(),
        abort,
    )
        .prop_map(|(conditions, action, abort)| Route {
            object: "object".to_owned(),
            rule: "http[0]".to_owned(),
            alternative: None,
            name: None,
            span: sources().1,
            conditions,
            outcome: Arc::new(Outcome {
                action,
                abort,
                mirrors: Vec::new(),
                caveats: Vec::new(),
            }),
        })
}

proptest! {
    #[test]
    fn the_shares_of_any_resolution_sum_to_one(
        routes in prop::collection::vec(any_route(), 0..5),
        domain in "[a-zA-Z*.é:0-9]{0,6}",
        asked in "[a-zA-Z*.é:0-9\\[\\]]{0,6}",
        path in ".*",
        query in prop::option::of(".*"),
        header in (".*", ".*"),
    ) {
        let (sources, _) = sources();
        let table = table(vec![host(&[&domain], routes)]);
        let probe = Probe { path, query, headers: vec![header], ..probe(&asked) };
        if let Ok(resolution) = resolve(&table, &probe) {
            let expected = resolution.expected(&sources);
            let sum = expected.declared().iter().try_fold(Share::ZERO, |sum, declared| sum.checked_add(declared.share));
            prop_assert_eq!(sum, Some(Share::ONE));
            for matched in resolution.taking() {
                let own = resolution.expected_of(&matched, &sources);
                let sum = own.declared().iter().try_fold(Share::ZERO, |sum, one| sum.checked_add(one.share));
                prop_assert_eq!(sum, Some(Share::ONE));
            }
        }
    }
}

/// The table of a VirtualService with these matches.
fn matching(matches: &[String]) -> (Sources, RouteTable) {
    let mut text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  hosts: [web]\n  http:\n"
        .to_owned();
    for one in matches {
        let _ = writeln!(
            text,
            "  - match: [{{{one}}}]\n    route: [{{destination: {{host: web}}}}]"
        );
    }
    let mut sources = Sources::new();
    sources.add("t.yaml", text);
    let (manifests, problems) = parse(&sources);
    assert_eq!(problems, []);
    let table = lower(&manifests, &Vantage::mesh(None, None));
    (sources, table)
}

/// A condition of a match.
fn condition() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec!["/", "/a", "/A", "/a/", "/ab", "/a/b", "/b"]);
    let field = (
        prop::sample::select(vec!["headers", "withoutHeaders", "queryParams"]),
        prop::sample::select(vec![
            "exact: ''",
            "exact: '1'",
            "exact: A",
            "prefix: a",
            "regex: '[12]'",
        ]),
    );
    let regex = [
        "/a.*",
        "/(a|b)/[a-z]+",
        "(?i)/a",
        "/a|/b",
        ".*b",
        "/a/?b?",
        "/%61",
    ];
    prop_oneof![
        (
            prop::sample::select(vec!["exact", "prefix"]),
            path,
            any::<bool>()
        )
            .prop_map(|(how, path, ignore)| format!(
                "uri: {{{how}: {path}}}, ignoreUriCase: {ignore}"
            )),
        prop::sample::select(regex.to_vec()).prop_map(|regex| format!("uri: {{regex: '{regex}'}}")),
        field.prop_map(|(part, value)| format!("{part}: {{x: {{{value}}}}}")),
        Just("method: {exact: GET}".to_owned()),
        Just("headers: {cookie: {regex: '.*x=1.*'}}".to_owned()),
        Just("authority: {exact: web}".to_owned()),
    ]
}

fn request() -> impl Strategy<Value = Probe> {
    let path = [
        "/", "/a", "/A", "/ab", "/a/b", "/b/c", "/%61", "/x/../a", "/A/B",
    ];
    let query = prop::sample::select(vec!["", "?x=1", "?x", "?x=A&x=2"]);
    let value = prop::option::of(prop::sample::select(vec!["1", "2", "A", "a", " 1", ""]));
    (prop::sample::select(path.to_vec()), query, value).prop_map(|(path, query, value)| {
        let url = format!("http://web{path}{query}").parse().expect("a URL");
        let mut probe = Probe::new("GET", &url).expect("a request");
        let header = value.map(|value| ("X".to_owned(), value.to_owned()));
        probe.headers.extend(header);
        probe
    })
}

proptest! {
    /// Whatever routes and requests are: of the routes that take a request none is left out.
    #[test]
    fn a_request_without_a_trace_goes_where_it_goes_with_one(
        matches in prop::collection::vec(condition(), 1..12),
        requests in prop::collection::vec(request(), 1..6),
    ) {
        let (sources, table) = matching(&matches);
        for probe in &requests {
            let told = |one: &resplit::route::Resolution<'_>| {
                (one.rules(), one.caveats.clone(), one.expected(&sources))
            };
            let (all, found) = (resolve(&table, probe), resolve_untraced(&table, probe));
            prop_assert_eq!(all.as_ref().map(told), found.as_ref().map(told));
        }
    }
}

/// Fault 9: every rule of a host was tried for the request of every other one.
#[test]
fn fault_9_of_a_thousand_expressions_one_is_tried() {
    for rule in [
        |at: usize| format!("uri: {{regex: '/r{at}/[a-z]+'}}"),
        |at| format!("uri: {{prefix: /r{at}/}}"),
        |at| format!("headers: {{x: {{exact: '{at}'}}}}"),
        |at| format!("uri: {{prefix: /r}}, queryParams: {{x: {{exact: '{at}'}}}}"),
    ] {
        let matches: Vec<String> = (0..1000).map(rule).collect();
        let (_, table) = matching(&matches);
        let url = "http://web/r7/a?x=7".parse().expect("a URL");
        let mut probe = Probe::new("GET", &url).expect("a request");
        probe.headers.push(("x".to_owned(), "7".to_owned()));
        let found = resolve_untraced(&table, &probe).expect("a host");
        assert_eq!(
            found.rules(),
            resolve(&table, &probe).expect("a host").rules()
        );
        assert!(
            found.route.is_some() && found.trace.is_empty(),
            "{}",
            matches[7]
        );
    }
}
