//! Dialects of which only the weights are read: what each object declares, in one shape for all. Not: Istio and the
//! Gateway API, whose rules are compiled in full.
//!
//! A dialect is one file. It decodes its objects to [`Declared`]; hosts, order and shares are made here, for all of
//! them alike. What changes routing and is not honoured is a caveat: `weights only: … is not judged`.

pub(super) mod argo_rollouts;
pub(super) mod consul;
pub(super) mod contour;
pub(super) mod flagger;
pub(super) mod ingress_nginx;
pub(super) mod kuma;
mod lower;
pub(super) mod openshift;
pub(super) mod smi;
pub(super) mod traefik;
mod traefik_match;

use super::Dialect;
use super::decode::{At, Decoder};
use super::fields::Fields;
use super::kube::Meta;
use super::yaml::{Node, Scalar, Value};
use crate::diag::{Code, Note, Span};
use crate::route::{Caveat, Condition, Test, TextMatch};
use crate::split::{Answer, Clues, Mechanism};
use ingress_nginx::Canary;

pub(super) use lower::lower;

/// The kinds of every dialect.
pub(super) const DIALECTS: &[&[Dialect]] = &[
    argo_rollouts::DIALECTS,
    consul::DIALECTS,
    contour::DIALECTS,
    flagger::DIALECTS,
    ingress_nginx::DIALECTS,
    kuma::DIALECTS,
    openshift::DIALECTS,
    smi::DIALECTS,
    traefik::DIALECTS,
];

/// What one object declares.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its identity.
    pub meta: Meta,
    /// What the object is to others.
    pub role: Role,
    /// The hosts with their rules.
    pub hosts: Vec<Host>,
}

/// What an object is to others.
#[derive(Clone, Debug)]
pub enum Role {
    /// It routes requests by itself.
    Routes,
    /// It is asked by an object that names it: a `TraefikService`, an included `HTTPProxy`.
    Named,
    /// It writes its weights into objects of these kinds and names; where one is given, that one declares the split.
    Writes(Vec<(&'static str, String)>),
    /// An Ingress without canary: the partner of those that are one.
    Main,
    /// A canary of the Ingress with the same host and path.
    Canary(Box<Canary>),
}

/// A host with its rules.
#[derive(Clone, Debug)]
pub struct Host {
    /// What it is called.
    pub name: HostName,
    /// Where it is declared.
    pub span: Span,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// What other objects add to them: names of objects with conditions that hold for all of their rules.
    pub includes: Vec<Include>,
    /// Set where it cannot be judged.
    pub unjudged: Option<Note>,
    /// What weakens every rule.
    pub caveats: Vec<Caveat>,
}

/// What a host is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostName {
    /// A Service with its namespace, under its usual short and long names.
    Service(String, String),
    /// A DNS name, perhaps with a wildcard.
    Dns(String),
}

/// Another object whose rules count here.
#[derive(Clone, Debug)]
pub struct Include {
    /// Its namespace and name.
    pub object: (String, String),
    /// Where it is named.
    pub span: Span,
    /// What must hold for all of its rules.
    pub conditions: Vec<Condition>,
}

/// A rule: backends for the requests that meet its conditions.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `spec.backends`, as a report names it.
    pub label: String,
    /// Which of several alternatives this is.
    pub alternative: Option<String>,
    /// Where it begins.
    pub span: Span,
    /// Rules are tried from the greatest rank down, equal ones in their order.
    pub rank: Vec<i64>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Backends and weights, checked to be a split, where the proxy does not answer by itself.
    pub backends: Vec<Weighted>,
    /// What the proxy answers by itself.
    pub answer: Option<Answer>,
    /// How one of them is picked.
    pub mechanism: Mechanism,
    /// What weakens it.
    pub caveats: Vec<Caveat>,
}

/// A backend with its weight.
#[derive(Clone, Debug)]
pub struct Weighted {
    /// What it is.
    pub kind: BackendKind,
    /// The name of the Service.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
    /// The port.
    pub port: Option<u16>,
    /// The subset of the Service.
    pub subset: Option<String>,
    /// The weight.
    pub weight: u32,
    /// Where it is.
    pub span: Span,
    /// Words that give it away, besides those that follow from Services and workloads.
    pub clues: Clues,
}

/// What a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// A Service.
    Service,
    /// An object that splits further, such as a `TraefikService`.
    Splitter,
}

impl Declared {
    /// An object that routes by itself.
    fn routes(meta: Meta, hosts: Vec<Host>) -> Self {
        Self {
            meta,
            role: Role::Routes,
            hosts,
        }
    }
}

impl Host {
    /// A host with rules.
    fn new(name: HostName, span: Span, rules: Vec<Rule>) -> Self {
        Self {
            name,
            span,
            rules,
            includes: Vec::new(),
            unjudged: None,
            caveats: Vec::new(),
        }
    }
}

