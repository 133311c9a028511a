//! Requests that name their endpoint, judged: those that do must land on it every time, and those that do not are split over
//! all endpoints.

use std::collections::{BTreeMap, BTreeSet};

use super::attribution::Attribution;
use super::mapping::{MapRule, Mapping};
use super::{Evidence, Outcome, Policy, judge};
use crate::observe::Observation;
use crate::split::{Bucket, Expected, Identity, contains_word};
use crate::stats::interval::upper;
use crate::units::{counted, percent};

/// Where requests of a row should land.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// On the endpoint at this position.
    Endpoint(usize),
    /// On whichever endpoint the proxy picks, each as often as the split has it.
    Fallback,
    /// On whichever endpoint the proxy picks by a hash: requests that are alike go to the same one.
    Hashed,
    /// Nowhere: the proxy responds with this status.
    Status(u16),
}

/// What was seen of a row.
#[derive(Clone, Debug)]
pub struct SeenRow {
    /// What should be seen.
    pub landing: Landing,
    /// The responses.
    pub seen: Observation,
}

/// A row that was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedRow {
    /// What it means.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub reason: String,
    /// Where requests landed: endpoints by their position, or by what else is known.
    pub landed: Vec<(Landed, u64)>,
}

/// Where a response is from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Landed {
    /// The endpoint at this position.
    Endpoint(usize),
    /// Somebody else, by what the response says.
    Other(String),
    /// The proxy itself, by the text of the row.
    Proxy(u16, String),
}

/// Which values mean which endpoints.
#[derive(Clone, Debug, Default)]
pub struct EndpointNames {
    by_value: BTreeMap<String, usize>,
    /// Those that were learned from requests that name an endpoint alone.
    pub learned: BTreeMap<String, usize>,
    /// Whether responses say different things at all.
    pub told_apart: bool,
}

/// How often a chance of misses is taken for impossible, for the bound that is stated.
const DOUBT: f64 = 0.05;

impl EndpointNames {
    /// From all rows: by the user's word, by addresses and names of pods, else by what requests say that name one alone. The
    /// endpoints are the targets of a split, in their order; `alone` rows come first, one for each.
    #[must_use]
    pub fn of(endpoints: &Expected, rules: &[MapRule], rows: &[SeenRow]) -> Self {
        let mut names = Self::default();
        let mut values: BTreeSet<&Bucket> = BTreeSet::new();
        for row in rows {
            values.extend(row.seen.tallies.keys().filter(|bucket| is_value(bucket)));
        }
        for bucket in &values {
            let value = bucket.value().unwrap_or_default();
            let declared = endpoints.declared().iter();
            let rule = rules.iter().find(|rule| rule.matches(bucket, endpoints));
            let known = declared.enumerate().find(|(_, one)| {
                if let Some(rule) = rule {
                    return rule.target() == one.name;
                }
                let mut names = one.identifiers.names.iter();
                names.any(|name| contains_word(value, name))
            });
            if let Some((at, _)) = known {
                names.by_value.insert(value.to_owned(), at);
            }
        }
        let texts: BTreeSet<&str> = values.iter().filter_map(|bucket| bucket.value()).collect();
        names.told_apart = texts.len() > 1;
        let alone: Vec<Option<&str>> = rows
            .iter()
            .take(endpoints.declared().len())
            .map(|row| sole(&row.seen))
            .collect();
        for (at, value) in alone.iter().enumerate() {
            let Some(value) = value.filter(|value| !names.by_value.contains_key(*value)) else {
                continue;
            };
            let mine = alone.iter().filter(|other| **other == Some(value)).count() == 1;
            if mine && names.told_apart {
                names.learned.insert(value.to_owned(), at);
            }
        }
        names
    }

    fn landed(&self, bucket: &Bucket) -> Landed {
        let value = bucket.value().filter(|_| is_value(bucket));
        let known = value.and_then(|value| self.by_value.get(value).or(self.learned.get(value)));
        match (known, value) {
            (Some(at), _) => Landed::Endpoint(*at),
            (None, Some(value)) if bucket.status < 500 => Landed::Other(value.to_owned()),
            _ => Landed::Proxy(bucket.status, text(bucket)),
        }
    }

