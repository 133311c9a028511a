use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::diag::{Sources, Span};
use crate::route::matching::Evaluation;
use crate::route::{Action, Fraction, Outcome, Probe};
use crate::split::LocalReplyCause;

fn condition(test: Test) -> Condition {
    Condition {
        field: "f".to_owned(),
        span: Span::new(Sources::new().add("t", ""), 0..0),
        test,
    }
}

/// Few letters, so that random texts meet.
fn text() -> impl Strategy<Value = String> {
    "[aA]{0,2}"
}

fn path() -> impl Strategy<Value = String> {
    "/[aA/]{0,3}"
}

fn text_match(text: impl Strategy<Value = String>) -> impl Strategy<Value = TextMatch> {
    let regex = prop::sample::select(vec!["a.*", ".*", "/a", "/.*", "a|A", ""]);
    (0..8, text, any::<bool>(), regex, -1_i64..3).prop_map(|(kind, text, ignore, regex, start)| {
        let how = match kind {
            0 => TextMatch::Present,
            1 => TextMatch::exact(text),
            2 => TextMatch::prefix(text),
            3 => TextMatch::Suffix {
                text,
                ignore_case: false,
            },
            4 => TextMatch::Contains {
                text,
                ignore_case: false,
            },
            5 => TextMatch::Below {
                text: text.trim_end_matches('/').to_owned(),
                ignore_case: false,
            },
            6 => TextMatch::Range {
                start,
                end: start + 2,
            },
            _ => TextMatch::regex(regex).expect("it compiles"),
        };
        if ignore { how.ignoring_case() } else { how }
    })
}

fn test() -> impl Strategy<Value = Test> {
    let header = (text_match(text()), any::<bool>(), any::<bool>()).prop_map(
        |(value, invert, missing_is_empty)| {
            Test::Header(HeaderTest {
                name: "x".to_owned(),
                value,
                invert,
                missing_is_empty,
            })
        },
    );
    let query = text_match(text()).prop_map(|value| Test::Query {
        name: "q".to_owned(),
        value,
    });
    prop_oneof![
        text_match(path()).prop_map(Test::Path),
        text_match(text()).prop_map(Test::Method),
        header,
        query,
        Just(Test::NoQuery("q".to_owned())),
        (text_match(text()), any::<bool>()).prop_map(|(value, invert)| Test::Cookie {
            name: "c".to_owned(),
            value,
            invert,
        }),
        (0_u32..3).prop_map(|part| Test::Fraction(Fraction::new(part * 50, 100).expect("known"))),
        any::<bool>().prop_map(Test::Fixed),
    ]
}

fn conditions() -> impl Strategy<Value = Vec<Condition>> {
    prop::collection::vec(test().prop_map(condition), 0..3)
}

fn probe() -> impl Strategy<Value = Probe> {
    let value = || prop_oneof![text(), "-?[0-3]"];
    let headers = prop::collection::vec(value(), 0..3);
    let cookie = prop::option::of(text());
    (path(), text(), headers, prop::option::of(value()), cookie).prop_map(
        |(path, method, headers, query, cookie)| Probe {
            method,
            scheme: "http".to_owned(),
            address: "h".to_owned(),
            port: 80,
            authority: "h".to_owned(),
            path,
            query: query.map(|value| format!("q={value}")),
            headers: headers
                .into_iter()
                .map(|value| ("x".to_owned(), value))
                .chain(cookie.map(|value| ("cookie".to_owned(), format!("c={value}"))))
                .collect(),
        },
    )
}

fn holds(conditions: &[Condition], probe: &Probe) -> bool {
    conditions
        .iter()
        .all(|one| one.holds(probe) == Evaluation::Yes)
}

fn route(conditions: Vec<Condition>) -> Route {
    Route {
        object: "o".to_owned(),
        rule: "r".to_owned(),
        alternative: None,
        name: None,
        span: Span::new(Sources::new().add("t", ""), 0..0),
        conditions,
        outcome: Arc::new(Outcome {
            action: Action::local_reply(404, LocalReplyCause::NoRoute),
            abort: None,
            mirrors: Vec::new(),
            caveats: Vec::new(),
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// What is claimed is true: no request meets the later conditions and not the earlier ones.
    #[test]
    fn what_covers_takes_every_request(earlier in conditions(), later in conditions(), probe in probe()) {
        if covers(&earlier, &later) && holds(&later, &probe) {
            prop_assert!(holds(&earlier, &probe), "{earlier:?}\n{later:?}");
        }
    }

    /// The same for conditions on the same thing, which meet more often.
    #[test]
    fn one_condition_that_implies_another_does(given in test(), wanted in test(), probe in probe()) {
        let (given, wanted) = (condition(given), condition(wanted));
        if implies(&given, &wanted) && given.holds(&probe) == Evaluation::Yes {
            prop_assert_eq!(wanted.holds(&probe), Evaluation::Yes, "{:?}\n{:?}", given, wanted);
        }
    }
}

proptest! {
    /// The index finds what comparing all pairs finds.
    #[test]
    fn the_index_misses_no_route(routes in prop::collection::vec(conditions(), 1..12)) {
        let routes: Vec<Route> = routes.into_iter().map(route).collect();
        let mut earlier = Earlier::default();
        for (at, later) in routes.iter().enumerate() {
            let all = routes[..at].iter().position(|one| !excluded(one) && covers(&one.conditions, &later.conditions));
            prop_assert_eq!(earlier.covering(later).map(|(number, _)| number), all);
            earlier.add(at, later);
        }
    }
}

#[test]
fn the_usual_ways_of_covering_are_seen() {
    let path = |how| vec![condition(Test::Path(how))];
    let header = |value| condition(Test::Header(HeaderTest::with("x", value)));
    for (earlier, later) in [
        (vec![], path(TextMatch::exact("/a"))),
        (path(TextMatch::prefix("/")), vec![]),
        (
            path(TextMatch::prefix("/a")),
            path(TextMatch::prefix("/a/b")),
        ),
        (path(TextMatch::prefix("/a")), path(TextMatch::exact("/ab"))),
        (
            path(TextMatch::exact("/a").ignoring_case()),
            path(TextMatch::exact("/A")),
        ),
        (
            vec![header(TextMatch::Present)],
            vec![header(TextMatch::exact("1"))],
        ),
        (
            vec![header(TextMatch::exact("1"))],
            vec![
                header(TextMatch::exact("1")),
                condition(Test::Method(TextMatch::exact("GET"))),
            ],
        ),
        (
            path(TextMatch::regex("/v[0-9]").expect("compiles")),
            path(TextMatch::exact("/v1")),
        ),
    ] {
        assert!(covers(&earlier, &later), "{earlier:?}\n{later:?}");
    }
    for (earlier, later) in [
        (path(TextMatch::exact("/a")), vec![]),
        (
            path(TextMatch::prefix("/a/b")),
            path(TextMatch::prefix("/a")),
        ),
        (
            path(TextMatch::exact("/a")),
            path(TextMatch::exact("/a").ignoring_case()),
        ),
        (
            vec![condition(Test::Fixed(false))],
            path(TextMatch::exact("/a")),
        ),
    ] {
        assert!(!covers(&earlier, &later), "{earlier:?}\n{later:?}");
    }
}
