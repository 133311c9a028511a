//! Requests that a key pins to a target. Two questions, each with a test of its own: whether the same key always gets the same
//! target, and whether the keys are split as declared. A proxy may keep every user and still give all of them to one version.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::attribution::{Classification, classify};
use super::mapping::Mapping;
use super::{Number, Outcome, Policy, Unit, Verdict, blank};
use crate::observe::Observation;
use crate::split::Expected;
use crate::stats::design::Design;
use crate::stats::{binomial, interval};
use crate::units::{counted, percent};

/// The part of repeated requests that may go elsewhere in a pass, unless a resolution is asked for.
const FLIPS: f64 = 0.01;
/// Numbers of keys above this are not worth proposing.
const MOST_KEYS: f64 = 1e7;

/// What a key pins requests to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinnedTo {
    /// A target.
    #[default]
    Target,
    /// An endpoint of whichever target is drawn for the request.
    Endpoint,
}

/// What pins requests, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedBy {
    /// What the key is: `header x-user`.
    pub key: String,
    /// What it pins requests to.
    pub to: PinnedTo,
}

/// Whether a key decides which target a request gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pinning {
    /// What the key is: `header x-user`.
    pub key: String,
    /// What it pins requests to.
    #[serde(default)]
    pub to: PinnedTo,
    /// Keys with a response that has a target.
    pub keys: u64,
    /// Responses to keys that had one before.
    pub repeats: u64,
    /// How many of them came from another target than the one before.
    pub flips: u64,
    /// The part of such responses that is not ruled out, at the confidence `1 - beta`.
    pub flips_at_most: f64,
    /// Whether the same key always gets the same target.
    pub stickiness: Answer,
    /// Whether the keys are split as declared: the unit is a key, by its first response.
    pub shares: Answer,
    /// Keys by target, in the order of the declaration.
    pub counts: Vec<u64>,
    /// Endpoints by target that responses name, where keys are pinned to those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<u64>,
    /// About how many keys would settle an open question about the shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_needed: Option<u64>,
}

/// The answer to one of the questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was found.
    pub outcome: Outcome,
    /// That in a sentence.
    pub reason: String,
}

impl Pinning {
    /// Judges counts whose log has the number of the key in the place of the connection.
    #[must_use]
    pub fn of(
        key: &str,
        (expected, mapping): (&Expected, &Mapping),
        seen: &Observation,
        policy: &Policy,
    ) -> Self {
        let targets = expected.declared().len();
        let ordered =
            seen.log
                .in_order(|bucket| match classify(bucket, Some((expected, mapping))) {
                    Classification::Target(index) => Some(index),
                    _ => None,
                });
        let mut last: HashMap<u32, usize> = HashMap::new();
        let (mut counts, mut repeats, mut flips) = (vec![0; targets], 0, 0);
        for record in ordered {
            let Some(target) = record.of else { continue };
            match last.insert(record.connection, target) {
                None => counts[target] += 1,
                Some(before) => {
                    repeats += 1;
                    flips += u64::from(before != target);
                }
            }
        }
        // Each of the two questions has half of the error rate.
        let policy = Policy {
            alpha: policy.alpha / 2.0,
            number: Number::Fixed,
            ..*policy
        };
        let (shares, keys_needed) = shares(expected, &counts, &policy);
        Self {
            key: key.to_owned(),
            to: PinnedTo::Target,
            endpoints: Vec::new(),
            keys: counts.iter().sum(),
            repeats,
            flips,
            flips_at_most: interval::upper(flips, repeats, policy.beta),
            stickiness: stickiness(flips, repeats, PinnedTo::Target, &policy),
            shares,
            counts,
            keys_needed,
        }
    }

    /// Both answers as one verdict; `undeclared` responses came from what is not declared.
    #[must_use]
    pub fn verdict(&self, undeclared: u64, policy: &Policy) -> Verdict {
        let answers = [&self.stickiness, &self.shares];
        let found = |outcome: Outcome| answers.iter().any(|own| own.outcome == outcome);
        let unexpected = undeclared > policy.allow_unexpected;
        let outcome = match () {
            () if unexpected => Outcome::Diverged,
            () if self.keys == 0 => Outcome::NoData,
            () if found(Outcome::Diverged) => Outcome::Diverged,
            () if found(Outcome::Inconclusive) => Outcome::Inconclusive,
            () => Outcome::Pass,
        };
        let undeclared = unexpected.then(|| {
            format!(
                "{} came from what is not declared",
                counted(undeclared, "response")
            )
        });
        let reasons = answers.iter().map(|own| own.reason.clone());
        let reasons: Vec<String> = undeclared.into_iter().chain(reasons).collect();
        Verdict {
            method: Some("pinning".to_owned()),
            unit: Unit::Key,
            reason: reasons.join("; "),
            ..blank(outcome, policy)
        }
    }

    /// How many requests answer both questions: each key twice, of as many keys as the shares take, or of so many.
    #[must_use]
    pub fn requests(expected: &Expected, policy: &Policy, keys: Option<u64>) -> u64 {
        let policy = Policy {
            alpha: policy.alpha / 2.0,
            number: Number::Planned,
            ..*policy
        };
        let planned = || policy.design(expected, 0).requests_fixed();
        let keys = keys.unwrap_or_else(planned);
        keys.saturating_add(keys.max(repeats_needed(&policy)))
    }
}

