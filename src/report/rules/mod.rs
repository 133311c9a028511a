//! The result of a run of all rules: a row for each request that shows something about a rule, and how much of the rules the
//! requests cover.

mod coverage;
mod github;
mod html;
mod markdown;
mod request;
mod summary;
mod text;
mod xml;

use serde::{Deserialize, Serialize};

use super::explain::UnreachableRow;
use super::{Declaration, KnownNotes, Place, Report, Request, SavedObservation};
use crate::split::Share;
use crate::units::percent;
use crate::verdict::{Policy, Verdict};

pub use coverage::{Coverage, Part};
pub(super) use github::annotations;
pub(super) use html::section;
pub(super) use markdown::rows;
pub use request::SentRequest;
pub use summary::{Judged, suite_verdict};
pub(super) use text::{details, listing};
pub(super) use xml::cases;

/// One request of a run of all rules, what is declared for it, and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleResult {
    /// What the request shows about the rule.
    pub purpose: CasePurpose,
    /// The object that the rule stands in: `VirtualService default/weather`.
    pub object: String,
    /// The rule: `http[0]`; what a case is called where it is none of a rule.
    pub rule: String,
    /// Which of the alternatives of the rule it is: `match[1]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
    /// The name the rule gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The condition that does not hold, of a request that falls through: `headers.end-user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Where the rule begins: `weather-rules.yaml:27`.
    pub source: String,
    /// Of requests that vary: how many different ones of the first values take the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<u64>,
    /// The request; none where no request reaches the rule.
    pub request: Option<SentRequest>,
    /// Why there is no request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<UnreachableRow>,
    /// What is declared for the request.
    pub expected: Option<Declaration>,
    /// What was asked of the counts: `alpha` is this row's part of that of the whole run.
    pub policy: Policy,
    /// What was seen; none where nothing was sent.
    pub observed: Option<SavedObservation>,
    /// What that means.
    pub verdict: Verdict,
    /// What was known beside the counts.
    #[serde(flatten)]
    pub known: KnownNotes,
}

/// What a request shows about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CasePurpose {
    /// That the rule takes it.
    Rule,
    /// That the rule leaves it to another one, or to none: one of its conditions does not hold.
    Fallthrough,
    /// That no rule takes it.
    NoRule,
    /// What a case of a suite asks for.
    Case,
}

impl RuleResult {
    /// What the request shows, in a few words: `http[0].match[1]`.
    #[must_use]
    pub fn label(&self) -> String {
        let rule = match &self.alternative {
            Some(alternative) => format!("{}.{alternative}", self.rule),
            None => self.rule.clone(),
        };
        match (self.purpose, &self.condition) {
            (CasePurpose::Fallthrough, Some(condition)) => format!("not {rule} ({condition})"),
            (CasePurpose::NoRule, _) => "no rule".to_owned(),
            _ => rule,
        }
    }

    /// Adds what was known beside the counts to the verdict.
    #[must_use]
    pub fn with_known(mut self, known: KnownNotes) -> Self {
        known.add_to(&mut self.verdict);
        self.known = known;
        self
    }

    /// `v1 90%, v2 10%`; the name alone of what gets everything.
    pub(in crate::report) fn declared(&self) -> String {
        let declared = self.expected.iter().flat_map(|own| own.split.declared());
        let shares = declared.filter(|own| !own.share.is_zero());
        let shares = shares.map(|own| {
            let share = percent(own.share.as_f64());
            if own.share == Share::ONE {
                own.name.clone()
            } else {
                format!("{} {share}", own.name)
            }
        });
        shares.collect::<Vec<_>>().join(", ")
    }

    /// `v1 91.3%, v2 8.7%`; the name alone of what got everything.
    pub(in crate::report) fn seen(&self) -> String {
        let Some(observed) = &self.observed else {
            return String::new();
        };
        let rows = &observed.rows;
        let targets = rows.targets.iter().filter(|own| own.tally.count > 0);
        let part = |name: &str, share: f64| {
            if share < 1.0 {
                format!("{name} {:.1}%", share * 100.0)
            } else {
                name.to_owned()
            }
        };
        let targets = targets.map(|own| part(&own.target, own.share));
        let others = (rows.buckets.iter()).filter(|own| own.place != Place::Declared);
        let others = others.map(|own| part(&own.bucket, own.share));
        let mut all: Vec<String> = targets.chain(others).collect();
        if rows.failed > 0 {
            all.push(format!("{} without a response", rows.failed));
        }
        all.join(", ")
    }

    /// The row as a report of its own.
    fn alone(&self, whole: &Report) -> Option<Report> {
        let (request, observation) = (self.request.as_ref()?, self.observed.clone()?);
        let target = Request {
            url: request.witness.url.clone(),
            method: request.witness.method.clone(),
            host: request.witness.host.clone(),
        };
        let (expected, verdict) = (self.expected.clone(), self.verdict.clone());
        Some(Report {
            tool: whole.tool.clone(),
            known: self.known.clone(),
            ..Report::new(
                target,
                self.policy,
                expected,
                observation,
                verdict,
                KnownNotes::default(),
            )
        })
    }

    /// Whether anything was judged.
    fn is_judged(&self) -> bool {
        self.observed.is_some()
    }
}

impl Report {
    /// The rows that formats derive from a saved run, derived again for each rule.
    pub(super) fn restore_rules(
        &mut self,
        restore: impl Fn(&mut Report) -> Result<(), super::ReadError>,
    ) -> Result<(), super::ReadError> {
        let mut rules = std::mem::take(&mut self.rules);
        for rule in &mut rules {
            if let Some(mut own) = rule.alone(self) {
                restore(&mut own)?;
                rule.observed = Some(own.observation);
                rule.verdict = own.verdict;
            }
        }
        self.rules = rules;
        Ok(())
    }
}
