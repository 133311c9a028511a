//! What of a case can be seen in responses, and what only an upstream or a clock sees.

use std::fmt;

use http::HeaderName;
use http::header::LOCATION;
use serde_json::{Map, Value as Json};

use super::actual::{Actual, Passes};
use super::case::{Case, Expect};
use super::effects::Effects;
use super::json::{empty, object};
use super::location::Location;
use super::route_assertion::Route;

/// What of a case can be seen in responses. That its requests go where it is declared is not repeated here.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    /// What every response must say.
    pub fields: Vec<FieldCheck>,
    /// What no response shows, with why.
    pub unseen: Vec<String>,
    /// Why no response shows anything about the case.
    pub nothing: Option<&'static str>,
}

/// Something that every response must say.
#[derive(Clone, Debug)]
pub struct FieldCheck {
    /// What of the expectation it is: `headers.response.set.x-a`.
    pub what: String,
    /// Where it stands in a response.
    pub part: Part,
    wanted: Wanted,
}

/// A part of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All fields of this name.
    Header(HeaderName),
    /// The body.
    Body,
}

#[derive(Clone, Debug)]
enum Wanted {
    /// This value alone.
    Is(String),
    /// This value among others.
    Has(String),
    /// No value.
    Nothing,
    /// A field that leads to this place.
    Place(Location),
}

impl FieldCheck {
    /// Whether the values of a response are what is wanted.
    #[must_use]
    pub fn holds(&self, values: &[&str]) -> bool {
        match (&self.wanted, values) {
            (Wanted::Is(wanted), [only]) => only == wanted,
            (Wanted::Has(wanted), values) => values
                .iter()
                .flat_map(|value| value.split(','))
                .chain(values.iter().copied())
                .any(|value| value.trim() == wanted),
            (Wanted::Nothing, values) => values.is_empty(),
            (Wanted::Place(wanted), [only]) => wanted.is_said_by(only),
            (Wanted::Is(_) | Wanted::Place(_), _) => false,
        }
    }

    /// What is wanted, in words.
    #[must_use]
    pub fn expected(&self) -> String {
        match &self.wanted {
            Wanted::Is(value) => format!("`{value}`"),
            Wanted::Has(value) => format!("`{value}` among its values"),
            Wanted::Nothing => "none".to_owned(),
            Wanted::Place(place) => format!("`{place}`"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Body => f.write_str("body"),
        }
    }
}

impl Case {
    /// What of the case can be seen in responses, where this becomes of its request.
    #[must_use]
    pub fn visible(&self, actual: &Actual) -> Visible {
        let mut visible = Visible::default();
        if actual.passes == Passes::Through {
            visible.nothing = Some("no proxy decides about the request");
        }
        let none = Effects::new();
        let effects = actual.effects.as_ref().unwrap_or(&none);
        match &self.expect {
            Expect::Native(wanted) => {
                for (name, value) in &wanted.effects {
                    visible.effect(name, value, (self, actual, effects));
                }
            }
            Expect::Rule(wanted) if !wanted.want_match => {
                visible.nothing =
                    Some("that a rule is another one is nothing that a response says");
            }
            Expect::Rule(wanted) => {
                for (name, value) in &wanted.fields {
                    visible.effect(name, value, (self, actual, effects));
                }
            }
            Expect::Route(wanted) => {
                for (name, value) in &wanted.wanted {
                    visible.asserted(name, value, self, actual);
                }
            }
        }
        let aborts = effects
            .get("fault")
            .is_some_and(|fault| !empty(&fault["abort"]));
        if aborts && !visible.fields.is_empty() {
            let checks = std::mem::take(&mut visible.fields);
            visible.unseen.extend(checks.into_iter().map(|check| {
                format!(
                    "{}: some requests are aborted, and those replies need not have it",
                    check.what
                )
            }));
        }
        visible
    }
}

impl Visible {
    /// What an effect of a rule makes visible. One that must not be there shows where requests go, or not at all.
    fn effect(&mut self, name: &str, value: &Json, of: (&Case, &Actual, &Effects)) {
        let (case, actual, effects) = of;
        let why = match name {
            "rewrite" => "the upstream alone sees the request as it is rewritten",
            "timeout" => "it shows in a response that takes longer, and none is made to",
            "retries" => "the upstream alone sees them",
            "mirror" => "the mirror alone sees its copies",
            "redirect" if !empty(value) => {
                match place(case, actual, effects) {
                    Some(place) => self.fields.push(FieldCheck {
                        what: "redirect".to_owned(),
                        part: Part::Header(LOCATION),
                        wanted: Wanted::Place(place),
                    }),
                    None => self.not_seen("redirect", "where it leads is not computed"),
                }
                return;
            }
            "directResponse" => return self.body(value),
            "headers" => return self.headers(value),
            "fault" => {
                if !empty(&value["delay"]) {
                    self.not_seen("fault.delay", "how long a response takes is not judged");
                }
                return;
            }
            // Where requests go shows it.
            _ => return,
        };
        self.not_seen(name, why);
    }

