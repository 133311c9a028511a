//! Laws of the requests that are sought for every rule: what is found is true, and what can be found is found.

use std::sync::Arc;

use proptest::prelude::*;
use resplit::diag::{Sources, Span};
use resplit::route::example_request::{Reach, rule_reaches};
use resplit::route::{
    Action, Condition, Fraction, HeaderTest, Outcome, Probe, Route, RouteTable, Test, TextMatch,
    VirtualHost, resolve,
};
use resplit::split::LocalReplyCause;

fn span() -> Span {
    Span::new(Sources::new().add("t.yaml", "text"), 0..4)
}

fn route(number: usize, tests: Vec<Test>) -> Route {
    let condition = |test| Condition {
        field: "field".to_owned(),
        span: span(),
        test,
    };
    Route {
        object: "VirtualService default/h".to_owned(),
        rule: format!("http[{number}]"),
        alternative: None,
        name: None,
        span: span(),
        conditions: tests.into_iter().map(condition).collect(),
        outcome: Arc::new(Outcome {
            action: Action::local_reply(200, LocalReplyCause::DirectResponse),
            abort: None,
            mirrors: Vec::new(),
            caveats: Vec::new(),
        }),
    }
}

fn table(routes: Vec<Vec<Test>>) -> RouteTable {
    let routes = routes.into_iter().enumerate();
    RouteTable {
        hosts: vec![VirtualHost {
            name: "h".to_owned(),
            domains: vec!["h".to_owned()],
            objects: vec!["VirtualService default/h".to_owned()],
            span: span(),
            https_only: false,
            unsupported: None,
            routes: routes.map(|(number, tests)| route(number, tests)).collect(),
            caveats: Vec::new(),
        }],
        ..RouteTable::default()
    }
}

fn like() -> Probe {
    let url = "http://h/".parse().expect("a URL");
    Probe::new("GET", &url).expect("an absolute URL")
}

/// The rules that take a request: one, unless chance decides among several.
fn taken(table: &RouteTable, probe: &Probe) -> Vec<String> {
    let resolution = resolve(table, probe).expect("there is one host");
    resolution
        .taking()
        .map(|matched| matched.rule.to_owned())
        .collect()
}

/// What is said about each rule in a word: the request that reaches it is checked.
fn words(table: &RouteTable) -> Vec<&'static str> {
    let word = |rule_reach: &resplit::route::example_request::RuleReach<'_>| match &rule_reach.reach
    {
        Reach::By(probe) => {
            assert!(taken(table, probe).contains(&rule_reach.route.rule));
            "reached"
        }
        Reach::Shadowed(_) => "shadowed",
        Reach::NotFromHere(_) => "not from here",
        Reach::NotFound => "not found",
        other => panic!("{other:?}"),
    };
    rule_reaches(table, &table.hosts[0], &like())
        .iter()
        .map(word)
        .collect()
}

fn path(text: TextMatch) -> Test {
    Test::Path(text)
}

fn exact(text: &str) -> TextMatch {
    TextMatch::exact(text)
}

fn prefix(text: &str) -> TextMatch {
    TextMatch::prefix(text)
}

fn regex(pattern: &str) -> TextMatch {
    TextMatch::regex(pattern).expect("it compiles")
}

fn header(name: &str, value: TextMatch) -> Test {
    Test::Header(HeaderTest::with(name, value))
}

fn without(name: &str, value: TextMatch) -> Test {
    Test::Header(HeaderTest::without(name, value))
}

#[test]
fn requests_dodge_the_rules_before() {
    let table = table(vec![
        vec![path(exact("/api"))],
        vec![path(prefix("/api/v1"))],
        vec![path(prefix("/api")), header("end-user", exact("jason"))],
        vec![path(prefix("/api")), without("x-canary", exact("1"))],
        // Reached by saying what the rule before forbids.
        vec![path(prefix("/api"))],
        vec![path(regex("/v[0-9]+/.*"))],
        vec![Test::Method(exact("POST"))],
        vec![Test::Query {
            name: "debug".to_owned(),
            value: TextMatch::Present,
        }],
        vec![],
    ]);
    assert_eq!(words(&table), ["reached"; 9]);
}