    /// Judges one row.
    #[must_use]
    pub fn judge(&self, row: &SeenRow, endpoints: &Expected, policy: &Policy) -> JudgedRow {
        let mut counts: BTreeMap<Landed, u64> = BTreeMap::new();
        for (bucket, tally) in &row.seen.tallies {
            *counts.entry(self.landed(bucket)).or_default() += tally.count;
        }
        let (outcome, reason) = match row.landing {
            _ if row.seen.answered() == 0 => {
                (Outcome::NoData, "no request was answered".to_owned())
            }
            Landing::Endpoint(at) => {
                let name = &endpoints.declared()[at].name;
                let own = |landed: &Landed| *landed == Landed::Endpoint(at);
                self.every_time(&row.seen, &counts, &format!("landed on {name}"), own)
            }
            Landing::Status(status) => {
                let own =
                    |landed: &Landed| matches!(landed, Landed::Proxy(own, _) if *own == status);
                self.every_time(&row.seen, &counts, &format!("got {status}"), own)
            }
            Landing::Hashed => {
                let own =
                    |landed: &Landed| matches!(landed, Landed::Endpoint(_) | Landed::Other(_));
                self.every_time(&row.seen, &counts, "landed on an endpoint", own)
            }
            Landing::Fallback => self.split(&row.seen, &counts, endpoints, policy),
        };
        JudgedRow {
            outcome,
            reason,
            landed: counts.into_iter().collect(),
        }
    }

    /// What must hold of every request.
    fn every_time(
        &self,
        seen: &Observation,
        counts: &BTreeMap<Landed, u64>,
        what: &str,
        own: impl Fn(&Landed) -> bool,
    ) -> (Outcome, String) {
        let right: u64 = counts
            .iter()
            .filter(|(landed, _)| own(landed))
            .map(|(_, n)| n)
            .sum();
        let answered = seen.answered();
        let of = format!("{right} of {answered} {what}");
        if right == answered && seen.failed() == 0 {
            let most = percent(upper(0, answered, DOUBT));
            return (Outcome::Pass, format!("{of}: misses below {most} at 95 %"));
        }
        if right == answered {
            let failed = counted(seen.failed(), "request");
            return (
                Outcome::Inconclusive,
                format!("{of}, and {failed} got no response"),
            );
        }
        if !self.told_apart
            && counts
                .keys()
                .all(|landed| matches!(landed, Landed::Other(_)))
        {
            let reason = "every response says the same, whichever endpoint is named: --bucket chooses what tells endpoints apart";
            return (Outcome::Inconclusive, reason.to_owned());
        }
        (Outcome::Diverged, of)
    }

    /// A row that the proxy balances over all endpoints.
    fn split(
        &self,
        seen: &Observation,
        counts: &BTreeMap<Landed, u64>,
        endpoints: &Expected,
        policy: &Policy,
    ) -> (Outcome, String) {
        let named = counts
            .keys()
            .any(|landed| matches!(landed, Landed::Endpoint(_)));
        if !named
            && counts
                .keys()
                .any(|landed| matches!(landed, Landed::Other(_)))
        {
            let reason = "nothing says which endpoints responded: --bucket chooses what tells them apart, --map VALUE=ENDPOINT says which is which";
            return (Outcome::Inconclusive, reason.to_owned());
        }
        let proxy: u64 = (counts.iter())
            .filter(|(landed, _)| matches!(landed, Landed::Proxy(..)))
            .map(|(_, n)| n)
            .sum();
        if proxy == seen.answered() {
            return (
                Outcome::Diverged,
                "the proxy responded itself, and picked no endpoint".to_owned(),
            );
        }
        let buckets = seen.tallies.keys();
        let known = buckets.filter_map(|bucket| match self.landed(bucket) {
            Landed::Endpoint(at) => Some((bucket.clone(), at)),
            _ => None,
        });
        let mapping = Mapping::found(known, []);
        let sorted = Attribution::new(seen, Some((endpoints, &mapping)));
        let evidence = Evidence {
            declared: Some((endpoints, &mapping)),
            seen,
            attribution: &sorted,
            hypotheses: &[],
            key: None,
        };
        let verdict = judge(evidence, policy, None);
        (verdict.outcome, verdict.reason)
    }
}

/// Rows of an endpoint that only the proxy may pick: what a client names must change nothing. The rows that name one endpoint
/// alone come first.
#[must_use]
pub fn picked_by_clients(rows: &[SeenRow], endpoints: usize) -> bool {
    let alone: BTreeSet<&str> = (rows.iter().take(endpoints))
        .filter_map(|row| sole(&row.seen))
        .collect();
    endpoints > 1 && alone.len() == endpoints
}

/// What all responses say, where that is one thing, and none is an error.
fn sole(seen: &Observation) -> Option<&str> {
    let mut buckets = seen.tallies.keys();
    let first = buckets
        .next()
        .filter(|bucket| is_value(bucket) && bucket.status < 500)?;
    buckets.next().is_none().then(|| first.value()).flatten()
}

fn is_value(bucket: &Bucket) -> bool {
    matches!(bucket.identity, Identity::Value(_)) && bucket.local_reply().is_none()
}

/// `503 UH`
fn text(bucket: &Bucket) -> String {
    let flag = bucket.local_reply().and_then(|(flag, _)| flag);
    let flag = flag.and_then(|flag| serde_json::to_value(flag).ok());
    match flag.as_ref().and_then(serde_json::Value::as_str) {
        Some(flag) => format!("status {} {flag}", bucket.status),
        None => format!("status {}", bucket.status),
    }
}
