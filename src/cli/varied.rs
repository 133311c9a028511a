//! Requests that differ: the request of a run with the values of `--vary` in it, or the cookies of a user of `--sessions`.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{COOKIE, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};

use super::expectation::of_template;
use super::failure::Failure;
use super::vary::{Source, Values, Variable};
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

/// A request with names in it that values stand for.
#[derive(Clone, Debug)]
pub(super) struct Template {
    base: RequestTemplate,
    target: Text,
    headers: Vec<(HeaderName, Text)>,
    body: Text,
}

/// A text with values in it.
#[derive(Clone, Debug, Default)]
struct Text(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    /// The value of the variable at this position.
    Value(usize),
}

impl Template {
    /// The request with the names that were given; others stay as they are typed.
    pub(super) fn of(base: RequestTemplate, variables: &[Variable]) -> Result<Self, Failure> {
        let target = base.target.to_string();
        let template = Self {
            target: Text::read(target.as_bytes(), variables),
            headers: (base.headers.iter())
                .map(|(name, value)| (name.clone(), Text::read(value.as_bytes(), variables)))
                .collect(),
            body: Text::read(&base.body, variables),
            base,
        };
        for (at, variable) in variables.iter().enumerate() {
            if variables[..at]
                .iter()
                .any(|known| known.name == variable.name)
            {
                return Err(Failure::usage(
                    format!("--vary {} is given twice", variable.name),
                    "give each name once",
                ));
            }
            let texts = template.headers.iter().map(|(_, text)| text);
            let mut texts = texts.chain([&template.target, &template.body]);
            if !texts.any(|text| text.has(at)) {
                return Err(Failure::usage(
                    format!(
                        "--vary {}: the request has no {{{{{}}}}} in its URL, headers or body",
                        variable.name, variable.name
                    ),
                    format!(
                        "write the name where the value goes: -H 'x-user: {{{{{}}}}}'",
                        variable.name
                    ),
                ));
            }
        }
        Ok(template)
    }

    /// The request with one value for each name; none where a value cannot stand in its place.
    pub(super) fn filled(&self, row: &[String]) -> Option<RequestTemplate> {
        let target = self.target.filled(row, encoded);
        let target: PathAndQuery = String::from_utf8(target).ok()?.parse().ok()?;
        let plain = |text: &Text| text.filled(row, |value| value.as_bytes().to_vec());
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, text) in &self.headers {
            headers.append(name, HeaderValue::from_bytes(&plain(text)).ok()?);
        }
        Some(RequestTemplate {
            target: Uri::from(target),
            headers,
            body: plain(&self.body),
            ..self.base.clone()
        })
    }
}

impl Text {
    fn read(text: &[u8], variables: &[Variable]) -> Self {
        let mut pieces = vec![Piece::Bytes(Vec::new())];
        let mut rest = text;
        while !rest.is_empty() {
            let name = |variable: &Variable| format!("{{{{{}}}}}", variable.name);
            let found = variables
                .iter()
                .position(|own| rest.starts_with(name(own).as_bytes()));
            if let Some(at) = found {
                rest = &rest[name(&variables[at]).len()..];
                pieces.extend([Piece::Value(at), Piece::Bytes(Vec::new())]);
            } else if let Some(Piece::Bytes(bytes)) = pieces.last_mut() {
                bytes.push(rest[0]);
                rest = &rest[1..];
            }
        }
        Self(pieces)
    }

    fn has(&self, variable: usize) -> bool {
        self.0
            .iter()
            .any(|piece| matches!(piece, Piece::Value(at) if *at == variable))
    }

    fn filled(&self, row: &[String], written: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
        let mut filled = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => filled.extend_from_slice(bytes),
                Piece::Value(at) => {
                    filled.extend(row.get(*at).map_or_else(Vec::new, |own| written(own)));
                }
            }
        }
        filled
    }
}

/// A value as it stands in a URL (RFC 3986, 2.1): everything but unreserved characters is escaped.
fn encoded(value: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte);
        } else {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    text
}

/// The values of all variables, row by row.
#[derive(Debug)]
pub(super) struct Rows(Vec<Values>);

