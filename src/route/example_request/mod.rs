//! For every rule of a host a request that reaches it, or why there is none.
//!
//! Conditions look at parts of a request: its path, its method, each header. A request reaches a route when every part
//! passes the conditions of that route, and for each route before it at least one part fails one. So each part gets a
//! few values to choose from, each value rules out some of the routes before, and a choice is sought that rules out all
//! of them. What is found has been resolved like any other request; what is not found may exist, unless it is proven that
//! an earlier route takes everything.

mod covers;
mod examples;
mod first_choice;
mod near_miss;
mod regex_sample;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::matching::Evaluation;
use super::{AppliesTo, Condition, Probe, Route, RouteTable, Test, VirtualHost, resolve_untraced};
use crate::diag::{Code, Note};
use covers::covers;
pub use examples::{Example, Purpose, examples};
use values::{Asked, Part};

pub use near_miss::near_misses;

/// Choices that are tried for one route.
const MOST_CHOICES: usize = 20_000;

/// A rule of a host, and whether a request reaches it.
#[derive(Clone, Debug)]
pub struct RuleReach<'t> {
    /// The alternative of the rule that is reached, or the first one.
    pub route: &'t Route,
    /// How.
    pub reach: Reach<'t>,
}

/// Whether a request reaches a rule.
#[derive(Clone, Debug)]
pub enum Reach<'t> {
    /// This one does.
    By(Box<Probe>),
    /// None does: an earlier route takes every request that it would take.
    Shadowed(&'t Route),
    /// None does from here.
    NotFromHere(&'t Condition),
    /// None does: plain HTTP is redirected before any rule is looked at.
    HttpsOnly,
    /// Something that is not known decides.
    Unknowable(&'t Note<AppliesTo>),
    /// None was found.
    NotFound,
}

/// Every rule of a host in order, each with a request like the given one that reaches it.
#[must_use]
pub fn rule_reaches<'t>(
    table: &'t RouteTable,
    host: &'t VirtualHost,
    like: &Probe,
) -> Vec<RuleReach<'t>> {
    let mut rules: Vec<RuleReach<'t>> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for (at, route) in host.routes.iter().enumerate() {
        let name = (route.object.as_str(), route.rule.as_str());
        let known = places.get(&name).copied();
        if let Some(known) = known
            && matches!(rules[known].reach, Reach::By(_))
        {
            continue;
        }
        let rule_reach = RuleReach {
            route,
            reach: reach(table, host, at, like),
        };
        match known {
            Some(known) if better(&rule_reach.reach, &rules[known].reach) => {
                rules[known] = rule_reach;
            }
            Some(_) => {}
            None => {
                places.insert(name, rules.len());
                rules.push(rule_reach);
            }
        }
    }
    rules
}

/// Every route of a host in order, the alternatives of a rule each by itself.
#[must_use]
pub fn route_reaches<'t>(
    table: &'t RouteTable,
    host: &'t VirtualHost,
    like: &Probe,
) -> Vec<RuleReach<'t>> {
    let routes = host.routes.iter().enumerate();
    let reaches = routes.map(|(at, route)| RuleReach {
        route,
        reach: reach(table, host, at, like),
    });
    reaches.collect()
}

/// Of two alternatives of a rule, which one says more about the rule: one that is reached, then one that might be.
fn better(new: &Reach<'_>, known: &Reach<'_>) -> bool {
    let rank = |reach: &Reach<'_>| match reach {
        Reach::By(_) => 2,
        Reach::NotFound | Reach::Unknowable(_) => 1,
        Reach::Shadowed(_) | Reach::NotFromHere(_) | Reach::HttpsOnly => 0,
    };
    rank(new) > rank(known)
}

/// Whether a request reaches the route at a position.
fn reach<'t>(table: &'t RouteTable, host: &'t VirtualHost, at: usize, like: &Probe) -> Reach<'t> {
    let route = &host.routes[at];
    if host.https_only && like.scheme.eq_ignore_ascii_case("http") {
        return Reach::HttpsOnly;
    }
    // A client in the mesh that seals its requests hides them from its proxy.
    let hidden = (host.caveats.iter()).any(|caveat| caveat.code == Code::HttpsInMesh);
    for condition in &route.conditions {
        match &condition.test {
            Test::Scheme(scheme) if hidden && !scheme.matches("http") => {
                return Reach::NotFromHere(condition);
            }
            Test::Fixed(false) => return Reach::NotFromHere(condition),
            Test::Fraction(fraction) if fraction.is_none() => {
                return Reach::NotFromHere(condition);
            }
            Test::Unknowable(caveat) => return Reach::Unknowable(caveat),
            _ => {}
        }
    }
    let search = Search {
        table,
        host,
        goal: Some(route),
        like,
    };
    if let Some(probe) = search.first_choice() {
        return Reach::By(Box::new(probe));
    }
    // Routes that take nothing from here are in nobody's way.
    let mut earlier = host
        .routes
        .covering(route)
        .take_while(|one| !std::ptr::eq(*one, route));
    if let Some(earlier) = earlier.find(|earlier| awake(earlier) && covers(earlier, route)) {
        return Reach::Shadowed(earlier);
    }
    let before = host.routes[..at].iter();
    let before: Vec<&Route> = before.filter(|one| awake(one) && !shares(one)).collect();
    match search.found(&before) {
        Some(probe) => Reach::By(Box::new(probe)),
        None => Reach::NotFound,
    }
}

/// A request of a host that no rule takes.
fn unrouted(table: &RouteTable, host: &VirtualHost, like: &Probe) -> Option<Probe> {
    let before: Vec<&Route> = host.routes.iter().filter(|route| awake(route)).collect();
    let search = Search {
        table,
        host,
        goal: None,
        like,
    };
    search.found(&before)
}

