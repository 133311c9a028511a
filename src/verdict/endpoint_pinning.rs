//! Requests that a key pins to an endpoint inside of whichever target is drawn for them: as Istio hashes. Whether the same key
//! always gets the same endpoint of a target is a question of its own; the targets are split by request, as ever.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::attribution::{Classification, classify};
use super::mapping::Mapping;
use super::pinning::{Answer, PinnedTo, Pinning, repeats_needed, stickiness};
use super::{Number, Outcome, Policy, Verdict};
use crate::observe::Observation;
use crate::split::{Bucket, Expected};
use crate::stats::interval;

/// More different values of a target are no names of endpoints: something else tells responses apart.
const MOST_ENDPOINTS: usize = 60;
/// Repeated requests beyond those that are needed on average, since how many land at the target of the one before is chance.
const SPARE: f64 = 1.25;

impl Pinning {
    /// Judges counts whose log has the number of the key in the place of the connection, by the values that responses say.
    /// `split` is what they mean for the targets.
    #[must_use]
    pub fn of_endpoints(
        key: &str,
        (expected, mapping): (&Expected, &Mapping),
        seen: &Observation,
        policy: &Policy,
        split: &Verdict,
    ) -> Self {
        let targets = expected.declared().len();
        let values: BTreeMap<&str, usize> = (seen.tallies.keys().filter_map(Bucket::value))
            .zip(0..)
            .collect();
        let place = |bucket: &Bucket| match classify(bucket, Some((expected, mapping))) {
            Classification::Target(target) => Some((target, *values.get(bucket.value()?)?)),
            _ => None,
        };
        let mut last: HashMap<(u32, usize), usize> = HashMap::new();
        let mut endpoints = vec![BTreeSet::new(); targets];
        let (mut counts, mut repeats, mut flips) = (vec![0; targets], 0, 0);
        for record in seen.log.in_order(place) {
            let Some((target, endpoint)) = record.of else {
                continue;
            };
            endpoints[target].insert(endpoint);
            match last.insert((record.connection, target), endpoint) {
                None => counts[target] += 1,
                Some(before) => {
                    repeats += 1;
                    flips += u64::from(before != endpoint);
                }
            }
        }
        let policy = Policy {
            alpha: policy.alpha / 2.0,
            number: Number::Fixed,
            ..*policy
        };
        let keys: BTreeSet<u32> = last.keys().map(|(key, _)| *key).collect();
        let most = endpoints.iter().map(BTreeSet::len).max().unwrap_or(0);
        Self {
            key: key.to_owned(),
            to: PinnedTo::Endpoint,
            keys: keys.len() as u64,
            repeats,
            flips,
            flips_at_most: interval::upper(flips, repeats, policy.beta),
            stickiness: match most {
                0 | 1 => open(
                    "responses name no two endpoints of one target, so that it cannot be seen whether keys stay with theirs \
                     (--bucket with a header that names the pod, or --bucket endpoint, tells them apart)",
                ),
                MOST_ENDPOINTS.. => open(
                    "responses say more different things than there are endpoints, so that it cannot be seen whether keys stay with \
                     theirs (--bucket chooses what names the pod)",
                ),
                _ => stickiness(flips, repeats, PinnedTo::Endpoint, &policy),
            },
            shares: Answer {
                outcome: split.outcome,
                reason: split.reason.clone(),
            },
            counts,
            endpoints: endpoints.iter().map(|own| own.len() as u64).collect(),
            keys_needed: None,
        }
    }

    /// The verdict about the targets, with the answer about endpoints: the worse of the two decides.
    #[must_use]
    pub fn beside(&self, split: Verdict) -> Verdict {
        let order = [
            Outcome::Diverged,
            Outcome::NoData,
            Outcome::Inconclusive,
            Outcome::Pass,
        ];
        let own = [self.stickiness.outcome, split.outcome];
        let worst = order.into_iter().find(|outcome| own.contains(outcome));
        Verdict {
            outcome: worst.unwrap_or(split.outcome),
            method: Some("pinning".to_owned()),
            reason: format!("{}; {}", self.stickiness.reason, split.reason),
            ..split
        }
    }

