//! Responses sorted under targets: attributed, undeclared or unattributed.

use std::collections::BTreeMap;

use super::mapping::Mapping;
use crate::observe::{Observation, Tally};
use crate::split::{Bucket, Expected};

pub use super::classification::{Classification, label_of};

/// Responses that are shown together.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The value as it is shown; an error answer without identity has its status in front.
    pub label: String,
    /// Where it belongs.
    pub place: Classification,
    /// How many responses had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// Where the manifests name what is not declared.
    pub origin: Option<String>,
    /// Count and latency.
    pub tally: Tally,
}

/// All responses, sorted.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// Targets in the order of the declaration, then the undeclared, then the unattributed; the largest first.
    pub rows: Vec<Row>,
    /// Responses by target, in the order of the declaration.
    pub counts: Vec<u64>,
    /// Responses of something that was not declared.
    pub undeclared: u64,
    /// Responses without identity, and requests without a response.
    pub unattributed: u64,
}

impl Attribution {
    /// Sorts an observation under the targets of a split, or only shows it when there is none.
    #[must_use]
    pub fn new(seen: &Observation, expected: Option<(&Expected, &Mapping)>) -> Self {
        let mut rows: BTreeMap<(Classification, String), Row> = BTreeMap::new();
        for (bucket, tally) in &seen.tallies {
            let place = classify(bucket, expected);
            let label = label_of(bucket, place, expected.map(|(expected, _)| expected));
            let row = rows.entry((place, label.clone())).or_insert_with(|| Row {
                label,
                place,
                statuses: BTreeMap::new(),
                origin: expected.and_then(|(_, mapping)| mapping.origin(bucket).map(str::to_owned)),
                tally: Tally::default(),
            });
            row.tally.merge(tally);
            *row.statuses.entry(bucket.status).or_default() += tally.count;
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        rows.sort_by(|a, b| {
            a.place
                .cmp(&b.place)
                .then(b.tally.count.cmp(&a.tally.count))
                .then_with(|| a.label.cmp(&b.label))
        });
        let of = |place: Classification| {
            rows.iter()
                .filter(|row| row.place == place)
                .map(|row| row.tally.count)
                .sum::<u64>()
        };
        let targets = expected.map_or(0, |(expected, _)| expected.declared().len());
        let counts = (0..targets)
            .map(|index| of(Classification::Target(index)))
            .collect();
        let (undeclared, unattributed) = (
            of(Classification::Undeclared),
            of(Classification::Unattributed) + seen.failed(),
        );
        Self {
            rows,
            counts,
            undeclared,
            unattributed,
        }
    }

    /// Responses whose target is known and declared.
    #[must_use]
    pub fn attributed(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Count and latency of one target, over all its rows.
    #[must_use]
    pub fn target(&self, index: usize) -> Tally {
        let mut sum = Tally::default();
        self.rows
            .iter()
            .filter(|row| row.place == Classification::Target(index))
            .for_each(|row| sum.merge(&row.tally));
        sum
    }
}

/// A known identity counts whatever its status; a status may be a target of its own; an error, a redirect or a missing
/// identity is nobody's; what is left was not declared.
#[must_use]
pub fn classify(bucket: &Bucket, expected: Option<(&Expected, &Mapping)>) -> Classification {
    let Some((expected, mapping)) = expected else {
        return if bucket.value().is_some() {
            Classification::Counted
        } else {
            Classification::Unattributed
        };
    };
    let by_status = || {
        expected
            .declared()
            .iter()
            .position(|declared| declared.target.status() == Some(bucket.status))
    };
    match mapping.target(bucket).or_else(by_status) {
        Some(target) => Classification::Target(target),
        None if mapping.origin(bucket).is_some() => Classification::Undeclared,
        None if bucket.is_error()
            || bucket.is_redirect()
            || bucket.value().is_none()
            || mapping.is_unknown() =>
        {
            Classification::Unattributed
        }
        None => Classification::Undeclared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{FailureCount, FailureKind};
    use crate::split::{Identifiers, Identity, LocalReply, LocalReplyCause, Mechanism, Target};

    fn seen(answers: &[(&str, u16, u64)], failed: u64) -> Observation {
        let mut seen = Observation::default();
        for (value, status, count) in answers {
            let identity = if *value == "-" {
                Identity::Missing
            } else {
                Identity::Value((*value).into())
            };
            seen.tallies.insert(
                Bucket {
                    identity,
                    status: *status,
                },
                Tally {
                    count: *count,
                    ..Tally::default()
                },
            );
            seen.sent += count;
        }
        seen.sent += failed;
        seen.failures.insert(
            FailureKind::Reset,
            FailureCount {
                count: failed,
                example: String::new(),
            },
        );
        seen
    }

    fn attributed(targets: Vec<Target>, seen: &Observation) -> Attribution {
        let parts = targets
            .into_iter()
            .map(|target| (target, 1, Identifiers::default()))
            .collect();
        let expected = Expected::from_weights("test", Mechanism::Iid, parts).expect("a split");
        let mapping = Mapping::derive(&expected, &[], seen.tallies.keys()).expect("clear");
        Attribution::new(seen, Some((&expected, &mapping)))
    }

    fn v1_v2() -> Vec<Target> {
        vec![Target::Named("v1".into()), Target::Named("v2".into())]
    }

    #[test]
    fn a_response_with_a_known_identity_counts_for_its_target_whatever_its_status() {
        let attribution = attributed(
            v1_v2(),
            &seen(&[("v1", 200, 90), ("v2", 200, 4), ("v2", 500, 6)], 0),
        );
        assert_eq!(
            (
                attribution.counts.as_slice(),
                attribution.undeclared,
                attribution.unattributed
            ),
            ([90, 10].as_slice(), 0, 0)
        );
        assert_eq!(
            attribution.rows[1].statuses,
            BTreeMap::from([(200, 4), (500, 6)])
        );
    }

    #[test]
    fn a_value_that_belongs_to_no_target_is_undeclared() {
        let attribution = attributed(v1_v2(), &seen(&[("v1", 200, 9), ("v3", 200, 1)], 0));
        assert_eq!(
            (
                attribution.attributed(),
                attribution.undeclared,
                attribution.unattributed
            ),
            (9, 1, 0)
        );
    }

    #[test]
    fn an_error_answer_without_identity_and_a_request_without_an_answer_are_unattributed() {
        let attribution = attributed(
            v1_v2(),
            &seen(
                &[
                    ("v1", 200, 9),
                    ("no healthy upstream", 503, 2),
                    ("-", 200, 1),
                ],
                4,
            ),
        );
        assert_eq!(
            (
                attribution.attributed(),
                attribution.undeclared,
                attribution.unattributed
            ),
            (9, 0, 7)
        );
        let labels: Vec<&str> = attribution
            .rows
            .iter()
            .map(|row| row.label.as_str())
            .collect();
        assert_eq!(labels, ["v1", "503 no healthy upstream", "(no identity)"]);
    }

    #[test]
    fn a_declared_status_is_a_target_like_any_other() {
        let targets = vec![
            Target::Named("v1".into()),
            Target::LocalReply(LocalReply {
                status: 503,
                cause: LocalReplyCause::FaultAbort,
            }),
        ];
        let attribution = attributed(
            targets,
            &seen(&[("v1", 200, 8), ("fault filter abort", 503, 2)], 0),
        );
        assert_eq!(
            (attribution.counts.as_slice(), attribution.unattributed),
            ([8, 2].as_slice(), 0)
        );
    }
}