/// Whether some request could match a route, as far as the vantage decides.
fn awake(route: &Route) -> bool {
    let asleep = |condition: &Condition| match condition.test {
        Test::Fixed(held) => !held,
        Test::Unknowable(_) => true,
        Test::Fraction(fraction) => fraction.is_none(),
        _ => false,
    };
    !route.conditions.iter().any(asleep)
}

/// Whether a route takes only a part of the requests that match it, and leaves the others to those behind it.
fn shares(route: &Route) -> bool {
    let part = |condition: &Condition| matches!(condition.test, Test::Fraction(fraction) if !fraction.is_all());
    route.conditions.iter().any(part)
}

/// What is sought.
struct Search<'s> {
    table: &'s RouteTable,
    host: &'s VirtualHost,
    /// The route that must take the request; none where no route may.
    goal: Option<&'s Route>,
    like: &'s Probe,
}

/// A value of a part, and the positions of the earlier routes that it rules out.
struct Choice {
    value: Option<String>,
    rules_out: BTreeSet<usize>,
}

impl Search<'_> {
    /// The conditions that must hold.
    fn wanted(&self) -> &[Condition] {
        self.goal.map_or(&[], |route| &route.conditions)
    }

    fn found(&self, before: &[&Route]) -> Option<Probe> {
        let mut asked: BTreeMap<Part, Asked<'_>> = BTreeMap::new();
        for condition in self.wanted() {
            if let Some(part) = Part::of(&condition.test) {
                asked.entry(part).or_default().own.push(&condition.test);
            }
        }
        for condition in before.iter().flat_map(|route| &route.conditions) {
            if let Some(part) = Part::of(&condition.test) {
                asked.entry(part).or_default().before.push(&condition.test);
            }
        }
        let mut parts: Vec<(Part, Vec<Choice>)> = Vec::with_capacity(asked.len());
        for (part, asked) in asked {
            let choices = self.choices(&part, &asked, before);
            if choices.is_empty() {
                return None;
            }
            parts.push((part, choices));
        }
        // Parts with little choice first: they leave the least to try.
        parts.sort_by_key(|(_, choices)| choices.len());
        let left: BTreeSet<usize> = (0..before.len()).collect();
        let mut budget = MOST_CHOICES;
        self.chosen(&parts, &left, self.like, &mut budget)
    }

    /// The values of a part with which the route's own conditions hold, without those that rule out less than another.
    /// The value of the request as it is comes first, and stays: it changes nothing.
    fn choices(&self, part: &Part, asked: &Asked<'_>, before: &[&Route]) -> Vec<Choice> {
        let about = |condition: &&Condition| Part::of(&condition.test).as_ref() == Some(part);
        let current = part.current(self.like);
        let choice = |value: Option<String>| -> Option<Choice> {
            let probe = if value == current {
                self.like.clone()
            } else {
                part.set(self.like, value.as_deref())?
            };
            let mut own = self.wanted().iter().filter(about);
            if !own.all(|condition| condition.holds(&probe) == Evaluation::Yes) {
                return None;
            }
            let fails = |route: &Route| {
                let mut conditions = route.conditions.iter().filter(about);
                conditions.any(|condition| condition.holds(&probe) == Evaluation::No)
            };
            let rules_out = (0..before.len())
                .filter(|position| fails(before[*position]))
                .collect();
            Some(Choice { value, rules_out })
        };
        let values = part.values(asked, self.like, self.host);
        let all: Vec<Choice> = values.into_iter().filter_map(choice).collect();
        let weaker = |at: usize| {
            let own = &all[at].rules_out;
            all.iter().enumerate().any(|(other, choice)| {
                let more = own.len() < choice.rules_out.len();
                other != at && (more || other < at) && own.is_subset(&choice.rules_out)
            })
        };
        let kept: Vec<bool> = (0..all.len())
            .map(|at| all[at].value == current || !weaker(at))
            .collect();
        all.into_iter()
            .zip(kept)
            .filter_map(|(choice, kept)| kept.then_some(choice))
            .collect()
    }

    /// A choice for the remaining parts that rules out the routes that are left, and that stands the test.
    fn chosen(
        &self,
        parts: &[(Part, Vec<Choice>)],
        left: &BTreeSet<usize>,
        probe: &Probe,
        budget: &mut usize,
    ) -> Option<Probe> {
        *budget = budget.checked_sub(1)?;
        let Some(((part, choices), rest)) = parts.split_first() else {
            return (left.is_empty() && self.reaches(probe)).then(|| probe.clone());
        };
        let hopeless = |position: &&usize| {
            let mut all = parts.iter().flat_map(|(_, choices)| choices);
            !all.any(|choice| choice.rules_out.contains(position))
        };
        if left.iter().any(|position| hopeless(&position)) {
            return None;
        }
        choices.iter().find_map(|choice| {
            let probe = if part.current(self.like) == choice.value {
                probe.clone()
            } else {
                part.set(probe, choice.value.as_deref())?
            };
            let left = left.difference(&choice.rules_out).copied().collect();
            self.chosen(rest, &left, &probe, budget)
        })
    }

    /// The last word: whether the request, resolved like any other, takes this very route, or none.
    fn reaches(&self, probe: &Probe) -> bool {
        resolve_untraced(self.table, probe).is_ok_and(|resolution| {
            let mut taking = resolution.taking();
            match self.goal {
                Some(route) => taking.any(|matched| std::ptr::eq(matched.route, route)),
                None => resolution.is_unrouted() && std::ptr::eq(resolution.host, self.host),
            }
        })
    }
}
