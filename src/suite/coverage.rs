//! Which rules of the manifests the cases have taken.

use std::collections::BTreeSet;

use super::actual::MatchedRule;
use super::world::World;

/// The rules that requests of cases take, and those that none does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many are taken.
    pub covered: usize,
    /// How many there are.
    pub rules: usize,
    /// Those that are not taken, in order.
    pub missing: Vec<UncoveredRule>,
}

/// A rule that no case takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UncoveredRule {
    /// `VirtualService default/reviews http[1]`
    pub rule: String,
    /// `rules.yaml:20`
    pub source: String,
}

impl MatchedRule {
    /// `VirtualService default/reviews http[0]`
    #[must_use]
    pub fn full(&self) -> String {
        format!("{} {}", self.object, self.rule)
    }
}

impl Coverage {
    /// The part that is taken; all of it where there is no rule.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if self.rules == 0 {
            return 1.0;
        }
        self.covered as f64 / self.rules as f64
    }

    /// Adds the rules of other manifests.
    pub fn add(&mut self, other: Self) {
        self.covered += other.covered;
        self.rules += other.rules;
        self.missing.extend(other.missing);
    }
}

impl World {
    /// The coverage of the rules of these manifests by those that took requests, by [`MatchedRule::full`].
    #[must_use]
    pub fn coverage(&self, taken: &BTreeSet<String>) -> Coverage {
        let written = self.texts.all().map(|(span, rule)| UncoveredRule {
            rule: format!("{} {}", rule.object, rule.rule),
            source: self.sources.place(span),
        });
        let mut all: BTreeSet<UncoveredRule> = written.collect();
        for table in self.tables().iter().filter(|table| table.from_dump) {
            let routes = table.hosts.iter().flat_map(|host| &host.routes);
            all.extend(routes.map(|route| UncoveredRule {
                rule: format!("{} {}", route.object, route.rule),
                source: self.sources.place(route.span),
            }));
        }
        let rules = all.len();
        let missing: Vec<UncoveredRule> = all
            .into_iter()
            .filter(|one| !taken.contains(&one.rule))
            .collect();
        Coverage {
            covered: rules - missing.len(),
            rules,
            missing,
        }
    }
}
