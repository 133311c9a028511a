//! Routes by what they ask for: which of them may take a request, without a look at all of them.

use std::collections::{BTreeSet, HashMap};

use regex_syntax::hir::literal::Extractor;

use super::implication::any_path;
use super::{HeaderTest, Probe, Route, Test, TextMatch};

/// Which routes ask for what, each route under the rarest thing that it asks for.
#[derive(Debug)]
pub(super) struct RouteIndex {
    by_key: HashMap<Key, Vec<usize>>,
    // How long the starts of paths among the keys are.
    lengths: BTreeSet<usize>,
    // Those that ask for nothing of that kind.
    others: Vec<usize>,
}

/// What a request must have, in small letters: a route may mind the case, or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// A path that begins so.
    Path(Vec<u8>),
    /// This value of a header, a query parameter or a cookie.
    Value(Kind, String, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Header,
    Query,
    Cookie,
}

impl RouteIndex {
    /// Sorts routes.
    pub(super) fn new(routes: &[Route]) -> Self {
        let asked: Vec<Vec<Key>> = routes.iter().map(keys).collect();
        let mut number: HashMap<&Key, usize> = HashMap::new();
        for key in asked.iter().flatten() {
            *number.entry(key).or_default() += 1;
        }
        let (mut by_key, mut others) = (HashMap::<Key, Vec<usize>>::new(), Vec::new());
        for (at, keys) in asked.iter().enumerate() {
            match keys.iter().min_by_key(|key| number[key]) {
                Some(rarest) => by_key.entry(rarest.clone()).or_default().push(at),
                None => others.push(at),
            }
        }
        let lengths = by_key.keys().filter_map(|key| match key {
            Key::Path(start) => Some(start.len()),
            Key::Value(..) => None,
        });
        Self {
            lengths: lengths.collect(),
            by_key,
            others,
        }
    }

    /// The positions of the routes that may take a request, in order: every other one has a condition that does not hold.
    pub(super) fn candidates(&self, probe: &Probe) -> Vec<usize> {
        let mut keys = Vec::new();
        for (name, value) in &probe.headers {
            keys.push(Key::new(Kind::Header, name, value.trim()));
            if name.eq_ignore_ascii_case("cookie") {
                let pairs = value
                    .split(';')
                    .filter_map(|pair| pair.trim().split_once('='));
                keys.extend(pairs.map(|(name, value)| {
                    let bare = value
                        .strip_prefix('"')
                        .and_then(|rest| rest.strip_suffix('"'));
                    Key::new(Kind::Cookie, name, bare.unwrap_or(value))
                }));
            }
        }
        for pair in probe.query.iter().flat_map(|query| query.split('&')) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            keys.push(Key::new(Kind::Query, name, value));
        }
        let path = probe.normal_path().to_ascii_lowercase();
        self.found(path.as_bytes(), &keys)
    }

    /// The positions of the routes that may take all requests that a route takes, in order.
    pub(super) fn covering(&self, route: &Route) -> Vec<usize> {
        let keys = keys(route);
        let mut starts = keys.iter().filter_map(|key| match key {
            Key::Path(start) => Some(start.as_slice()),
            Key::Value(..) => None,
        });
        // Two conditions on a path are rare, and the longer one asks for more.
        let longest = starts.next().map_or(&[][..], |first| {
            starts.fold(first, |a, b| if a.len() < b.len() { b } else { a })
        });
        self.found(longest, &keys)
    }

    /// The positions of the routes with one of these keys, or the start of a path as theirs.
    fn found(&self, path: &[u8], keys: &[Key]) -> Vec<usize> {
        let starts = self.lengths.iter().filter_map(|length| path.get(..*length));
        let starts: Vec<Key> = starts.map(|start| Key::Path(start.to_vec())).collect();
        let keyed = starts.iter().chain(keys);
        let keyed = keyed.filter_map(|key| self.by_key.get(key)).flatten();
        let mut found: Vec<usize> = keyed.chain(&self.others).copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Key {
    fn new(kind: Kind, name: &str, value: &str) -> Self {
        Self::Value(kind, name.to_ascii_lowercase(), value.to_ascii_lowercase())
    }
}

/// What a route asks for: a request without any one of it does not take the route.
fn keys(route: &Route) -> Vec<Key> {
    let tests = route.conditions.iter().map(|condition| &condition.test);
    tests.filter_map(key).collect()
}

fn key(test: &Test) -> Option<Key> {
    match test {
        Test::Path(path) => {
            let start = start(path)?.to_ascii_lowercase();
            (!start.is_empty() && !any_path(path)).then_some(Key::Path(start))
        }
        Test::Header(HeaderTest {
            name,
            value: TextMatch::Exact { text, .. },
            invert: false,
            missing_is_empty,
        }) => {
            // Parts of the request line have names like headers.
            let line = name.starts_with(':') || name == "host";
            let missing = *missing_is_empty && text.is_empty();
            (!line && !missing).then(|| Key::new(Kind::Header, name, text))
        }
        Test::Query {
            name,
            value: TextMatch::Exact { text, .. },
        } => Some(Key::new(Kind::Query, name, text)),
        Test::Cookie {
            name,
            value: TextMatch::Exact { text, .. },
            invert: false,
        } => Some(Key::new(Kind::Cookie, name, text)),
        _ => None,
    }
}

/// What every text that passes begins with.
fn start(wanted: &TextMatch) -> Option<Vec<u8>> {
    match wanted {
        TextMatch::Exact { text, .. }
        | TextMatch::Prefix { text, .. }
        | TextMatch::Below { text, .. } => Some(text.clone().into_bytes()),
        TextMatch::Regex(regex) => {
            let parsed = regex_syntax::parse(regex.as_str()).ok()?;
            let starts = Extractor::new().extract(&parsed);
            starts.longest_common_prefix().map(<[u8]>::to_vec)
        }
        _ => None,
    }
}