impl Rule {
    /// A rule for every request.
    fn new(label: impl Into<String>, span: Span, backends: Vec<Weighted>) -> Self {
        Self {
            label: label.into(),
            alternative: None,
            span,
            rank: Vec::new(),
            conditions: Vec::new(),
            backends,
            answer: None,
            mechanism: Mechanism::Iid,
            caveats: Vec::new(),
        }
    }
}

impl Weighted {
    /// A Service with a weight.
    fn new(service: impl Into<String>, namespace: &str, weight: u32, span: Span) -> Self {
        Self {
            kind: BackendKind::Service,
            service: service.into(),
            namespace: namespace.to_owned(),
            port: None,
            subset: None,
            weight,
            span,
            clues: Clues::default(),
        }
    }

    /// The same with words of its own.
    fn called(mut self, labels: &[&str]) -> Self {
        let words = labels.iter().filter(|word| !word.is_empty());
        self.clues
            .labels
            .extend(words.map(|word| (*word).to_owned()));
        self
    }
}

/// Backends that are a split: there is one, and something gets something. What is not is reported at `place`.
fn whole(backends: Vec<Weighted>, place: Span, decoder: &mut Decoder<'_>) -> Option<Vec<Weighted>> {
    let total: u64 = backends
        .iter()
        .map(|backend| u64::from(backend.weight))
        .sum();
    let (id, message, help) = match (backends.first(), u32::try_from(total)) {
        (None, _) => (
            Code::NoAction,
            "this splits traffic over no backend",
            "list at least one backend",
        ),
        (Some(_), Ok(0)) => (
            Code::ZeroTotal,
            "the weights are all zero",
            "give at least one backend a weight above 0",
        ),
        (Some(_), Ok(_)) => return Some(backends),
        (Some(_), Err(_)) => (
            Code::OutOfRange,
            "the weights add up to more than 4294967295",
            "write smaller weights: only their ratio counts",
        ),
    };
    let place = backends.first().map_or(place, |first| first.span);
    decoder.report(Note::new(id, message).at(place, "").help(help));
    None
}

/// The backends of a list, unless one of them is wrong, which is reported then.
fn backends<'n, 's>(
    fields: &mut Fields<'n, 's>,
    key: &'static str,
    decoder: &mut Decoder<'_>,
    item: impl FnMut(&'n Node<'s>, &mut Decoder<'_>) -> Option<Weighted>,
) -> Option<Vec<Weighted>> {
    let before = decoder.count();
    let place = fields.place(key).unwrap_or(fields.span);
    let found = fields.list(key, decoder, item);
    if fields.get(key).is_none() {
        fields.misspellings(&[key], decoder);
    }
    (decoder.count() == before)
        .then(|| whole(found, place, decoder))
        .flatten()
}

/// The weight of a backend with its place: what is not written is the default of the dialect.
fn weight(
    fields: &mut Fields<'_, '_>,
    default: u32,
    most: i64,
    decoder: &mut Decoder<'_>,
) -> Option<(u32, Span)> {
    if fields.get("weight").is_none() {
        fields.misspellings(&["weight"], decoder);
        return Some((default, fields.span));
    }
    let weight = fields.integer("weight", 0..=most, decoder)?;
    Some((u32::try_from(weight.value).ok()?, weight.span))
}

/// A string that must be there; where it is misspelt, that is reported instead.
fn required(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    decoder: &mut Decoder<'_>,
) -> Option<At<String>> {
    let found = fields.required(key, decoder);
    if fields.get(key).is_none() {
        fields.misspellings(&[key], decoder);
    }
    found
}

/// A port that may be given by name, which says nothing about its number.
fn port(fields: &mut Fields<'_, '_>, decoder: &mut Decoder<'_>) -> Option<u16> {
    let node = fields.get("port")?;
    match node.scalar() {
        Some(Scalar::Text(_)) => None,
        _ => fields.port("port", decoder).map(|port| port.value),
    }
}

/// Fields that change what happens to a request in ways that weights do not show.
fn not_judged(fields: &mut Fields<'_, '_>, keys: &[&'static str], caveats: &mut Vec<Caveat>) {
    for key in keys {
        let empty = fields
            .get(key)
            .is_none_or(|node| matches!(&node.value, Value::List(items) if items.is_empty()));
        if let (false, Some(span)) = (empty, fields.place(key)) {
            let message = format!("weights only: `{key}` is not judged");
            caveats.push(Caveat::about(Code::NotJudged, message, Some(span)));
        }
    }
}

/// A condition on a field.
fn condition(field: impl Into<String>, span: Span, test: Test) -> Condition {
    Condition {
        field: field.into(),
        span,
        test,
    }
}

/// A condition that is not honoured: taken to hold, and said so.
fn unread(field: &str, span: Span) -> Condition {
    let message = format!("weights only: `{field}` is not judged, and taken to match");
    let caveat = Caveat::about(Code::NotJudged, message, Some(span));
    condition(field, span, Test::Assumed(caveat))
}

/// A path and everything below it.
fn below(path: &str) -> TextMatch {
    TextMatch::Below {
        text: path.trim_end_matches('/').to_owned(),
        ignore_case: false,
    }
}

/// The length of a text, as a rank.
fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}