/// Repeated requests without a flip that are enough for a pass.
pub(super) fn repeats_needed(policy: &Policy) -> u64 {
    let most = policy.resolution.unwrap_or(FLIPS).max(policy.tolerance);
    let needed = (policy.beta.ln() / (1.0 - most).ln()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of requests"
    )]
    let needed = needed.max(1.0) as u64;
    needed
}

/// Whether the same key always gets the same target. Where nothing is tolerated, one flip shows that it does not.
pub(super) fn stickiness(flips: u64, repeats: u64, to: PinnedTo, policy: &Policy) -> Answer {
    let place = match to {
        PinnedTo::Target => "target",
        PinnedTo::Endpoint => "endpoint",
    };
    let most = policy.resolution.unwrap_or(FLIPS).max(policy.tolerance);
    let tolerated = binomial::ln_ge(repeats, flips, policy.tolerance) >= policy.alpha.ln();
    let bound = interval::upper(flips, repeats, policy.beta);
    let of = counted(repeats, "repeated request");
    let (outcome, reason) = if flips > 0 && (policy.tolerance <= 0.0 || !tolerated) {
        let reason = format!(
            "keys do not stay with their {place}: {flips} of {of} got another one than the request before of the same key"
        );
        (Outcome::Diverged, reason)
    } else if repeats > 0 && bound <= most {
        let reason = format!(
            "keys stay with their {place}: {flips} of {of} got another one, and with {} confidence fewer than {} do",
            percent(1.0 - policy.beta),
            percent(bound)
        );
        (Outcome::Pass, reason)
    } else {
        let needed = repeats_needed(policy);
        let reason = format!(
            "{of} are too few to tell whether keys stay with their {place}: it takes {needed} without a change"
        );
        (Outcome::Inconclusive, reason)
    };
    Answer { outcome, reason }
}

/// Whether the keys are split as declared, and how many keys would settle it where that is open.
fn shares(expected: &Expected, counts: &[u64], policy: &Policy) -> (Answer, Option<u64>) {
    let keys: u64 = counts.iter().sum();
    let declared = expected.declared();
    let answer = |outcome, reason: String| Answer { outcome, reason };
    let forbidden = declared
        .iter()
        .zip(counts)
        .find(|(own, count)| own.share.is_zero() && **count > 0);
    if let Some((own, count)) = forbidden {
        let reason = format!(
            "{} went to `{}`, which is declared to get nothing",
            counted(*count, "key"),
            own.name
        );
        return (answer(Outcome::Diverged, reason), None);
    }
    let active: Vec<usize> = (0..declared.len())
        .filter(|at| !declared[*at].share.is_zero())
        .collect();
    if let [only] = active[..] {
        let reason = format!("all keys went to `{}`, as declared", declared[only].name);
        return (answer(Outcome::Pass, reason), None);
    }
    let own: Vec<u64> = active.iter().map(|at| counts[*at]).collect();
    let design = policy.design(expected, keys);
    if keys > 0 && design.p_diverged(&own, policy.seed).p < policy.alpha {
        let off =
            |at: &usize| (counts[*at] as f64 / keys as f64 - declared[*at].share.as_f64()).abs();
        let worst = active
            .iter()
            .copied()
            .max_by(|one, other| off(one).total_cmp(&off(other)));
        let worst = worst.unwrap_or_default();
        let reason = format!(
            "keys are not split as declared: `{}` has {} of {}, declared {}",
            declared[worst].name,
            percent(counts[worst] as f64 / keys as f64),
            counted(keys, "key"),
            percent(declared[worst].share.as_f64())
        );
        return (answer(Outcome::Diverged, reason), None);
    }
    if keys > 0 && design.can_pass() && design.p_equivalence(&own, 0) <= policy.beta {
        let resolution = design.resolution().into_iter().fold(0.0, f64::max);
        let reason = format!(
            "the shares over {} are the declared ones to within {:.1} points",
            counted(keys, "key"),
            resolution * 100.0
        );
        return (answer(Outcome::Pass, reason), None);
    }
    let needed = keys_needed(expected, keys, policy);
    let settle = needed.map_or_else(String::new, |needed| {
        format!("; about {needed} keys would settle it")
    });
    let reason = format!(
        "{} are too few to judge the shares over keys{settle}",
        counted(keys, "key")
    );
    (answer(Outcome::Inconclusive, reason), needed)
}

