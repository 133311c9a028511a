//! What one object of a controller declares: hosts with rules, and what it is to other objects.

use crate::diag::{Note, Span};
use crate::manifest::decode::At;
use crate::manifest::kube::Meta;
use crate::manifest::mesh::WeightedBackend;
use crate::route::{AppliesTo, Condition};

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
    Generates(Vec<(&'static str, String)>),
    /// An Ingress without canary: the partner of those that are one.
    Primary(Settings),
    /// A canary of the Ingress with the same host and path.
    Canary(Box<Canary>),
}

/// What an Ingress says beside its rules.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The class of the controller that it is for, where it says one.
    pub class: Option<String>,
    /// Where a cookie keeps a client with the version that it met first.
    pub affinity: Option<Span>,
    /// Whether a canary leaves such cookies alone.
    pub ignores_affinity: bool,
}

/// What the canary annotations say.
#[derive(Clone, Debug)]
pub struct Canary {
    /// What it says as every Ingress does.
    pub settings: Settings,
    /// Conditions that send everything to the canary (`true`) or past it (`false`), the first that holds.
    pub overrides: Vec<(Condition, bool)>,
    /// Its weight of the total.
    pub weight: At<u32>,
    /// What its weight is a part of: more than zero.
    pub total: u32,
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
    pub unsupported: Option<Note>,
    /// What weakens every rule.
    pub caveats: Vec<Note<AppliesTo>>,
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
    pub caveats: Vec<Note<AppliesTo>>,
}

impl Host {
    /// A host with rules.
    pub(super) fn new(name: HostName, span: Span, rules: Vec<Rule>) -> Self {
        Self {
            name,
            span,
            rules,
            unsupported: None,
            caveats: Vec::new(),
        }
    }
}

impl Rule {
    /// A rule for every request.
    pub(super) fn new(
        label: impl Into<String>,
        span: Span,
        backends: Vec<WeightedBackend>,
    ) -> Self {
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