#[test]
fn rules_that_nothing_reaches_are_said_to_be_shadowed() {
    let below = TextMatch::Below {
        text: "/api".to_owned(),
        ignore_case: false,
    };
    let table = table(vec![
        vec![path(prefix("/a"))],
        vec![path(exact("/api"))],
        vec![path(below), header("x", exact("1"))],
        vec![Test::Fixed(false)],
        vec![header("x", TextMatch::Present)],
        vec![header("x", prefix("v"))],
        vec![path(prefix("/"))],
        vec![path(regex("/z.*"))],
    ]);
    assert_eq!(
        words(&table),
        [
            "reached",
            "shadowed",
            "shadowed",
            "not from here",
            "reached",
            "shadowed",
            "reached",
            "shadowed"
        ]
    );
}

#[test]
fn the_alternative_of_a_rule_that_is_reached_speaks_for_it() {
    let mut table = table(vec![
        vec![path(prefix("/a"))],
        vec![path(exact("/a1"))],
        vec![path(exact("/b"))],
    ]);
    for (at, alternative) in [(1, "match[0]"), (2, "match[1]")] {
        let route = &mut table.hosts[0].routes[at];
        route.rule = "http[1]".to_owned();
        route.alternative = Some(alternative.to_owned());
    }
    let rule_reaches = rule_reaches(&table, &table.hosts[0], &like());
    assert_eq!(rule_reaches.len(), 2);
    assert_eq!(
        rule_reaches[1].route.alternative.as_deref(),
        Some("match[1]")
    );
    assert!(matches!(&rule_reaches[1].reach, Reach::By(probe) if probe.path == "/b"));
}

#[test]
fn a_request_stays_as_it_is_where_it_already_reaches_the_rule() {
    let table = table(vec![vec![header("x", exact("1"))], vec![]]);
    let like = Probe {
        path: "/version".to_owned(),
        query: Some("a=1".to_owned()),
        ..like()
    };
    let rule_reaches = rule_reaches(&table, &table.hosts[0], &like);
    assert!(matches!(&rule_reaches[1].reach, Reach::By(probe) if **probe == like));
}

fn small_text() -> impl Strategy<Value = String> {
    "[ab]{0,2}"
}

/// A condition on the path or on one of two headers, of words over two letters.
fn small_test() -> impl Strategy<Value = Test> {
    let name = prop_oneof![Just("x"), Just("y")];
    prop_oneof![
        small_text().prop_map(|text| path(exact(&format!("/{text}")))),
        small_text().prop_map(|text| path(prefix(&format!("/{text}")))),
        (name.clone(), "[ab]{1,2}").prop_map(|(name, text)| header(name, exact(&text))),
        (name.clone(), "[ab]{1,2}").prop_map(|(name, text)| header(name, prefix(&text))),
        (name, "[ab]{1,2}").prop_map(|(name, text)| without(name, exact(&text))),
    ]
}

/// Every request over three letters, one of which no condition names.
fn small_probes() -> Vec<Probe> {
    let mut words = vec![String::new()];
    for length in 0..3 {
        let longer: Vec<String> = words
            .iter()
            .filter(|word| word.len() == length)
            .flat_map(|word| ["a", "b", "z"].map(|letter| format!("{word}{letter}")))
            .collect();
        words.extend(longer);
    }
    let values = ["", "a", "b", "z", "aa", "ab", "ba", "bb", "az", "bz", "abz"];
    let mut probes = Vec::new();
    for word in &words {
        for x in values {
            for y in values {
                let sent = [("x", x), ("y", y)];
                let sent = sent.into_iter().filter(|(_, value)| !value.is_empty());
                probes.push(Probe {
                    path: format!("/{word}"),
                    headers: sent
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    ..like()
                });
            }
        }
    }
    probes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn what_trying_everything_reaches_is_found(
        routes in prop::collection::vec(prop::collection::vec(small_test(), 0..3), 1..7),
    ) {
        let table = table(routes);
        let reached: std::collections::BTreeSet<String> =
            small_probes().iter().flat_map(|probe| taken(&table, probe)).collect();
        for (number, word) in words(&table).into_iter().enumerate() {
            if reached.contains(&format!("http[{number}]")) {
                prop_assert_eq!(word, "reached", "http[{}]", number);
            }
        }
    }
}

