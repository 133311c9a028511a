//! Tables whose meaning a number in a header cannot enumerate: what chance decides, and what the request itself names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use resplit::diag::{Sources, Span};
use resplit::route::{
    Action, Condition, Fraction, NamedByHeader, Outcome, Probe, Route, RouteTable, Split, Test,
    TextMatch, VirtualHost, cluster,
};
use resplit::split::Mechanism;

use super::client::Client;
use super::config::bootstrap;
use super::tables::somewhere;
use super::{Envoy, Told, dumped};

/// A table with one host for everything.
fn everything(routes: Vec<Route>, span: Span) -> RouteTable {
    RouteTable {
        hosts: vec![VirtualHost {
            name: "any".to_owned(),
            domains: vec!["*".to_owned()],
            objects: vec!["cases".to_owned()],
            span,
            https_only: false,
            unsupported: None,
            routes: routes.into(),
            caveats: Vec::new(),
        }],
        ..RouteTable::default()
    }
}

/// A route for every path, for a part of the requests where one is named.
fn route(name: &str, action: Action, fraction: Option<Fraction>, span: Span) -> Route {
    let tests = [Test::Path(TextMatch::prefix("/"))];
    let tests = tests.into_iter().chain(fraction.map(Test::Fraction));
    let condition = |test| Condition {
        field: "match".to_owned(),
        span,
        test,
    };
    Route {
        object: "cases".to_owned(),
        rule: name.to_owned(),
        alternative: None,
        name: Some(name.to_owned()),
        span,
        conditions: tests.map(condition).collect(),
        outcome: Arc::new(Outcome {
            action,
            abort: None,
            mirrors: Vec::new(),
            caveats: Vec::new(),
        }),
    }
}

fn probe(headers: &[(&str, &str)]) -> Probe {
    let uri = "http://any/".parse().expect("a URL");
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Probe {
        headers: headers.collect(),
        ..Probe::new("GET", &uri).expect("an absolute URL")
    }
}

/// "route `runtime_fraction` uses the SAME random value: fraction 50/100 then 50/50 weights -> 100 % first cluster [V]":
/// what must get nothing gets nothing, and what must get something gets it.
#[test]
fn a_fraction_and_the_weights_behind_it_look_at_the_same_number() {
    for (percent, first, rest) in [
        (50, [50, 50, 0], [50, 50, 0]),
        (30, [20, 30, 50], [25, 25, 50]),
    ] {
        let mut sources = Sources::new();
        let span = somewhere(&mut sources);
        let split = |name: &str, weights: [u32; 3]| {
            let backends = ["x", "y", "z"].into_iter().zip(weights);
            let backends = backends
                .map(|(at, weight)| cluster::backend(&format!("{name}-{at}"), weight, None));
            let split = Split::new(Mechanism::Iid, backends.collect());
            Action::Split(split.expect("some weight"))
        };
        let fraction = Fraction::new(percent, 100);
        let routes = vec![
            route("first", split("first", first), fraction, span),
            route("rest", split("rest", rest), None, span),
        ];
        let table = everything(routes, span);
        let envoy = Envoy::start(&bootstrap(std::slice::from_ref(&table), false), 2);
        let own = Told {
            whose: "the table",
            sources,
            table,
        };
        let probe = probe(&[]);
        let mut client = Client::new(envoy.addr());
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for _ in 0..2000 {
            let backend = client.send(&probe, None).backend.expect("a split");
            *seen.entry(backend).or_default() += 1;
        }
        let said = own.weights(&probe);
        assert_eq!(said, dumped(&envoy).weights(&probe));
        assert_eq!(
            seen.keys().collect::<Vec<_>>(),
            said.keys().collect::<Vec<_>>()
        );
        for (name, count) in seen {
            // Six standard deviations of the count.
            let share = said[&name].as_f64();
            let off = (count as f64 - 2000.0 * share).abs();
            assert!(
                off < 6.0 * (2000.0 * share * (1.0 - share)).sqrt(),
                "{name}: {count}"
            );
        }
    }
}

/// "`cluster_not_found_response_code` default 503".
#[test]
fn a_header_names_the_cluster_or_the_proxy_answers() {
    let mut sources = Sources::new();
    let span = somewhere(&mut sources);
    let named = Action::Named(NamedByHeader {
        header: "x-to".to_owned(),
        clusters: Some(Arc::new(BTreeSet::from(["known".to_owned()]))),
        missing: 503,
    });
    let table = everything(vec![route("named", named, None, span)], span);
    let mut bootstrap = bootstrap(std::slice::from_ref(&table), false);
    bootstrap["static_resources"]["clusters"] = json!([{
        "name": "known", "type": "STATIC", "connect_timeout": "1s",
        "load_assignment": { "cluster_name": "known", "endpoints": [] },
    }]);
    let envoy = Envoy::start(&bootstrap, 1);
    let dump = dumped(&envoy);
    let own = Told {
        whose: "the table",
        sources,
        table,
    };
    let mut client = Client::new(envoy.addr());
    for headers in [
        &[][..],
        &[("x-to", "known")],
        &[("X-To", " known ")],
        &[("x-to", "other")],
        &[("x-to", "")],
        &[("x-to", "known"), ("x-to", "other")],
        &[("x-to", "other"), ("x-to", "known")],
    ] {
        let probe = probe(headers);
        let seen = client.send(&probe, None);
        let answers = || format!("status {}", seen.status);
        let taken = seen.backend.clone().filter(|name| name == "known");
        let taken = taken.unwrap_or_else(answers);
        for told in [&own, &dump] {
            let said: Vec<String> = told.weights(&probe).into_keys().collect();
            assert_eq!(
                said,
                std::slice::from_ref(&taken),
                "{}: {headers:?} {seen:?}",
                told.whose
            );
        }
    }
}
