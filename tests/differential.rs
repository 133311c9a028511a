//! Random route tables and requests, decided by resplit and by a real Envoy: the same route, and exactly the same weights,
//! counted over every number that Envoy may draw. Then the other way: what Envoy's own dump says must be that, too.
//!
//! Thousands of tables, with another seed:
//!
//! ```text
//! RESPLIT_TABLES=5000 RESPLIT_SEED=7 cargo test --test main differential -- --ignored --nocapture
//! ```

mod cases;
mod client;
pub(crate) mod config;
mod tables;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use resplit::diag::Sources;
use resplit::manifest::{lower, parse};
use resplit::route::{Action, Probe, RouteTable, Vantage, resolve};
use resplit::split::Share;

use super::support::envoy::Envoy;
use client::{Client, Seen};
use config::{PICK, bootstrap};
use tables::{Chance, request, somewhere, table};

/// Requests to each table.
const REQUESTS: usize = 10;
/// Tables of one Envoy.
const BATCH: usize = 500;

#[test]
fn hundreds_of_tables_mean_to_resplit_what_they_mean_to_envoy() {
    for (seed, match_port) in [(1, false), (2, true)] {
        let compared = compare(seed, 150, match_port);
        // A test whose requests meet nothing would find nothing.
        assert!(compared.taken > 700, "{compared:?}");
        assert!(compared.weighed > 80, "{compared:?}");
    }
}

#[test]
#[ignore = "minutes"]
#[expect(clippy::print_stderr, reason = "it says how much was compared")]
fn thousands_of_tables_mean_to_resplit_what_they_mean_to_envoy() {
    let number = |name: &str, otherwise: u64| {
        let text = std::env::var(name).ok();
        text.map_or(otherwise, |text| text.parse().expect("a number"))
    };
    let (tables, seed) = (number("RESPLIT_TABLES", 5000), number("RESPLIT_SEED", 1000));
    let mut total = Compared::default();
    for batch in 0..tables.div_ceil(BATCH as u64) {
        let compared = compare(seed + batch, BATCH, batch % 2 == 1);
        total.requests += compared.requests;
        total.taken += compared.taken;
        total.weighed += compared.weighed;
    }
    eprintln!("{tables} tables: {total:?}");
}

/// What was compared.
#[derive(Debug, Default)]
struct Compared {
    requests: usize,
    taken: usize,
    weighed: usize,
}

/// A table as resplit has it, and the texts it comes from.
struct Told {
    whose: &'static str,
    sources: Sources,
    table: RouteTable,
}

