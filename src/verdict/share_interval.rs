//! How the intervals of shares come about, so that they hold where they stand: after a run that ended when its result was
//! certain, and where responses resemble each other.

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::{Balancing, Policy, Unit};
use crate::stats::clusters;
use crate::stats::dependence;
use crate::stats::interval::{clopper_pearson, clopper_pearson_worth};
use crate::stats::sequential::confidence_worth;

/// The share around which the prior of a confidence sequence lies where nothing is declared.
const UNDECLARED: f64 = 0.01;

/// What the intervals of shares are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareIntervals {
    /// Their method.
    pub method: IntervalMethod,
    /// What they count: responses, or connections by their first response.
    pub over: Unit,
    /// So many responses are worth one independent one.
    pub design_effect: f64,
}

/// A kind of interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalMethod {
    /// Exact after a number of responses that was fixed before (Clopper & Pearson 1934).
    #[default]
    ClopperPearson,
    /// Holds at all times together, and so whenever a run ends (Robbins 1970).
    ConfidenceSequence,
}

impl Default for ShareIntervals {
    fn default() -> Self {
        Self {
            method: IntervalMethod::default(),
            over: Unit::Response,
            design_effect: 1.0,
        }
    }
}

impl ShareIntervals {
    /// Those of independent responses.
    #[must_use]
    pub fn of_responses(watched: bool) -> Self {
        let method = if watched {
            IntervalMethod::ConfidenceSequence
        } else {
            IntervalMethod::ClopperPearson
        };
        Self {
            method,
            ..Self::default()
        }
    }

    /// Those of a case.
    pub(super) fn of(case: &Case<'_>) -> Self {
        let own = Self::of_responses(case.watch.is_some());
        // Connections that got one target each by chance, since there is hardly anything else, are no draws.
        let stick =
            case.balancing != Balancing::Request || case.purity.suspicious_at(case.policy.beta);
        match case.unit {
            dependence::Unit::Connection if stick => Self {
                over: Unit::Connection,
                ..own
            },
            dependence::Unit::Clustered { .. } => Self {
                design_effect: clusters::design_effect_of_shares(&case.rows, case.policy.alpha),
                ..own
            },
            dependence::Unit::Connection | dependence::Unit::Response => Self {
                design_effect: case.order.design_effect(),
                ..own
            },
        }
    }

    /// The interval of the share of `count` of `n` of what is counted, at `1 - alpha`, which is shared out over the targets with
    /// a share where there are more than two; `declared` is its share, if one is declared.
    #[must_use]
    pub fn interval(
        &self,
        policy: &Policy,
        targets: usize,
        (count, n): (u64, u64),
        declared: Option<f64>,
    ) -> [f64; 2] {
        let comparisons = if targets > 2 { targets as f64 } else { 1.0 };
        let alpha = policy.alpha / comparisons;
        let (x, size) = (
            count as f64 / self.design_effect,
            n as f64 / self.design_effect,
        );
        let interval = match self.method {
            IntervalMethod::ConfidenceSequence => {
                let around = match declared {
                    Some(share) if share >= 1.0 => 1.0 - UNDECLARED,
                    Some(share) if share > 0.0 => share,
                    _ => UNDECLARED,
                };
                confidence_worth(x, size, around, alpha)
            }
            IntervalMethod::ClopperPearson if self.design_effect > 1.0 => {
                clopper_pearson_worth(x, size, alpha)
            }
            IntervalMethod::ClopperPearson => clopper_pearson(count, n, alpha),
        };
        [interval.lo, interval.hi]
    }
}
