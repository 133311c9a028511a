//! Random route tables and random requests from the same few words, so that they often meet and often just miss.

use std::sync::Arc;

use rand::Rng;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use resplit::diag::{Sources, Span};
use resplit::route::{
    Action, Condition, HeaderTest, Outcome, Probe, Route, RouteTable, Split, Test, TextMatch,
    VirtualHost, cluster,
};
use resplit::split::{LocalReplyCause, Mechanism};

/// The words of paths. Some are another way to write one of the others.
const SEGMENTS: [&str; 10] = ["a", "b", "A", "ab", "api", "API", "%61", "a%2Fb", "c~d", ""];
const DOTTED: [&str; 5] = ["..", ".", "%2e%2E", "%2e", "..;x"];
const REGEXES: [&str; 8] = [
    "/a.*",
    "/[a-b]+",
    "/api(/.*)?",
    "/A|/b",
    ".*/b",
    "(?i)/api.*",
    "/a/?",
    "/[^/]+/b",
];
const HEADERS: [&str; 3] = ["x-a", "x-b", "end-user"];
const VALUES: [&str; 9] = ["", "1", "10", "-3", "abc", "ABC", "ab", "b", "a,b"];
const VALUE_REGEXES: [&str; 4] = ["a.*", "[0-9]+", "b?", "ab|b"];
const PARAMETERS: [&str; 3] = ["k", "K", "q"];
const PAIRS: [&str; 9] = [
    "k=1", "k", "q=ab", "K=10", "k=%31", "", "k=1=2", "=1", "q=a+b",
];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];

/// A source of chance that a seed decides.
pub(super) struct Chance(Xoshiro256PlusPlus);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end as u64).expect("below a usize")
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A place for everything that needs one.
pub(super) fn somewhere(sources: &mut Sources) -> Span {
    Span::new(sources.add("random.yaml", "random"), 0..6)
}

/// The table with a number; its names are those of no other number.
pub(super) fn table(
    chance: &mut Chance,
    number: usize,
    match_port: bool,
    span: Span,
) -> RouteTable {
    let mut domains = vec![
        format!("a.t{number}.test"),
        format!("b.t{number}.test"),
        format!("*.t{number}.test"),
        format!("*.b.t{number}.test"),
        format!("p{number}.*"),
        format!("p{number}.x.*"),
        format!("*-z.t{number}.test"),
    ];
    if match_port {
        domains.extend([
            format!("a.t{number}.test:8080"),
            format!("a.t{number}.test:*"),
        ]);
    }
    let mut hosts = Vec::new();
    for at in 0..=chance.below(3) {
        let mut own: Vec<String> = Vec::new();
        for _ in 0..=chance.below(2) {
            let index = chance.below(domains.len());
            own.push(domains.swap_remove(index));
        }
        let prefix = format!("t{number}v{at}");
        let routes =
            (0..=chance.below(6)).map(|at| route(chance, &format!("{prefix}r{at}"), number, span));
        hosts.push(VirtualHost {
            name: prefix.clone(),
            objects: vec![prefix.clone()],
            span,
            https_only: false,
            unsupported: None,
            routes: routes.collect(),
            caveats: Vec::new(),
            domains: own,
        });
    }
    RouteTable {
        hosts,
        match_port,
        ..RouteTable::default()
    }
}

fn route(chance: &mut Chance, name: &str, number: usize, span: Span) -> Route {
    let mut tests = vec![path_test(chance)];
    for _ in 0..chance.below(3) {
        tests.push(other_test(chance, number));
    }
    let action = match chance.below(6) {
        0 => Action::local_reply(
            chance.of(&[301, 302, 303, 307, 308]),
            LocalReplyCause::Redirect,
        ),
        1 => Action::local_reply(
            chance.of(&[200, 204, 404, 418, 503]),
            LocalReplyCause::DirectResponse,
        ),
        _ => Action::Split(split(chance)),
    };
    Route {
        object: "random".to_owned(),
        rule: name.to_owned(),
        alternative: None,
        name: Some(name.to_owned()),
        span,
        conditions: tests
            .into_iter()
            .map(|test| Condition {
                field: "random".to_owned(),
                span,
                test,
            })
            .collect(),
        outcome: Arc::new(Outcome {
            action,
            abort: None,
            mirrors: Vec::new(),
            caveats: Vec::new(),
        }),
    }
}

