//! What a report is asked when it is judged again, and whether two are asked the same.

use std::fmt;

use super::{Report, Request};
use crate::split::{Expected, Mechanism, TargetShare};
use crate::units::percent;
use crate::verdict::slo::Slo;
use crate::verdict::{Balancing, Policy, is_healthy};

/// What is asked this time where it differs from then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// See [`crate::verdict::Policy::alpha`].
    pub alpha: Option<f64>,
    /// See [`crate::verdict::Policy::beta`].
    pub beta: Option<f64>,
    /// See [`crate::verdict::Policy::tolerance`].
    pub tolerance: Option<f64>,
    /// See [`crate::verdict::Policy::resolution`]; `Some(None)` asks for the automatic one.
    pub resolution: Option<Option<f64>>,
    /// See [`crate::verdict::Policy::max_unattributed`].
    pub max_unattributed: Option<f64>,
    /// See [`crate::verdict::Policy::allow_unexpected`].
    pub allow_unexpected: Option<u64>,
    /// See [`crate::verdict::Policy::balancing`].
    pub balancing: Option<Balancing>,
    /// Objectives in the place of the saved ones; none leaves those.
    pub slos: Vec<Slo>,
    /// Whether healthy targets are required from now on.
    pub require_healthy: bool,
}

/// In what reports differ that have to be alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The method, the URL or the `Host` header.
    Target,
    /// The declared split.
    Declaration,
    /// How sure the verdict has to be.
    Certainty,
    /// The objectives.
    Objectives,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Target => "their target",
            Self::Declaration => "what was declared",
            Self::Certainty => "how sure the verdict has to be",
            Self::Objectives => "their objectives",
        })
    }
}

/// What a run is asked.
pub(super) struct Question {
    pub(super) policy: Policy,
    pub(super) slos: Vec<String>,
}

impl Changes {
    /// What a run is asked this time.
    pub(super) fn question(&self, report: &Report) -> Question {
        let then = report.policy;
        let slos = if self.slos.is_empty() {
            let slos = report.verdict.slos.iter().map(|result| result.slo.clone());
            // What --require-healthy asks is a part of the policy.
            slos.filter(|slo| !is_healthy(slo)).collect()
        } else {
            self.slos.iter().map(Slo::to_string).collect()
        };
        let policy = Policy {
            alpha: self.alpha.unwrap_or(then.alpha),
            beta: self.beta.unwrap_or(then.beta),
            tolerance: self.tolerance.unwrap_or(then.tolerance),
            resolution: self.resolution.unwrap_or(then.resolution),
            max_unattributed: self.max_unattributed.unwrap_or(then.max_unattributed),
            allow_unexpected: self.allow_unexpected.unwrap_or(then.allow_unexpected),
            balancing: self.balancing.unwrap_or(then.balancing),
            require_healthy: self.require_healthy || then.require_healthy,
            ..then
        };
        Question { policy, slos }
    }
}

impl Question {
    /// How sure the result has to be, as it is typed.
    fn certainty(&self) -> String {
        let policy = &self.policy;
        let resolution = policy.resolution.map_or("auto".to_owned(), percent);
        format!(
            "--alpha {} --beta {} --tolerance {} --resolution {resolution} --max-unattributed {} --allow-unexpected {} \
             --balancing {}",
            policy.alpha,
            policy.beta,
            percent(policy.tolerance),
            percent(policy.max_unattributed),
            policy.allow_unexpected,
            policy.balancing
        )
    }

    fn objectives(&self) -> String {
        let healthy = self.policy.require_healthy;
        let healthy = healthy.then(|| "--require-healthy".to_owned());
        let all: Vec<String> = self.slos.iter().cloned().chain(healthy).collect();
        all.join("; ")
    }
}

/// In what two reports do not ask the same question of the same target, and what each asks.
pub(super) fn difference(
    (first, one): (&Report, &Question),
    (second, other): (&Report, &Question),
) -> Option<(Difference, [String; 2])> {
    let target = |report: &Report| {
        let Request { url, method, host } = &report.target;
        format!("{method} {url} (Host: {host})")
    };
    let declared = |report: &Report| report.split().map_or_else(String::new, split);
    let certainty = |report: &Report, question: &Question| match report.split() {
        Some(_) => question.certainty(),
        None => String::new(),
    };
    let questions = [
        (Difference::Target, [target(first), target(second)]),
        (Difference::Declaration, [declared(first), declared(second)]),
        (
            Difference::Certainty,
            [certainty(first, one), certainty(second, other)],
        ),
        (
            Difference::Objectives,
            [one.objectives(), other.objectives()],
        ),
    ];
    questions.into_iter().find(|(_, [one, other])| one != other)
}

/// `single 9/10, multiple 1/10`, and how one is picked where that is not by lot.
fn split(expected: &Expected) -> String {
    let share = |declared: &TargetShare| format!("{} {}", declared.name, declared.share);
    let shares: Vec<String> = expected.declared().iter().map(share).collect();
    match expected.mechanism {
        Mechanism::Iid => shares.join(", "),
        mechanism => format!("{} ({mechanism:?})", shares.join(", ")),
    }
}
