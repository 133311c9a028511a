//! Whether the responses of a closed loop queued: then its latencies say how many connections there were, and little about
//! the server. Only objectives for latencies make that worth a word (see `slo`).

use hdrhistogram::Histogram;

use super::Caveat;
use crate::observe::{Observation, Tally};
use crate::stats::rate::{Errors, fisher};
use crate::units::seconds;

/// The part of the responses that is compared: the fastest tenth waited least for others.
const FASTEST: f64 = 0.1;
/// By so many times, and at least by so much (in microseconds), has the fastest tenth to get slower.
const TIMES: u64 = 2;
const LEAST: u64 = 1000;
/// The chance of a word where the first responses are like all others.
const ALPHA: f64 = 0.001;

/// A word about latencies that are those of a queue. The first requests, one for each that may be under way, meet a server at
/// rest, so that the first of them are answered without a queue; whatever comes later finds all connections busy. A server
/// with room for all of them answers both alike, however slow it is.
pub(super) fn caveat(seen: &Observation) -> Option<Caveat> {
    let first = seen.first_batch.as_ref()?;
    let mut all = Tally::default();
    seen.tallies.values().for_each(|own| all.merge(own));
    let mut later = all.latency.clone();
    later.subtract(first).ok()?;
    if first.is_empty() || later.is_empty() {
        return None;
    }
    let (rest, busy) = (fastest(first), fastest(&later));
    let slower = busy >= TIMES * rest && busy - rest > LEAST;
    if !slower || chance(first, &later, &all.latency) > ALPHA {
        return None;
    }
    let time = |micros: u64| seconds(micros as f64 / 1e6);
    Some(Caveat {
        id: "latency-at-saturation".to_owned(),
        message: format!(
            "the latencies are those of a queue: the fastest tenth of the first {} responses took at most {}, that of the {} \
             later ones {}; measure at a rate that the server can take (-q RATE), or over fewer connections (-c)",
            first.len(),
            time(rest),
            later.len(),
            time(busy)
        ),
    })
}

fn fastest(latencies: &Histogram<u64>) -> u64 {
    latencies.value_at_quantile(FASTEST)
}

/// How likely so many of the fastest responses would be among the first, were the first like all others (Fisher's exact
/// test). Taken are about as many of the fastest as there are first ones, so that where to cut is no choice.
fn chance(first: &Histogram<u64>, later: &Histogram<u64>, all: &Histogram<u64>) -> f64 {
    let wanted = first.len();
    let (mut before, mut limit) = (0, 0);
    for cell in all.iter_recorded() {
        let with = before + cell.count_at_value();
        // Responses of a cell are taken or left together.
        if with > wanted && with - wanted > wanted - before {
            break;
        }
        (before, limit) = (with, all.highest_equivalent(cell.value_iterated_to()));
        if before >= wanted {
            break;
        }
    }
    let fast = |latencies: &Histogram<u64>| Errors {
        errors: latencies.count_between(0, limit),
        n: latencies.len(),
    };
    fisher(fast(later), fast(first)).second_greater
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::histogram;
    use crate::split::{Bucket, Identity};
    use crate::stats::sampler::Sampler;

    /// What was seen of a closed loop: the first responses and the later ones, in microseconds.
    fn seen(first: &[u64], later: &[u64]) -> Observation {
        let (mut batch, mut tally) = (histogram(), Tally::default());
        for micros in first {
            batch.record(*micros).expect("it grows");
        }
        for micros in first.iter().chain(later) {
            tally.count += 1;
            tally.latency.record(*micros).expect("it grows");
        }
        let bucket = Bucket {
            identity: Identity::Value("v1".into()),
            status: 200,
        };
        Observation {
            sent: tally.count,
            tallies: [(bucket, tally)].into(),
            first_batch: Some(batch),
            ..Observation::default()
        }
    }

    /// One after another, each `work` microseconds, for so many connections: the first batch queues up, then everybody waits
    /// for all others.
    fn one_at_a_time(connections: u64, work: u64) -> Observation {
        let first: Vec<u64> = (1..=connections).map(|place| place * work).collect();
        seen(&first, &vec![connections * work; 2000])
    }

    #[test]
    fn a_server_that_works_on_one_request_at_a_time_queues() {
        let said = caveat(&one_at_a_time(100, 2000)).expect("a queue").message;
        assert_eq!(
            said,
            "the latencies are those of a queue: the fastest tenth of the first 100 responses took at most 20ms, that of the \
             2000 later ones 200ms; measure at a rate that the server can take (-q RATE), or over fewer connections (-c)"
        );
        assert!(caveat(&one_at_a_time(10, 2000)).is_some());
        // One at a time waits for nobody.
        assert_eq!(caveat(&one_at_a_time(1, 2000)), None);
    }

    #[test]
    fn a_server_that_is_slow_for_everybody_alike_does_not() {
        assert_eq!(caveat(&seen(&[300_000; 100], &[300_500; 900])), None);
        // Warming up is the other way round.
        assert_eq!(caveat(&seen(&[90_000; 100], &[3000; 900])), None);
        // What is within the noise of a timer is no queue.
        assert_eq!(caveat(&seen(&[100; 100], &[900; 900])), None);
        // An open loop has no first batch, and a run that is over with it no later one.
        assert_eq!(caveat(&Observation::default()), None);
        assert_eq!(caveat(&seen(&[2000; 100], &[])), None);
    }

    /// Exponential latencies: the fastest of ten is often a third of what a tenth of many takes.
    #[test]
    fn few_first_responses_that_are_fast_by_chance_are_not_taken_for_a_queue() {
        let mut sampler = Sampler::new(3);
        let mut draw = |n: usize| -> Vec<u64> {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive and small"
            )]
            let micros = |u: f64| (-(1.0 - u).ln() * 50_000.0).ceil() as u64;
            (0..n).map(|_| micros(sampler.uniform())).collect()
        };
        let runs = 2000;
        let noted = (0..runs).filter(|_| caveat(&seen(&draw(10), &draw(300))).is_some());
        // At most one in a thousand; nine of 2000 would be one chance in ten thousand.
        assert!(noted.count() < 9);
    }
}