/// How many keys pass, if they are split as declared.
fn keys_needed(expected: &Expected, keys: u64, policy: &Policy) -> Option<u64> {
    let mut wanted = (keys as f64 * 1.1).max(20.0);
    while wanted <= MOST_KEYS {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of keys"
        )]
        let number = wanted.ceil() as u64;
        let design: Design = policy.design(expected, number);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of keys"
        )]
        let of = |share: &f64| (share * number as f64).round() as u64;
        let counts: Vec<u64> = design.shares().iter().map(of).collect();
        if design.can_pass() && design.p_equivalence(&counts, 0) <= policy.beta {
            return Some(number);
        }
        wanted *= 1.1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::RequestRecord;
    use crate::split::{Bucket, Identity, parse_weights};

    fn bucket(name: &str) -> Bucket {
        Bucket {
            identity: Identity::Value(name.to_owned()),
            status: 200,
        }
    }

    /// What came back for these keys, in this order.
    fn judged(
        weights: &str,
        seen: impl Iterator<Item = (u32, &'static str)>,
    ) -> (Pinning, Verdict) {
        let expected = parse_weights(&[weights.to_owned()]).expect("weights");
        let mut observation = Observation::default();
        for (sequence, (key, target)) in (0..).zip(seen) {
            let bucket = bucket(target);
            observation.log.push(RequestRecord {
                sequence,
                connection: key,
                bucket: Some(&bucket),
                latency: None,
            });
            observation.tallies.entry(bucket).or_default().count += 1;
            observation.sent += 1;
        }
        let mapping = Mapping::derive(&expected, &[], observation.tallies.keys());
        let mapping = mapping.expect("names are known");
        let policy = Policy::default();
        let pinning = Pinning::of(
            "header x-user",
            (&expected, &mapping),
            &observation,
            &policy,
        );
        let verdict = pinning.verdict(0, &policy);
        (pinning, verdict)
    }

    /// Every key twice; one in ten is of `v2`.
    fn tenth(key: u32) -> &'static str {
        if key.is_multiple_of(10) { "v2" } else { "v1" }
    }

    fn twice(keys: u32) -> impl Iterator<Item = u32> {
        (0..keys).chain(0..keys)
    }

    #[test]
    fn keys_that_stay_and_are_split_as_declared_pass() {
        let (pinning, verdict) = judged("v1=90,v2=10", twice(4000).map(|key| (key, tenth(key))));
        assert_eq!(verdict.outcome, Outcome::Pass, "{pinning:#?}");
        assert_eq!(
            (pinning.keys, pinning.repeats, pinning.flips),
            (4000, 4000, 0)
        );
        assert!(pinning.flips_at_most < 0.0012, "{}", pinning.flips_at_most);
    }

    #[test]
    fn a_proxy_that_ignores_the_key_is_not_sticky_though_the_shares_hold() {
        let seen = (0..).zip(twice(4000)).map(|(at, key)| (key, tenth(at)));
        // The second round begins at another place.
        let seen = seen.map(|(key, target)| (key * 7 % 4000, target));
        let (pinning, verdict) = judged("v1=90,v2=10", seen);
        assert_eq!(verdict.outcome, Outcome::Pass, "{pinning:#?}");
        let seen = (0_u32..)
            .zip(twice(4000))
            .map(|(at, key)| (key, tenth(at + at / 4000)));
        let (pinning, verdict) = judged("v1=90,v2=10", seen);
        assert_eq!(
            (
                verdict.outcome,
                pinning.stickiness.outcome,
                pinning.shares.outcome
            ),
            (Outcome::Diverged, Outcome::Diverged, Outcome::Pass),
            "{pinning:#?}"
        );
    }

    #[test]
    fn keys_that_stay_with_other_shares_diverge_by_the_shares_alone() {
        let seen = twice(4000).map(|key| (key, if key.is_multiple_of(2) { "v1" } else { "v2" }));
        let (pinning, verdict) = judged("v1=90,v2=10", seen);
        assert_eq!(
            (
                verdict.outcome,
                pinning.stickiness.outcome,
                pinning.shares.outcome
            ),
            (Outcome::Diverged, Outcome::Pass, Outcome::Diverged),
            "{pinning:#?}"
        );
        assert!(verdict.reason.contains("50%"), "{}", verdict.reason);
    }

    #[test]
    fn two_keys_are_too_few_and_it_is_said_how_many_are_enough() {
        let seen = (0..2000_u32).map(|at| (at % 2, "v1"));
        let (pinning, verdict) = judged("v1=90,v2=10", seen);
        assert_eq!(
            (
                verdict.outcome,
                pinning.stickiness.outcome,
                pinning.shares.outcome
            ),
            (Outcome::Inconclusive, Outcome::Pass, Outcome::Inconclusive)
        );
        let needed = pinning.keys_needed.expect("some number is enough");
        assert!(
            verdict.reason.contains(&needed.to_string()),
            "{}",
            verdict.reason
        );
        let needed = u32::try_from(needed).expect("few").next_multiple_of(10);
        let enough = judged("v1=90,v2=10", twice(needed).map(|key| (key, tenth(key))));
        assert_eq!(enough.1.outcome, Outcome::Pass, "{:#?}", enough.0);
    }

    #[test]
    fn few_repeats_leave_open_whether_keys_stay() {
        let (pinning, _) = judged("v1=90,v2=10", (0..4000).map(|key| (key, tenth(key))));
        assert_eq!(
            (pinning.stickiness.outcome, pinning.shares.outcome),
            (Outcome::Inconclusive, Outcome::Pass)
        );
    }
}
