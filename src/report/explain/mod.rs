//! Which rule applies to one request, and why the others do not: the model, schema [`EXPLAIN_SCHEMA`].

mod explained;
mod explanation;
mod rule_lines;
mod rules;
mod text;
mod unrouted;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::sanitize::safe_json;
use super::{Declaration, Request};
use crate::split::{Destination, Mechanism, Share, TargetShare};

pub use explained::Explained;
pub use explanation::explain;
pub(super) use rules::witness;
pub use text::render;
pub use unrouted::{WithoutRule, not_in_effect, weights_ignored, without_rule};

/// The name and major version of the JSON form.
pub const EXPLAIN_SCHEMA: &str = "resplit.explain/1";

/// What becomes of one request, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// [`EXPLAIN_SCHEMA`].
    pub schema: String,
    /// The request.
    pub target: Request,
    /// From where it is sent.
    pub vantage: VantageRow,
    /// The host that takes it; none means that no rule does.
    pub host: Option<HostRow>,
    /// The rule that applies; none means that no rule does.
    pub route: Option<RouteRow>,
    /// The rules that take what it leaves over, where chance decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<RouteRow>,
    /// The rule that would apply, and what it declares, where it takes no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_in_effect: Option<NotInEffect>,
    /// What the rule makes of it, or what the proxy does without one; none where no proxy decides about it.
    pub expected: Option<Declaration>,
    /// How one target is picked.
    pub mechanism: Option<Mechanism>,
    /// Destinations with a share that the proxies do not have.
    pub broken: Vec<BrokenRow>,
    /// The rules that were tried before, in order.
    pub trace: Vec<TriedRow>,
    /// What weakens that.
    pub caveats: Vec<NoteRow>,
    /// Every rule of the host with a request that reaches it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<RuleRow>>,
    /// The text of the rule, for people.
    #[serde(skip)]
    pub excerpt: Vec<Line>,
}

/// From where a request is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VantageRow {
    /// `sidecar`, `waypoint` or `gateway`: whose proxy applies the rules; `dump`: the one that told its own.
    pub proxy: &'static str,
    /// The namespace of the client or the gateway; none is that of the rule.
    pub namespace: Option<String>,
    /// The name of the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The labels of the client, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// The port that is dialled, where it says something.
    pub port: Option<u16>,
    /// The version of Istio, where one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub istio: Option<String>,
}

/// The host that takes a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostRow {
    /// As it is written.
    pub name: String,
    /// The names that it goes by.
    pub domains: Vec<String>,
    /// The objects that declare it.
    pub objects: Vec<String>,
    /// Where.
    pub source: String,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteRow {
    /// `VirtualService default/weather`
    pub object: String,
    /// `http[0]`
    pub rule: String,
    /// `match[1]`, where the rule has several.
    pub alternative: Option<String>,
    /// The name the rule gives itself.
    pub name: Option<String>,
    /// `weather-rules.yaml:27`
    pub source: String,
    /// What it takes of such requests, where chance decides among several rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<Share>,
}

/// A rule that matches, and that no proxy applies to the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotInEffect {
    /// The rule.
    pub route: Option<RouteRow>,
    /// What it declares.
    pub declared: Option<Declaration>,
    /// A policy has the proxies pick by something else than its weights.
    pub weights_ignored: bool,
}

/// A destination that the proxies do not have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BrokenRow {
    /// Where it should be.
    #[serde(flatten)]
    pub destination: Destination,
    /// What is declared for it.
    pub share: f64,
    /// The exact fraction.
    pub ratio: Share,
}

/// A rule that was tried and lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedRow {
    /// The rule.
    #[serde(flatten)]
    pub route: RouteRow,
    /// The field that did not hold: `headers.end-user`.
    pub lost_on: String,
    /// Where that field is.
    pub lost_at: String,
    /// What it asks for.
    pub wanted: String,
    /// What the request has.
    pub found: String,
    /// Both in a sentence.
    pub message: String,
}

/// Something that weakens an explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoteRow {
    /// A stable short name, `kebab-case`.
    pub id: String,
    /// What.
    pub message: String,
    /// Where.
    pub source: Option<String>,
    /// The next step.
    pub help: Option<String>,
}

/// One rule of the host, and how to reach it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleRow {
    /// The rule.
    #[serde(flatten)]
    pub route: RouteRow,
    /// A request that it takes.
    pub request: Option<WitnessRow>,
    /// Why there is none.
    pub unreachable: Option<UnreachableRow>,
    /// What it makes of a request.
    pub shares: Vec<TargetShare>,
    /// How one target is picked.
    pub mechanism: Mechanism,
}

/// A request that a rule takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WitnessRow {
    /// `GET`
    pub method: String,
    /// The URL.
    pub url: String,
    /// Path and query.
    pub path: String,
    /// The `Host` header.
    pub host: String,
    /// The headers that it needs, and those that were given.
    pub headers: Vec<HeaderRow>,
    /// The options of resplit that send it, quoted for a shell.
    pub arguments: String,
}

/// One header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeaderRow {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Why no request reaches a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnreachableRow {
    /// Whether it is certain that none does.
    pub proven: bool,
    /// Why.
    pub message: String,
    /// The rule that takes everything it would take.
    pub by: Option<String>,
    /// Where that rule begins.
    pub source: Option<String>,
}

/// One line of an excerpt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line of the text, with its number.
    Text(usize, String),
    /// Lines that are left out.
    Gap,
}

/// Writes the explanation as JSON.
pub fn render_json(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(explanation)?;
    writeln!(out, "{}", safe_json(&text))
}
