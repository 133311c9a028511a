//! Whether what becomes of a request is what a case expects.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::actual::{Actual, Passes};
use super::case::{Case, Expect};
use super::effects::EFFECTS;
use super::expectation::{Expectation, WantedTarget};
use super::json::{same, written};
use super::verdict::{Difference, Verdict};
use super::world::World;
use crate::split::{Destination, Share, Target, TargetShare};

impl World {
    /// Checks a case.
    #[must_use]
    pub fn check(&self, case: &Case, strict: bool) -> Verdict {
        let vantage = self.vantage(case.from.as_ref(), &case.probe);
        let actual = match self.actual(&vantage, &case.probe) {
            Ok(actual) => actual,
            Err(why) => {
                let difference = Difference {
                    what: "request".to_owned(),
                    expected: "a request whose route the manifests tell".to_owned(),
                    found: why,
                };
                return Verdict {
                    differences: vec![difference],
                    skipped: Vec::new(),
                    actual: None,
                };
            }
        };
        let mut verdict = Verdict {
            differences: Vec::new(),
            skipped: Vec::new(),
            actual: None,
        };
        match &case.expect {
            Expect::Native(wanted) => native(wanted, &actual, strict, &mut verdict),
            Expect::Rule(wanted) => wanted.check(&actual, &mut verdict),
            Expect::Route(wanted) => wanted.check(&case.probe, &actual, &mut verdict),
        }
        verdict.actual = Some(actual);
        verdict
    }
}

fn native(wanted: &Expectation, actual: &Actual, strict: bool, verdict: &mut Verdict) {
    if let Some(rule) = &wanted.rule {
        let own = actual.rule.as_ref();
        let holds = match own {
            None => rule == NO_RULE,
            Some(own) => {
                let full = |label: &str| format!("{} {label}", own.object);
                [
                    full(&own.rule),
                    full(&own.label),
                    own.rule.clone(),
                    own.label.clone(),
                ]
                .contains(rule)
                    || own.name.as_ref() == Some(rule)
            }
        };
        let found = own.map_or_else(
            || NO_RULE.to_owned(),
            |own| format!("{} {}", own.object, own.label),
        );
        verdict.compare(holds, "rule", rule.clone(), found);
    }
    let shares = &actual.shares;
    if let Some(destinations) = &wanted.destinations {
        let holds = destinations.len() == shares.len()
            && (destinations.iter()).all(|one| shares.iter().any(|own| one.is(own)));
        let expected: Vec<String> = destinations.iter().map(WantedTarget::in_words).collect();
        verdict.compare(holds, "destinations", expected.join(", "), in_full(actual));
    }
    if let Some(by_name) = &wanted.shares {
        let some = by_name.iter().filter(|(_, share)| !share.is_zero());
        let own = |(name, share): &(String, Share)| {
            shares
                .iter()
                .any(|own| own.name == *name && own.share == *share)
        };
        let holds = some.clone().count() == shares.len() && some.clone().all(own);
        let expected: Vec<String> = some.map(|(name, share)| part(name, *share)).collect();
        verdict.compare(holds, "shares", expected.join(", "), by_names(actual));
    }
    if let Some(status) = wanted.status {
        let holds = matches!(&shares[..], [only] if only.target.status() == Some(status));
        verdict.compare(holds, "status", status.to_string(), by_names(actual));
    }
    if let Some(passes) = wanted.passes {
        let found = actual.passes == Passes::Through;
        let words = |passes: bool| {
            if passes {
                "no proxy decides"
            } else {
                "a proxy decides"
            }
            .to_owned()
        };
        verdict.compare(found == passes, "passes", words(passes), words(found));
    }
    if strict || wanted.notes.is_some() {
        let words = |notes: Vec<&str>| {
            if notes.is_empty() {
                "none".to_owned()
            } else {
                notes.join(", ")
            }
        };
        let expected: BTreeSet<&str> = wanted.notes.iter().flatten().map(String::as_str).collect();
        let holds = expected == actual.notes;
        let found = words(actual.notes.iter().copied().collect());
        verdict.compare(holds, "notes", words(expected.into_iter().collect()), found);
    }
    effects(wanted, actual, strict, verdict);
}

/// What a case calls the absence of a rule.
pub(super) const NO_RULE: &str = "none";

fn effects(wanted: &Expectation, actual: &Actual, strict: bool, verdict: &mut Verdict) {
    let asked = |name: &&str| strict || wanted.effects.contains_key(*name);
    let Some(own) = &actual.effects else {
        let named = |name: &&str| wanted.effects.contains_key(*name);
        let asked: Vec<&str> = EFFECTS.into_iter().filter(named).collect();
        if !asked.is_empty() {
            verdict.skipped.push(format!(
                "{}: several rules share these requests, and each may do something else",
                asked.join(", ")
            ));
        }
        return;
    };
    for name in EFFECTS.into_iter().filter(asked) {
        let null = Json::Null;
        let (expected, found) = (
            wanted.effects.get(name).unwrap_or(&null),
            own.get(name).unwrap_or(&null),
        );
        verdict.compare(
            same(expected, found),
            name,
            written(expected),
            written(found),
        );
    }
}

impl WantedTarget {
    fn is(&self, own: &TargetShare) -> bool {
        if self.share != own.share {
            return false;
        }
        match &own.target {
            Target::Destination(destination) => {
                self.status.is_none()
                    && self.subset == destination.subset
                    && self.port.is_none_or(|port| Some(port) == destination.port)
                    && self
                        .host
                        .as_ref()
                        .is_some_and(|host| calls(host, destination))
            }
            Target::LocalReply(reply) => self.status == Some(reply.status),
            Target::Named(name) => self.host.as_ref() == Some(name),
        }
    }

    fn in_words(&self) -> String {
        let name = match (&self.host, self.status) {
            (Some(host), _) => place(host, self.port, self.subset.as_deref()),
            (None, Some(status)) => format!("status {status}"),
            (None, None) => "nothing".to_owned(),
        };
        part(&name, self.share)
    }
}

/// Whether a name is one of a destination, in any case: in full, or without what a mesh adds.
fn calls(name: &str, destination: &Destination) -> bool {
    let full = destination.host.as_str();
    let start = full.get(..name.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(name)) && {
        let rest = &full[name.len()..];
        rest.is_empty() || (rest.starts_with('.') && full.ends_with(".svc.cluster.local"))
    }
}

fn place(host: &str, port: Option<u16>, subset: Option<&str>) -> String {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let subset = subset.map_or_else(String::new, |subset| format!(" subset {subset}"));
    format!("{host}{port}{subset}")
}

fn part(name: &str, share: Share) -> String {
    if share == Share::ONE {
        return name.to_owned();
    }
    format!("{name} {share}")
}

/// The targets by their short names, with their shares.
pub(super) fn by_names(actual: &Actual) -> String {
    list(actual, |own| part(&own.name, own.share))
}

fn in_full(actual: &Actual) -> String {
    list(actual, |own| match &own.target {
        Target::Destination(one) => part(
            &place(&one.host, one.port, one.subset.as_deref()),
            own.share,
        ),
        _ => part(&own.name, own.share),
    })
}

fn list(actual: &Actual, words: impl Fn(&TargetShare) -> String) -> String {
    if actual.shares.is_empty() {
        return "no proxy decides".to_owned();
    }
    let all: Vec<String> = actual.shares.iter().map(words).collect();
    all.join(", ")
}
