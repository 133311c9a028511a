//! Requests that differ: the request of a run with the values of `--vary` in it, or the cookies of a user of `--sessions`.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::COOKIE;

use super::expectation::of_template;
use super::request_template::Template;
use super::user_cookies::{add_cookies, set_cookie};
use super::vary::Rows;
use crate::diag::{Code, Note};
use crate::plan::{RequestSource, RequestTemplate, VariedRequest};
use crate::route::{HashKey, Probe, RouteTable, resolve_declared};

/// Rows that are sent again before the next ones come, and how often each is sent: a key that a proxy is to keep is asked for
/// again, over another connection.
const WINDOW: usize = 100;
const TIMES: usize = 2;
/// Keys that are told apart.
const MOST_KEYS: usize = 1_000_000;
/// Rows in a row that take no rule that is tested, until nothing more is sent.
const MOST_SKIPPED: u32 = 10_000;

/// Which rule takes a request, among those that are tested.
#[derive(Debug)]
pub(super) struct Sorter {
    /// What is declared.
    pub(super) table: RouteTable,
    /// A request of the run.
    pub(super) like: Probe,
    /// The rules, by the number of their case; `None` for no rule.
    pub(super) rules: Vec<Option<String>>,
}

impl Sorter {
    /// The case of a request; none where no tested rule takes it.
    fn case(&self, request: &RequestTemplate) -> Option<usize> {
        let resolution = resolve_declared(&self.table, &of_template(request, &self.like)).ok()?;
        let rule = resolution.rules();
        self.rules.iter().position(|known| *known == rule)
    }
}

/// What requests have in common that a proxy is to keep with one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyOf {
    /// Nothing is kept.
    Nothing,
    /// These parts of the request.
    Parts(Vec<HashKey>),
    /// The user: so many keep their cookies.
    User(u32),
}

/// Where the requests of a run come from.
#[derive(Debug)]
pub(super) struct Varied {
    template: Template,
    sorter: Option<Sorter>,
    key: KeyOf,
    state: Mutex<State>,
    strangers: AtomicU64,
}

#[derive(Debug)]
struct State {
    rows: Rows,
    /// Rows that are sent again, and how many of them were.
    window: Vec<Vec<String>>,
    again: usize,
    /// The numbers of keys.
    keys: HashMap<String, u32>,
    /// Users who wait for no response, the one that has waited longest first; what each has been given.
    idle: VecDeque<u32>,
    users: HashMap<u32, User>,
}

#[derive(Debug, Default)]
struct User {
    row: Vec<String>,
    cookies: Vec<(String, String)>,
}

impl Varied {
    pub(super) fn new(
        template: Template,
        rows: Rows,
        sorter: Option<Sorter>,
        key: KeyOf,
    ) -> Arc<Self> {
        let users = match key {
            KeyOf::User(users) => users,
            KeyOf::Nothing | KeyOf::Parts(_) => 0,
        };
        Arc::new(Self {
            template,
            sorter,
            key,
            state: Mutex::new(State {
                rows,
                window: Vec::new(),
                again: 0,
                keys: HashMap::new(),
                idle: (0..users).collect(),
                users: HashMap::new(),
            }),
            strangers: AtomicU64::new(0),
        })
    }

    /// Whose requests are kept with one target.
    pub(super) fn key(&self) -> &KeyOf {
        &self.key
    }