impl Rows {
    /// The rows of these variables, from the first.
    pub(super) fn open(variables: &[Variable], seed: u64) -> Result<Self, Failure> {
        let open = |(at, variable): (u64, &Variable)| {
            let values = Values::open(&variable.source, seed.wrapping_add(at));
            values.map_err(|error| {
                let what = match &variable.source {
                    Source::Lines(path) => format!("`{}`", path.display()),
                    _ => "its values".to_owned(),
                };
                Failure::usage(
                    format!("--vary {}: cannot read {what}: {error}", variable.name),
                    "name a file with one value in each line",
                )
            })
        };
        let values = (0..).zip(variables).map(open);
        Ok(Self(values.collect::<Result<_, _>>()?))
    }

    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        self.0.iter_mut().map(Values::next).collect()
    }
}

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
                KeyOf::Parts(parts) => {
                    let values = parts.iter().map(|part| value(part, &request));
                    let values: Vec<String> = values.collect();
                    Some(state.number(values.join("\n")))
                }
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
        HashKey::SourceIp => String::new(),
    }
}

/// The name and the value of a `set-cookie` field, and whether the cookie is kept (RFC 6265, 5.2).
fn set_cookie(field: &[u8]) -> Option<(String, String, bool)> {
    let text = String::from_utf8_lossy(field);
    let mut parts = text.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let over = parts.any(|part| {
        let age = part
            .split_once('=')
            .filter(|(key, _)| key.eq_ignore_ascii_case("max-age"));
        age.is_some_and(|(_, age)| age.trim().parse::<i64>().is_ok_and(|age| age <= 0))
    });
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned(), !over))
}

/// Adds cookies to those that a request has; its own go first, and count where one of them has the same name.
fn add_cookies(headers: &mut HeaderMap, cookies: &[(String, String)]) {
    let own = headers
        .get(COOKIE)
        .map(|own| String::from_utf8_lossy(own.as_bytes()).into_owned());
    let own_has = |name: &str| {
        let mut pairs = own.iter().flat_map(|own| own.split(';'));
        pairs.any(|pair| pair.trim().split('=').next() == Some(name))
    };
    let kept = cookies.iter().filter(|(name, _)| !own_has(name));
    let kept = kept.map(|(name, value)| format!("{name}={value}"));
    let all: Vec<String> = own.iter().cloned().chain(kept).collect();
    if let Ok(value) = HeaderValue::from_str(&all.join("; "))
        && !all.is_empty()
    {
        headers.insert(COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Protocol;
    use http::Method;

    fn request(target: &'static str, headers: &[(&str, &str)], body: &str) -> RequestTemplate {
        let headers = headers.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, value.parse().expect("a value"))
        });
        RequestTemplate {
            protocol: Protocol::Http1,
            method: Method::GET,
            target: Uri::from_static(target),
            headers: headers.collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn variables(texts: &[&str]) -> Vec<Variable> {
        texts
            .iter()
            .map(|text| text.parse().expect("a variable"))
            .collect()
    }

    #[test]
    fn names_that_are_given_are_filled_in_everywhere_and_others_stay() {
        let base = request(
            "/{{user}}?q={{user}}&{{x}}",
            &[("x-user", "a {{user}}{{n}} {{other}}")],
            "{\"{{n}}\"}",
        );
        let template =
            Template::of(base, &variables(&["user=uuid", "n=seq"])).expect("both are there");
        let row = ["a b/ö".to_owned(), "7".to_owned()];
        let filled = template.filled(&row).expect("it can be sent");
        assert_eq!(filled.target, "/a%20b%2F%C3%B6?q=a%20b%2F%C3%B6&{{x}}");
        assert_eq!(
            filled.headers["x-user"].as_bytes(),
            "a a b/ö7 {{other}}".as_bytes()
        );
        assert_eq!(filled.body, b"{\"7\"}");
        assert!(
            template
                .filled(&["a\nb".to_owned(), String::new()])
                .is_none()
        );
    }

    #[test]
    fn a_name_that_is_nowhere_or_given_twice_is_refused() {
        let base = || request("/{{user}}", &[], "");
        assert!(Template::of(base(), &variables(&["users=uuid"])).is_err());
        assert!(Template::of(base(), &variables(&["user=uuid", "user=seq"])).is_err());
    }

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