    /// How many requests answer the question about endpoints: so many repeat one whose target was the same. A key is sent twice, or
    /// one of so many users as often as it takes.
    #[must_use]
    pub fn requests_to_endpoints(expected: &Expected, policy: &Policy, users: Option<u64>) -> u64 {
        let same: f64 = expected
            .declared()
            .iter()
            .map(|own| own.share.as_f64().powi(2))
            .sum();
        let needed = (repeats_needed(policy) as f64 / same.max(0.01) * SPARE).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of requests"
        )]
        let repeated = needed as u64;
        users.unwrap_or(repeated).saturating_add(repeated)
    }
}

fn open(reason: &str) -> Answer {
    Answer {
        outcome: Outcome::Inconclusive,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::RequestRecord;
    use crate::split::{Identity, parse_weights};
    use crate::verdict::mapping::MapRule;

    /// What came back for these keys, in this order, where pods are called by their version.
    fn judged(weights: &str, seen: impl Iterator<Item = (u32, String)>) -> Pinning {
        let expected = parse_weights(&[weights.to_owned()]).expect("weights");
        let mut observation = Observation::default();
        for (sequence, (key, pod)) in (0..).zip(seen) {
            let bucket = Bucket {
                identity: Identity::Value(pod),
                status: 200,
            };
            observation.log.push(RequestRecord {
                sequence,
                connection: key,
                bucket: Some(&bucket),
                latency: None,
            });
            observation.tallies.entry(bucket).or_default().count += 1;
            observation.sent += 1;
        }
        let rules: Vec<MapRule> = ["/^v1-/=v1", "/^v2-/=v2"]
            .map(|text| text.parse().expect("a rule"))
            .into();
        let mapping = Mapping::derive(&expected, &rules, observation.tallies.keys());
        let mapping = mapping.expect("pods are known");
        let policy = Policy::default();
        let split = Verdict::without_counts(Outcome::Pass, &policy);
        Pinning::of_endpoints(
            "header x-user",
            (&expected, &mapping),
            &observation,
            &policy,
            &split,
        )
    }

    /// Each key again and again; every other request is of `v2`, whatever the key.
    fn repeated(keys: u32, times: u32) -> impl Iterator<Item = (u32, &'static str)> {
        let target = |at: u32| if at.is_multiple_of(2) { "v1" } else { "v2" };
        (0..times).flat_map(move |time| (0..keys).map(move |key| (key, target(key + time))))
    }

    #[test]
    fn keys_that_stay_with_a_pod_of_each_target_pass_though_targets_are_drawn() {
        let seen = repeated(200, 8).map(|(key, target)| (key, format!("{target}-{}", key % 3)));
        let pinning = judged("v1=1,v2=1", seen);
        assert_eq!(pinning.stickiness.outcome, Outcome::Pass, "{pinning:#?}");
        assert_eq!(
            (pinning.keys, pinning.repeats, pinning.flips),
            (200, 1200, 0)
        );
        assert_eq!(pinning.endpoints, [3, 3]);
    }

    #[test]
    fn pods_in_turn_are_not_sticky() {
        let seen = (0_u32..).zip(repeated(200, 8));
        let seen = seen.map(|(at, (key, target))| (key, format!("{target}-{}", at % 7)));
        let pinning = judged("v1=1,v2=1", seen);
        assert_eq!(
            pinning.stickiness.outcome,
            Outcome::Diverged,
            "{pinning:#?}"
        );
        assert!(pinning.flips > 0);
        let split = Verdict::without_counts(Outcome::Pass, &Policy::default());
        assert_eq!(pinning.beside(split).outcome, Outcome::Diverged);
    }

    #[test]
    fn where_a_target_has_one_name_nothing_is_shown() {
        let seen = repeated(200, 8).map(|(key, target)| (key, format!("{target}-0")));
        let pinning = judged("v1=1,v2=1", seen);
        assert_eq!(pinning.stickiness.outcome, Outcome::Inconclusive);
        assert_eq!(pinning.flips, 0);
    }

    #[test]
    fn a_name_for_each_response_names_no_pod() {
        let seen = (0_u32..).zip(repeated(200, 8));
        let seen = seen.map(|(at, (key, target))| (key, format!("{target}-{at}")));
        let pinning = judged("v1=1,v2=1", seen);
        assert_eq!(
            pinning.stickiness.outcome,
            Outcome::Inconclusive,
            "{pinning:#?}"
        );
    }
}