fn compare(seed: u64, count: usize, match_port: bool) -> Compared {
    let mut chance = Chance::new(seed);
    let mut sources = Sources::new();
    let span = somewhere(&mut sources);
    let tables: Vec<RouteTable> = (0..count)
        .map(|number| table(&mut chance, number, match_port, span))
        .collect();
    let envoy = Envoy::start(&bootstrap(&tables, match_port), 1);
    let dump = dumped(&envoy);
    let mut client = Client::new(envoy.addr());
    let mut compared = Compared::default();
    let mut problems = Vec::new();
    for (number, table) in tables.into_iter().enumerate() {
        let own = Told {
            whose: "the table",
            sources: sources.clone(),
            table,
        };
        let mut weighed = false;
        for _ in 0..REQUESTS {
            let probe = request(&mut chance, &own.table, number);
            let answer = client.send(&probe, None);
            compared.requests += 1;
            compared.taken += usize::from(answer.route.is_some());
            problems.extend([&own, &dump].into_iter().filter_map(|told| {
                let differs = told.answer(&probe).differs(&answer)?;
                Some(format!(
                    "seed {seed}, {}: {differs}\n{probe:?}\n{}",
                    told.whose,
                    own.described(&differs)
                ))
            }));
            if !weighed && answer.backend.is_some() {
                weighed = true;
                compared.weighed += 1;
                let counted = counted(&mut client, &probe, &answer, &own, &dump);
                problems.extend([&own, &dump].into_iter().filter_map(|told| {
                    let said = told.weights(&probe);
                    (said != counted).then(|| {
                        format!(
                            "seed {seed}, {}: {said:?}, Envoy {counted:?}\n{probe:?}",
                            told.whose
                        )
                    })
                }));
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} disagreements, among them:\n{}",
        problems.len(),
        problems[..problems.len().min(6)].join("\n\n")
    );
    compared
}

/// What resplit reads in the dump of an Envoy.
fn dumped(envoy: &Envoy) -> Told {
    let mut sources = Sources::new();
    sources.add("dump.json", envoy.admin("/config_dump").to_string());
    let (manifests, problems) = parse(&sources);
    assert_eq!(problems, []);
    Told {
        whose: "its dump",
        table: lower(&manifests, &Vantage::mesh(None, None)),
        sources,
    }
}

/// What resplit says about a request.
struct LocalReply {
    route: Option<String>,
    /// Where the proxy answers by itself.
    status: Option<u16>,
}

impl LocalReply {
    fn differs(&self, seen: &Seen) -> Option<String> {
        let same = self.route == seen.route && self.status.is_none_or(|own| own == seen.status);
        let (route, status) = (&self.route, self.status);
        (!same).then(|| format!("{route:?} {status:?}, Envoy {seen:?}"))
    }
}

impl Told {
    fn answer(&self, probe: &Probe) -> LocalReply {
        let Ok(resolution) = resolve(&self.table, probe) else {
            // No host takes it, so that Envoy has no route.
            return LocalReply {
                route: None,
                status: Some(404),
            };
        };
        let expected = resolution.expected(&self.sources);
        let status = match expected.declared() {
            [only] => only.target.status(),
            _ => None,
        };
        let route = resolution.route.and_then(|route| route.name);
        LocalReply {
            route: route.map(str::to_owned),
            status,
        }
    }

    /// What each backend gets; none of those that get nothing.
    fn weights(&self, probe: &Probe) -> BTreeMap<String, Share> {
        let resolution = resolve(&self.table, probe).expect("a host takes it");
        let expected = resolution.expected(&self.sources);
        let declared = expected
            .declared()
            .iter()
            .filter(|one| !one.share.is_zero());
        declared.map(|one| (one.name.clone(), one.share)).collect()
    }

    /// The routes that a disagreement names, for whoever looks at it.
    fn described(&self, said: &str) -> String {
        let routes = self.table.hosts.iter().flat_map(|host| &host.routes);
        let named = routes.filter(|route| {
            let name = route.name.as_deref().unwrap_or_default();
            said.contains(&format!("\"{name}\""))
        });
        let texts = named.map(|route| format!("{:?}: {:?}", route.name, route.conditions));
        texts.collect::<Vec<String>>().join("\n")
    }
}

/// What each backend gets, by asking with every number below the sum of the weights.
fn counted(
    client: &mut Client,
    probe: &Probe,
    seen: &Seen,
    own: &Told,
    dump: &Told,
) -> BTreeMap<String, Share> {
    let mut routes = own.table.hosts.iter().flat_map(|host| &host.routes);
    let route = routes.find(|route| route.name == seen.route);
    let total: u64 = match route.map(|route| &route.outcome.action) {
        Some(Action::Split(split)) => split
            .backends()
            .iter()
            .map(|one| u64::from(one.weight))
            .sum(),
        other => panic!("Envoy names a backend where there is none: {other:?}"),
    };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..total {
        let number = number.to_string();
        let backend = client
            .send(probe, Some((PICK, &number)))
            .backend
            .unwrap_or_default();
        let mut chosen = probe.clone();
        chosen.headers.push((PICK.to_owned(), number));
        let said = dump.weights(&chosen);
        assert_eq!(
            said,
            BTreeMap::from([(backend.clone(), Share::ONE)]),
            "{chosen:?}"
        );
        *counts.entry(backend).or_default() += 1;
    }
    let share = |(name, count)| (name, Share::new(count, total).expect("a part"));
    counts.into_iter().map(share).collect()
}

/// What istioctl prints is what the admin interface prints, in other spelling.
#[test]
fn both_spellings_of_a_dump_mean_the_same() {
    let mut chance = Chance::new(3);
    let span = somewhere(&mut Sources::new());
    let tables: Vec<RouteTable> = (0..200)
        .map(|number| table(&mut chance, number, false, span))
        .collect();
    let bootstrap = bootstrap(&tables, false);
    let path = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config";
    let snake = bootstrap.pointer(path).expect("the route configuration");
    let read = |config: &Value| {
        let mut sources = Sources::new();
        sources.add("dump.json", config.to_string());
        let (manifests, problems) = parse(&sources);
        assert_eq!(problems, []);
        let table = lower(&manifests, &Vantage::mesh(None, None));
        assert!(table.hosts.len() > 200);
        // The names of keys differ in length, and so do the places.
        let places = Regex::new(r"start: \d+, end: \d+").expect("it compiles");
        places.replace_all(&format!("{table:?}"), "").into_owned()
    };
    assert_eq!(read(snake), read(&Value::Array(vec![camel(snake)])));
}

/// The same value with `camelCase` keys.
fn camel(value: &Value) -> Value {
    let spelt = |key: &String| {
        let mut words = key.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |key, word| {
            key + &word[..1].to_uppercase() + &word[1..]
        })
    };
    match value {
        Value::Array(items) => items.iter().map(camel).collect(),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(
                members
                    .map(|(key, value)| (spelt(key), camel(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}