fn any_text() -> impl Strategy<Value = TextMatch> {
    let text = "[aAb/]{0,3}";
    let free = any::<bool>();
    prop_oneof![
        Just(TextMatch::Present),
        (text, free).prop_map(|(text, ignore_case)| TextMatch::Exact { text, ignore_case }),
        (text, free).prop_map(|(text, ignore_case)| TextMatch::Prefix { text, ignore_case }),
        (text, free).prop_map(|(text, ignore_case)| TextMatch::Suffix { text, ignore_case }),
        (text, free).prop_map(|(text, ignore_case)| TextMatch::Contains { text, ignore_case }),
        (text, free).prop_map(|(text, ignore_case)| TextMatch::Below { text, ignore_case }),
        (0..3_i64, 0..5_i64).prop_map(|(start, end)| TextMatch::Range { start, end }),
        prop_oneof![
            Just(".*"),
            Just("/.*"),
            Just("[ab]+"),
            Just("/a|/b"),
            Just("(?i)a.")
        ]
        .prop_map(regex),
    ]
}

fn any_test() -> impl Strategy<Value = Test> {
    let name = prop_oneof![Just("x"), Just("host")];
    prop_oneof![
        any::<bool>().prop_map(Test::Fixed),
        any_text().prop_map(Test::Path),
        any_text().prop_map(Test::Method),
        any_text().prop_map(Test::Authority),
        any_text().prop_map(Test::Scheme),
        any_text().prop_map(|value| Test::Query {
            name: "q".to_owned(),
            value
        }),
        Just(Test::NoQuery("q".to_owned())),
        (any_text(), any::<bool>()).prop_map(|(value, invert)| Test::Cookie {
            name: "c".to_owned(),
            value,
            invert,
        }),
        (0_u32..3).prop_map(|part| Test::Fraction(Fraction::new(part * 50, 100).expect("known"))),
        (name, any_text(), any::<bool>(), any::<bool>()).prop_map(
            |(name, value, invert, missing_is_empty)| Test::Header(HeaderTest {
                name: name.to_owned(),
                value,
                invert,
                missing_is_empty,
            })
        ),
    ]
}

fn any_probe() -> impl Strategy<Value = Probe> {
    let header = prop_oneof![Just("x"), Just("X"), Just("y"), Just("cookie")];
    (
        prop_oneof![Just("GET"), Just("a"), Just("ab")],
        "/[aAb/]{0,3}",
        prop::option::of("q=[aAb0-9/]{0,2}"),
        prop::collection::vec((header, "[aAb/0-9]{0,3}"), 0..3),
    )
        .prop_map(|(method, path, query, headers)| Probe {
            method: method.to_owned(),
            path,
            query,
            headers: headers
                .into_iter()
                .map(|(name, value)| match name {
                    "cookie" => (name.to_owned(), format!("c={value}")),
                    name => (name.to_owned(), value),
                })
                .collect(),
            ..like()
        })
}

proptest! {
    /// `words` checks every request that is found.
    #[test]
    fn what_is_found_is_true_and_what_is_shadowed_is_never_taken(
        routes in prop::collection::vec(prop::collection::vec(any_test(), 0..3), 1..6),
        probes in prop::collection::vec(any_probe(), 40),
    ) {
        let table = table(routes);
        let words = words(&table);
        for probe in &probes {
            for rule in taken(&table, probe) {
                let number: usize = rule["http[".len()..rule.len() - 1].parse().expect("a number");
                prop_assert!(
                    matches!(words[number], "reached" | "not found"),
                    "{} is {}, yet takes {:?}", rule, words[number], probe
                );
            }
        }
    }
}
