//! What responses must say beside where they are from: read from each, and counted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::bucket::{Bucketer, Extract, Reply};
use crate::cli::cases::CaseResult;
use crate::observe::Observation;
use crate::report::suite::DifferenceRow;
use crate::split::Expected;
use crate::suite::{FieldCheck, Part};
use crate::units::counted;
use crate::verdict::Outcome;

/// What is kept of a value that is not as it must be, in characters: several of them stand in one text.
const LONGEST_FOUND: usize = 48;

/// Reads what of a response is not as it must be.
#[derive(Debug)]
struct Deviations(Vec<FieldCheck>);

/// What of a response is not as it must be: the position of the check, and what was found.
type Found = Vec<(usize, String)>;

impl Extract for Deviations {
    fn extract<'r>(&self, reply: &Reply<'r>) -> Option<Cow<'r, str>> {
        let checks = self.0.iter().enumerate();
        let found: Found = checks
            .filter_map(|(at, check)| Some((at, deviation(check, reply)?)))
            .collect();
        serde_json::to_string(&found).ok().map(Cow::Owned)
    }
}

/// What a response says in the place of what it must say.
fn deviation(check: &FieldCheck, reply: &Reply<'_>) -> Option<String> {
    let values: Vec<Cow<'_, str>> = match &check.part {
        Part::Header(name) => (reply.headers.all(name))
            .map(String::from_utf8_lossy)
            .collect(),
        Part::Body => vec![String::from_utf8_lossy(reply.body.trim_ascii())],
    };
    let texts: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    if check.holds(&texts) {
        return None;
    }
    Some(match &texts[..] {
        [] => "none".to_owned(),
        texts => {
            let all = texts.join("`, `");
            let short: String = all.chars().take(LONGEST_FOUND).collect();
            let more = if short.len() < all.len() { "…" } else { "" };
            format!("`{short}{more}`")
        }
    })
}

/// Counts responses by what of them is not as it must be.
pub(super) fn bucketer(checks: &[FieldCheck]) -> Bucketer {
    Bucketer::of(Box::new(Deviations(checks.to_vec())))
}

/// Where the proxy answers everything by itself: responses with another status, unless there are as few of them as responses that
/// nobody can name may be. That they are from elsewhere is not known otherwise: they need not say anything.
pub(super) fn status(expected: &Expected, found: &CaseResult) -> Option<DifferenceRow> {
    let targets = expected.declared().iter();
    let targets = targets.filter(|own| !own.share.is_zero());
    let wanted: Option<Vec<u16>> = targets.map(|own| own.target.status()).collect();
    let wanted = wanted?;
    let seen = &found.observation.seen;
    let mut others: BTreeMap<u16, u64> = BTreeMap::new();
    for (bucket, tally) in &seen.tallies {
        if !wanted.contains(&bucket.status) {
            *others.entry(bucket.status).or_default() += tally.count;
        }
    }
    let (all, count) = (seen.answered(), others.values().sum::<u64>());
    let (most, _) = others.iter().max_by_key(|(_, count)| **count)?;
    let few = count as f64 <= found.policy.max_unattributed * all as f64;
    let wanted: Vec<String> = wanted.iter().map(u16::to_string).collect();
    let more = if others.len() > 1 { " and others" } else { "" };
    (!few && found.verdict.outcome != Outcome::Diverged).then(|| DifferenceRow {
        what: "status".to_owned(),
        expected: wanted.join(" or "),
        found: format!("{most}{more} in {count} of {}", counted(all, "response")),
    })
}

/// What of the responses was not as it must be.
pub(super) fn differences(checks: &[FieldCheck], seen: &Observation) -> Vec<DifferenceRow> {
    let mut wrong: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new(); checks.len()];
    for (bucket, tally) in &seen.tallies {
        let found: Option<Found> =
            (bucket.value()).and_then(|value| serde_json::from_str(value).ok());
        // More different values than are kept apart: some check does not hold, and which is not known.
        let found = found.unwrap_or_else(|| {
            let all = 0..checks.len();
            all.map(|at| (at, "other values".to_owned())).collect()
        });
        for (at, value) in found {
            if let Some(wrong) = wrong.get_mut(at) {
                *wrong.entry(value).or_default() += tally.count;
            }
        }
    }
    let all = seen.answered();
    let rows = checks.iter().zip(wrong);
    rows.filter_map(|(check, wrong)| {
        let count: u64 = wrong.values().sum();
        let (most, _) = wrong.iter().max_by_key(|(_, count)| **count)?;
        let others = if wrong.len() > 1 { " and others" } else { "" };
        Some(DifferenceRow {
            what: check.what.clone(),
            expected: format!("{} {}", check.part, check.expected()),
            found: format!("{most}{others} in {count} of {}", counted(all, "response")),
        })
    })
    .collect()
}