fn split(chance: &mut Chance) -> Split {
    let count = 1 + chance.below(4);
    let weights: Vec<u32> = (0..count).map(|_| chance.of(&[0, 1, 2, 3, 5])).collect();
    let weights = match weights.iter().sum() {
        0_u32 => vec![1; count],
        _ => weights,
    };
    let backends = (0..).zip(weights);
    let backends =
        backends.map(|(at, weight): (u32, u32)| cluster::backend(&format!("c{at}"), weight, None));
    Split::new(Mechanism::Iid, backends.collect()).expect("some weight")
}

fn path_test(chance: &mut Chance) -> Test {
    let text = path(chance, &SEGMENTS);
    let text = match chance.below(5) {
        0 => TextMatch::prefix("/"),
        1 => TextMatch::prefix(text),
        2 => TextMatch::exact(text),
        3 => TextMatch::Below {
            text: format!(
                "{}/{}",
                text.trim_end_matches('/'),
                chance.of(&["a", "api", "b"])
            ),
            ignore_case: false,
        },
        _ => TextMatch::regex(chance.of(&REGEXES)).expect("it compiles"),
    };
    Test::Path(if chance.once_in(3) {
        text.ignoring_case()
    } else {
        text
    })
}

fn other_test(chance: &mut Chance, number: usize) -> Test {
    match chance.below(12) {
        0 => Test::Method(TextMatch::exact(chance.of(&METHODS))),
        1 => Test::Authority(match chance.below(3) {
            0 => TextMatch::exact(format!("a.t{number}.test")),
            1 => TextMatch::prefix(format!("a.t{number}.test")),
            _ => TextMatch::regex(".*:8080").expect("it compiles"),
        }),
        2 => Test::Scheme(TextMatch::exact(chance.of(&["http", "http", "https"]))),
        3 | 4 => Test::Query {
            name: chance.of(&PARAMETERS).to_owned(),
            value: value(chance),
        },
        5 => Test::NoQuery(chance.of(&PARAMETERS).to_owned()),
        6 => Test::Cookie {
            name: "c".to_owned(),
            value: match value(chance) {
                TextMatch::Present | TextMatch::Range { .. } => TextMatch::prefix("a"),
                value => value,
            },
            invert: chance.once_in(3),
        },
        7 => Test::Header(HeaderTest {
            invert: chance.once_in(2),
            ..HeaderTest::with(
                chance.of(&[":path", ":method", ":authority"]),
                value(chance),
            )
        }),
        _ => Test::Header(HeaderTest {
            invert: chance.once_in(3),
            missing_is_empty: chance.once_in(3),
            ..HeaderTest::with(
                chance.of(&HEADERS),
                match chance.below(5) {
                    0 => TextMatch::Range {
                        start: chance.of(&[-5, 0, 1]),
                        end: chance.of(&[1, 10, 11]),
                    },
                    _ => value(chance),
                },
            )
        }),
    }
}

fn value(chance: &mut Chance) -> TextMatch {
    let text = chance.of(&VALUES).to_owned();
    // Envoy refuses empty ones, except where the whole text is compared.
    let some = if text.is_empty() {
        "a".to_owned()
    } else {
        text.clone()
    };
    let ignore_case = false;
    let value = match chance.below(6) {
        0 => TextMatch::Present,
        1 => TextMatch::exact(text),
        2 => TextMatch::prefix(some),
        3 => TextMatch::Suffix {
            text: some,
            ignore_case,
        },
        4 => TextMatch::Contains {
            text: some,
            ignore_case,
        },
        _ => TextMatch::regex(chance.of(&VALUE_REGEXES)).expect("it compiles"),
    };
    if chance.once_in(4) {
        value.ignoring_case()
    } else {
        value
    }
}

fn path(chance: &mut Chance, words: &[&str]) -> String {
    let count = 1 + chance.below(3);
    let mut path = String::new();
    for _ in 0..count {
        path.push('/');
        path.push_str(chance.of(words));
    }
    path
}

