//! Controllers that move a weight from the old version to the new one: Argo Rollouts, Flagger, and the canaries of
//! ingress-nginx. Their objects are modelled as far as they decide which version a request meets.
//!
//! A controller is one file. It decodes its objects to [`Declared`]; hosts, order and shares are made here, for all of
//! them alike. What changes routing and is not honoured is a caveat.

pub(super) mod argo_rollouts;
pub(super) mod flagger;
pub(super) mod ingress_nginx;
mod lower;
mod pairing;
mod stuck;

use super::Dialect;
use super::fields::Fields;
use super::kube::Meta;
use super::mesh::WeightedBackend;
use super::yaml::Value;
use crate::diag::{Code, Note, Span};
use crate::route::{Caveat, Condition, Test, TextMatch};
use ingress_nginx::{Canary, Settings};

pub(super) use lower::lower;
pub(super) use stuck::compare;

/// The kinds of every controller.
pub(super) const DIALECTS: &[&[Dialect]] = &[
    argo_rollouts::DIALECTS,
    flagger::DIALECTS,
    ingress_nginx::DIALECTS,
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
    /// It writes its weights into objects of these kinds and names; where one is given, that one declares the split.
    Generates {
        /// The kinds and names.
        into: Vec<(&'static str, String)>,
        /// Whether its status says which weights it has reached.
        reached: bool,
    },
    /// An Ingress without canary: the partner of those that are one.
    Primary(Settings),
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

/// A rule: backends for the requests that meet its conditions.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `spec.backends`, as a report names it.
    pub label: String,
    /// What pairs it with the rule of another object: `/ (Prefix)`.
    pub key: String,
    /// Where it begins.
    pub span: Span,
    /// Rules are tried from the greatest rank down, equal ones in their order.
    pub rank: Vec<i64>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Backends and weights, checked to be a split.
    pub backends: Vec<WeightedBackend>,
    /// What weakens it.
    pub caveats: Vec<Caveat>,
}

impl Host {
    /// A host with rules.
    fn new(name: HostName, span: Span, rules: Vec<Rule>) -> Self {
        Self {
            name,
            span,
            rules,
            unjudged: None,
            caveats: Vec::new(),
        }
    }
}

impl Rule {
    /// A rule for every request.
    fn new(label: impl Into<String>, span: Span, backends: Vec<WeightedBackend>) -> Self {
        Self {
            label: label.into(),
            key: String::new(),
            span,
            rank: Vec::new(),
            conditions: Vec::new(),
            backends,
            caveats: Vec::new(),
        }
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
fn assumed_condition(field: &str, span: Span) -> Condition {
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
