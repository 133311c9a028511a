//! How much of the rules and destinations of a host the requests reached.

use serde::{Deserialize, Serialize};

use super::{CasePurpose, RuleResult};
use crate::split::Target;
use crate::units::percent;

/// How much of the rules and destinations of a host was reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The part of the rules of which a request was answered, as a fraction of 1.
    pub rules: f64,
    /// The part of the destinations with a share from which a response came, as a fraction of 1.
    pub destinations: f64,
    /// The rules in numbers.
    pub rule_count: Part,
    /// The destinations in numbers.
    pub destination_count: Part,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How many were reached.
    pub reached: usize,
    /// Of how many.
    pub all: usize,
}

impl Part {
    /// As a fraction of 1; of nothing all is reached.
    fn fraction(self) -> f64 {
        if self.all == 0 {
            1.0
        } else {
            self.reached as f64 / self.all as f64
        }
    }

    /// `11 of 12 rules (91.67%)`
    fn text(self, one: &str, many: &str) -> String {
        let Self { reached, all } = self;
        let what = if all == 1 { one } else { many };
        let part = if all == 0 {
            String::new()
        } else {
            format!(" ({})", percent(self.fraction()))
        };
        format!("{reached} of {all} {what}{part}")
    }
}

impl Coverage {
    /// The coverage of rows.
    #[must_use]
    pub fn of(rows: &[RuleResult]) -> Self {
        let mut rules: Vec<((&str, &str), bool)> = Vec::new();
        let mut destinations: Vec<(&Target, bool)> = Vec::new();
        for row in rows {
            let answered = (row.observed.as_ref()).is_some_and(|own| own.rows.answered > 0);
            if row.purpose == CasePurpose::Rule {
                note(&mut rules, (&row.object, &row.rule), answered);
            }
            let Some(expected) = &row.expected else {
                continue;
            };
            for (at, declared) in expected.split.declared().iter().enumerate() {
                let count = |own: &super::SavedObservation| {
                    let target = own.rows.targets.get(at);
                    target.map_or(0, |target| target.tally.count)
                };
                let reached = row.observed.as_ref().is_some_and(|own| count(own) > 0);
                let is_destination = declared.target.status().is_none();
                if is_destination && !declared.share.is_zero() {
                    note(&mut destinations, &declared.target, reached);
                }
            }
        }
        let (rules, destinations) = (part(&rules), part(&destinations));
        Self {
            rules: rules.fraction(),
            destinations: destinations.fraction(),
            rule_count: rules,
            destination_count: destinations,
        }
    }

    /// Both in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!(
            "requests reached {} and {}",
            self.rule_count.text("rule", "rules"),
            self.destination_count.text("destination", "destinations")
        )
    }
}

/// Remembers one thing, reached or not.
fn note<T: PartialEq>(all: &mut Vec<(T, bool)>, thing: T, reached: bool) {
    match all.iter_mut().find(|(known, _)| *known == thing) {
        Some((_, known)) => *known |= reached,
        None => all.push((thing, reached)),
    }
}

fn part<T>(all: &[(T, bool)]) -> Part {
    Part {
        reached: all.iter().filter(|(_, reached)| *reached).count(),
        all: all.len(),
    }
}