/// A request that may meet a table.
pub(super) fn request(chance: &mut Chance, table: &RouteTable, number: usize) -> Probe {
    let host = match chance.below(12) {
        0..3 => format!("a.t{number}.test"),
        3 | 4 => format!("b.t{number}.test"),
        5 => format!("x.y.t{number}.test"),
        6 => format!("A.T{number}.Test"),
        7 => format!("p{number}.x.y"),
        8 => format!("c.b.t{number}.test"),
        9 => format!("q-z.t{number}.test"),
        10 => format!("p{number}.foo"),
        _ => format!("t{number}.test"),
    };
    let port = chance.of(&["", "", "", ":80", ":8080"]);
    let words = if chance.once_in(4) {
        [&SEGMENTS[..], &DOTTED[..]].concat()
    } else {
        SEGMENTS.to_vec()
    };
    let mut headers = Vec::new();
    for _ in 0..chance.below(4) {
        let name = if chance.once_in(5) {
            "X-A"
        } else {
            chance.of(&HEADERS)
        };
        headers.push((name.to_owned(), chance.of(&VALUES).to_owned()));
    }
    if chance.once_in(4) {
        let cookie = chance.of(&["c=abc", "d=1; c=ab", "c=\"ab\"", "c=1;c=abc", "C=abc", "c="]);
        headers.push(("cookie".to_owned(), cookie.to_owned()));
    }
    let query = (!chance.once_in(2)).then(|| {
        let pairs: Vec<&str> = (0..=chance.below(3)).map(|_| chance.of(&PAIRS)).collect();
        pairs.join("&")
    });
    let probe = Probe {
        method: chance.of(&["GET", "GET", "GET", "POST", "PUT"]).to_owned(),
        scheme: "http".to_owned(),
        address: "127.0.0.1".to_owned(),
        port: 80,
        authority: format!("{host}{port}"),
        path: path(chance, &words),
        query,
        headers,
    };
    // Most requests go for some route, so that they meet it or miss it by a little.
    if chance.once_in(4) {
        return probe;
    }
    let host = &table.hosts[chance.below(table.hosts.len())];
    let domain = &host.domains[chance.below(host.domains.len())];
    let route = &host.routes[chance.below(host.routes.len())];
    let authority = domain.replace('*', chance.of(&["x", "c", "80", "8080"]));
    let start = Probe { authority, ..probe };
    route.conditions.iter().fold(start, |probe, condition| {
        if chance.once_in(8) {
            return probe;
        }
        meeting(chance, &condition.test, probe)
    })
}

/// A request that probably passes a test, made from one that may not.
fn meeting(chance: &mut Chance, wanted: &Test, mut probe: Probe) -> Probe {
    match wanted {
        Test::Path(text) => probe.path = aimed(chance, text),
        Test::Method(text) => probe.method = aimed(chance, text),
        Test::Query { name, value } => {
            let value = aimed(chance, value);
            let rest = probe.query.map(|query| format!("&{query}"));
            probe.query = Some(format!("{name}={value}{}", rest.unwrap_or_default()));
        }
        Test::NoQuery(_) => probe.query = None,
        Test::Header(header) if header.name.starts_with(':') => {}
        Test::Header(header) => {
            let others = |known: &String| !known.eq_ignore_ascii_case(&header.name);
            probe.headers.retain(|(known, _)| others(known));
            if !header.invert {
                let value = aimed(chance, &header.value);
                probe.headers.push((header.name.clone(), value));
            }
        }
        Test::Cookie {
            name,
            value,
            invert: false,
        } => {
            let value = aimed(chance, value);
            let cookie = ("cookie".to_owned(), format!("{name}={value}"));
            probe.headers.insert(0, cookie);
        }
        _ => {}
    }
    probe
}

/// A text that probably passes a comparison.
fn aimed(chance: &mut Chance, text: &TextMatch) -> String {
    match text {
        TextMatch::Exact { text, .. } => text.clone(),
        TextMatch::Prefix { text, .. } => format!("{text}{}", chance.of(&["", "", "a", "/b"])),
        TextMatch::Below { text, .. } => format!("{text}{}", chance.of(&["", "/", "/b", "b"])),
        TextMatch::Suffix { text, .. } => format!("{}{text}", chance.of(&["", "a"])),
        TextMatch::Contains { text, .. } => {
            format!("{}{text}{}", chance.of(&["", "b"]), chance.of(&["", "1"]))
        }
        TextMatch::Range { start, end } => chance.of(&[*start, end - 1, *end]).to_string(),
        TextMatch::Present => chance.of(&VALUES).to_owned(),
        TextMatch::Regex(regex) => {
            let samples = [
                "/a", "/ab", "/api/x", "/A", "/x/b", "a", "12", "b", "ab", "",
            ];
            let own = samples.into_iter().find(|one| regex.is_match(one));
            own.unwrap_or("/api").to_owned()
        }
    }
}