    /// What has to be said of values that were not sent.
    pub(super) fn note(&self) -> Option<Note> {
        let skipped = self.strangers.load(Ordering::Relaxed);
        (skipped > 0).then(|| {
            let rows = if skipped == 1 {
                "1 value was not sent: it takes".to_owned()
            } else {
                format!("{skipped} values were not sent: they take")
            };
            let message = format!(
                "{rows} none of the rules that the first values take, or cannot stand in a request"
            );
            Note::new(Code::VariedSkipped, message)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a thread that panicked left is whole: it is written at once.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next row, and whose it is.
    fn row(&self, state: &mut State) -> Option<(Vec<String>, Option<u32>)> {
        match self.key {
            KeyOf::Nothing => Some((state.rows.next()?, None)),
            KeyOf::Parts(_) => Some((state.repeated()?, None)),
            KeyOf::User(_) => {
                let user = state.idle.pop_front()?;
                if !state.users.contains_key(&user) {
                    let row = state.rows.next()?;
                    let cookies = Vec::new();
                    state.users.insert(user, User { row, cookies });
                }
                Some((state.users[&user].row.clone(), Some(user)))
            }
        }
    }
}

impl State {
    /// The next row: each of a window of rows, and all of them once more.
    fn repeated(&mut self) -> Option<Vec<String>> {
        if self.again > 0 {
            let at = WINDOW * (TIMES - 1) - self.again;
            self.again -= 1;
            let row = self.window[at % WINDOW].clone();
            if self.again == 0 {
                self.window.clear();
            }
            return Some(row);
        }
        let row = self.rows.next()?;
        self.window.push(row.clone());
        if self.window.len() == WINDOW {
            self.again = WINDOW * (TIMES - 1);
        }
        Some(row)
    }

    /// The number of a key.
    fn number(&mut self, key: String) -> u32 {
        let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        if self.keys.len() >= MOST_KEYS {
            return self.keys.get(&key).copied().unwrap_or(next);
        }
        *self.keys.entry(key).or_insert(next)
    }
}

impl RequestSource for Varied {
    fn next(&self) -> Option<VariedRequest> {
        for _ in 0..MOST_SKIPPED {
            let mut state = self.state();
            let (row, user) = self.row(&mut state)?;
            drop(state);
            let request = self.template.filled(&row);
            let case = request.as_ref().and_then(|request| {
                self.sorter
                    .as_ref()
                    .map_or(Some(0), |sorter| sorter.case(request))
            });
            let (Some(mut request), Some(case)) = (request, case) else {
                self.strangers.fetch_add(1, Ordering::Relaxed);
                if let Some(user) = user {
                    self.ended(user);
                }
                continue;
            };
            let mut state = self.state();
            let key = match &self.key {
                KeyOf::Nothing => None,
                KeyOf::Parts(parts) => Some(state.number(key_of(parts, &request))),
                KeyOf::User(_) => user,
            };
            if let Some(user) = user.and_then(|user| state.users.get(&user)) {
                add_cookies(&mut request.headers, &user.cookies);
            }
            return Some(VariedRequest { case, key, request });
        }
        None
    }

    fn cookies(&self, key: u32, values: &[&[u8]]) {
        if !matches!(self.key, KeyOf::User(_)) {
            return;
        }
        let mut state = self.state();
        let user = state.users.entry(key).or_default();
        for (name, value, kept) in values.iter().filter_map(|value| set_cookie(value)) {
            user.cookies.retain(|(known, _)| *known != name);
            if kept {
                user.cookies.push((name, value));
            }
        }
    }

    fn ended(&self, key: u32) {
        if matches!(self.key, KeyOf::User(_)) {
            self.state().idle.push_back(key);
        }
    }
}

/// The values of the parts of a request that are hashed.
pub(super) fn key_of(parts: &[HashKey], request: &RequestTemplate) -> String {
    let values = parts.iter().map(|part| value(part, request));
    values.collect::<Vec<_>>().join("\n")
}

/// The value of the part of a request that is hashed.
fn value(part: &HashKey, request: &RequestTemplate) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match part {
        HashKey::Header(name) => (request.headers.get(name.as_str()))
            .map_or_else(String::new, |value| text(value.as_bytes())),
        HashKey::Cookie(name) => {
            let lines = request.headers.get_all(COOKIE).iter();
            let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
            let pairs = pairs.map(|pair| text(pair.trim_ascii()));
            let named = pairs.filter_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                (key == name).then(|| value.to_owned())
            });
            named.into_iter().next().unwrap_or_default()
        }
        HashKey::Query(name) => {
            let pairs = request.target.query().unwrap_or_default().split('&');
            let mut named = pairs.filter_map(|pair| pair.split_once('='));
            named
                .find(|(key, _)| key == name)
                .map_or_else(String::new, |(_, value)| value.to_owned())
        }
        // A proxy that trusts those before it takes the address that they name; of others all requests have one.
        HashKey::SourceIp => {
            let mut lines = request.headers.get_all("x-forwarded-for").iter();
            let last = lines.next_back().map(|value| text(value.as_bytes()));
            let last = last.unwrap_or_default();
            last.rsplit(',')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::request_template::tests::{request, variables};
    use super::*;

    fn source(key: KeyOf, header: &str) -> Arc<Varied> {
        let variables = variables(&["n=seq"]);
        let base = request("/", &[("x-user", "{{n}}"), ("cookie", header)], "");
        let template = Template::of(base, &variables).expect("it is there");
        let rows = Rows::open(&variables, 0).expect("no file");
        Varied::new(template, rows, None, key)
    }

    #[test]
    fn every_key_comes_twice_with_the_same_number() {
        let source = source(
            KeyOf::Parts(vec![HashKey::Header("x-user".to_owned())]),
            "a=b",
        );
        let all: Vec<VariedRequest> = (0..400).map_while(|_| source.next()).collect();
        let users = |range: std::ops::Range<usize>| -> Vec<String> {
            all[range]
                .iter()
                .map(|own| {
                    own.request.headers["x-user"]
                        .to_str()
                        .expect("text")
                        .to_owned()
                })
                .collect()
        };
        assert_eq!(users(0..100), users(100..200));
        assert_eq!(users(200..300), users(300..400));
        assert_eq!(users(0..400)[200], "101");
        let keys: Vec<Option<u32>> = all.iter().map(|own| own.key).collect();
        assert_eq!(
            (keys[0], keys[100], keys[200]),
            (Some(0), Some(0), Some(100))
        );
    }

    #[test]
    fn a_user_keeps_cookies_and_waits_for_the_response() {
        let source = source(KeyOf::User(2), "own=1");
        let first = source.next().expect("a user is free");
        let second = source.next().expect("a user is free");
        assert!(source.next().is_none(), "both wait");
        assert_eq!((first.key, second.key), (Some(0), Some(1)));
        source.cookies(0, &[b"session=abc; Path=/; HttpOnly", b"own=2", b"broken"]);
        source.ended(0);
        let again = source.next().expect("the first is free");
        assert_eq!(again.key, Some(0));
        assert_eq!(again.request.headers["cookie"], "own=1; session=abc");
        assert_eq!(
            again.request.headers["x-user"],
            first.request.headers["x-user"]
        );
        source.cookies(0, &[b"session=; Max-Age=0"]);
        source.ended(0);
        assert_eq!(
            source.next().expect("free").request.headers["cookie"],
            "own=1"
        );
    }
}