    fn not_seen(&mut self, what: &str, why: &str) {
        self.unseen.push(format!("{what}: {why}"));
    }

    fn body(&mut self, reply: &Json) {
        let body = &reply["body"];
        let text = ["string", "inline_string"]
            .iter()
            .find_map(|key| body[*key].as_str());
        match text {
            Some(text) => self.fields.push(FieldCheck {
                what: "directResponse.body".to_owned(),
                part: Part::Body,
                wanted: Wanted::Is(text.trim().to_owned()),
            }),
            None if empty(body) => {}
            None => self.not_seen("directResponse.body", "it is no text"),
        }
    }

    fn headers(&mut self, headers: &Json) {
        if !empty(&headers["request"]) {
            self.not_seen("headers.request", "the upstream alone sees them");
        }
        let response = object(headers.get("response"));
        let map = |key: &str| {
            response
                .get(key)
                .and_then(Json::as_object)
                .cloned()
                .unwrap_or_else(Map::new)
        };
        let set = map("set")
            .into_iter()
            .map(|(name, value)| ("set", name, Some(value)));
        let add = map("add")
            .into_iter()
            .map(|(name, value)| ("add", name, Some(value)));
        let removed = response
            .get("remove")
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default();
        let remove = removed
            .iter()
            .filter_map(Json::as_str)
            .map(|name| ("remove", name.to_owned(), None));
        for (operation, name, value) in set.chain(add).chain(remove) {
            let what = format!("headers.response.{operation}.{name}");
            let Ok(header) = HeaderName::try_from(name.as_str()) else {
                self.not_seen(&what, "it is not the name of a header");
                continue;
            };
            let wanted = match (operation, value.as_ref().map(Json::as_str)) {
                (_, Some(Some(value))) if value.contains('%') => {
                    self.not_seen(&what, "the proxy makes its value for each request");
                    continue;
                }
                ("set", Some(Some(value))) => Wanted::Is(value.to_owned()),
                (_, Some(Some(value))) => Wanted::Has(value.to_owned()),
                (_, Some(None)) => {
                    self.not_seen(&what, "its value is no text");
                    continue;
                }
                (_, None) => Wanted::Nothing,
            };
            self.fields.push(FieldCheck {
                what,
                part: Part::Header(header),
                wanted,
            });
        }
    }

    /// What an assertion of Envoy's route table check tool makes visible.
    fn asserted(&mut self, name: &str, value: &str, case: &Case, actual: &Actual) {
        match name {
            "host_rewrite" | "path_rewrite" => {
                self.not_seen(
                    name,
                    "the upstream alone sees the request as it is rewritten",
                );
            }
            "cluster_name" if actual.shares.len() > 1 => {
                self.not_seen(
                    name,
                    "which of several clusters a number picks is nothing that a response says",
                );
            }
            "path_redirect" if !value.is_empty() => match Location::from(value, &case.probe) {
                Some(place) => self.fields.push(FieldCheck {
                    what: name.to_owned(),
                    part: Part::Header(LOCATION),
                    wanted: Wanted::Place(place),
                }),
                None => self.not_seen(name, "it is not an absolute URL"),
            },
            _ => {}
        }
    }
}

/// Where the redirect of the rule that takes the request leads.
fn place(case: &Case, actual: &Actual, effects: &Effects) -> Option<Location> {
    let route = Route::of(actual, &case.probe).ok()?;
    let rule = actual.rule.as_ref()?;
    if rule.rule.starts_with("rules[") {
        let redirect = effects.get("redirect")?;
        return Location::of_filter(redirect, &case.probe, api_prefix(&route.text, &rule.label)?);
    }
    let redirect = effects.get("redirect").unwrap_or(&Json::Null);
    let written = redirect.to_string();
    // What is computed for each request, and the port that a proxy derives, are not modelled.
    if written.contains('%') || !redirect["derivePort"].is_null() {
        return None;
    }
    Location::from(&route.redirect().ok()?, &case.probe)
}

/// The prefix that a match of an HTTPRoute is about.
fn api_prefix<'t>(rule: &'t Json, label: &str) -> Option<&'t str> {
    let at = label.split(".matches[").nth(1);
    let at: usize = at.map_or(Some(0), |rest| rest.trim_end_matches(']').parse().ok())?;
    let path = &rule["matches"][at]["path"];
    match path["type"].as_str() {
        Some("PathPrefix") | None => Some(path["value"].as_str().unwrap_or("/")),
        Some(_) => Some(""),
    }
}
