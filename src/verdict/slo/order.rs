//! The responses of a target one by one, in the order of dispatch: how much those that follow each other resemble each other.

use crate::observe::{LatencyCell, Observation};
use crate::split::Bucket;
use crate::stats::serial::{self, Spread, Worth};

/// A limit so many times as long as the slowest response lies beyond everything that a queue did to the others.
const FAR: f64 = 4.0;
/// So many responses below a limit, and none above it, leave their mean below it whatever its distribution.
const LEAST_BELOW: usize = 100;
/// The part of the responses that are slower than the limits at which a queue shows.
const BODY: [f64; 2] = [0.5, 0.1];

/// The requests of a target, as far as they are remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// Whether each ended in an error.
    errors: Vec<bool>,
    /// How long each response took, where that is known.
    latencies: Vec<LatencyCell>,
}

/// The spread of the responses in these buckets over all responses.
pub(super) fn spread_of_share(seen: &Observation, own: impl Fn(&Bucket) -> bool) -> Spread {
    let ended = seen.log.in_order(|bucket| Some(own(bucket)));
    let hits: Vec<bool> = ended.filter_map(|request| request.of).collect();
    Spread::of(&hits)
}

impl Order {
    /// Responses of which nothing but the latencies is known.
    pub(super) fn of_latencies(latencies: Vec<LatencyCell>) -> Self {
        Self {
            errors: Vec::new(),
            latencies,
        }
    }

    /// The requests in these buckets, in order; those without a response are errors where they are `all`.
    pub(super) fn of(seen: &Observation, all: bool, own: impl Fn(&Bucket) -> bool) -> Self {
        let ended = seen
            .log
            .in_order(|bucket| Some((own(bucket), bucket.status >= 400)));
        let mut order = Self::default();
        for request in ended {
            match request.of {
                Some((true, error)) => {
                    order.errors.push(error);
                    order.latencies.extend(request.latency);
                }
                None if all => order.errors.push(true),
                Some((false, _)) | None => {}
            }
        }
        order
    }

    pub(super) fn errors(&self) -> Spread {
        Spread::of(&self.errors)
    }

    /// Of how much responses that are slower than so many microseconds are worth: for "too many are", and for "few are".
    pub(super) fn slower(&self, micros: f64) -> Worth {
        let spread = self.spread(|cell| cell.bounds().1 as f64 > micros);
        let slowest = self
            .latencies
            .iter()
            .max()
            .map_or(0.0, |cell| cell.middle());
        if micros >= FAR * slowest {
            return spread.worth();
        }
        // The limit may lie beyond all that was seen; the queue that would reach it shows below.
        let queue = BODY.iter().map(|part| self.beyond(*part).design_effect);
        spread.worth().with_kept(queue.fold(1.0, f64::max))
    }

    /// The spread of the slowest responses, this part of all.
    pub(super) fn beyond(&self, part: f64) -> Spread {
        let mut sorted = self.latencies.clone();
        let Some(last) = sorted.len().checked_sub(1) else {
            return Spread::INDEPENDENT;
        };
        let rank = (1.0 - part) * last as f64;
        let rank = crate::stats::whole(rank).min(last as u64);
        let rank = usize::try_from(rank).unwrap_or(last);
        let (_, at, _) = sorted.select_nth_unstable(rank);
        let at = *at;
        self.spread(|cell| cell > at)
    }

    fn spread(&self, slow: impl Fn(LatencyCell) -> bool) -> Spread {
        let hits: Vec<bool> = self.latencies.iter().map(|cell| slow(*cell)).collect();
        Spread::of(&hits)
    }

    /// How many responses are worth one where their mean is meant.
    pub(super) fn of_mean(&self) -> f64 {
        serial::design_effect(&self.micros())
    }

    /// Whether a few responses carry the mean, so that it has no upper bound.
    pub(super) fn is_heavy(&self) -> bool {
        serial::is_heavy(&self.micros())
    }

    /// Whether so many responses, and none that is slower, show that their mean lies below a limit.
    pub(super) fn all_below(&self, micros: f64) -> bool {
        let below = |cell: &LatencyCell| (cell.bounds().1 as f64) < micros;
        let effective = self.latencies.len() as f64 / self.beyond(BODY[0]).design_effect;
        effective >= LEAST_BELOW as f64 && self.latencies.iter().all(below)
    }

    fn micros(&self) -> Vec<f64> {
        self.latencies.iter().map(|cell| cell.middle()).collect()
    }
}
