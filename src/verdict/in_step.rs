//! Workers of nginx that take turns in step: after a start each of them sends the rare target nothing for half a cycle, and all
//! of them do that together.

use crate::observe::Observation;
use crate::stats::design::Design;

/// Workers that are allowed for. Each is off by less than one response (smooth weighted round robin), and all together by less
/// than their number.
const WORKERS: f64 = 32.0;
/// How nginx says who it is.
const PLACE: &str = "header:server";
const SERVER: &str = "nginx";

/// Whether nginx responds, which shares out requests by turns.
pub(super) fn is_possible(seen: &Observation) -> bool {
    let mut places = seen.carried.few();
    places.any(|(place, values)| {
        place == PLACE && values.keys().any(|value| value.starts_with(SERVER))
    })
}

/// Whether workers in step can have led to the counts under an accepted split.
pub(super) fn explains(counts: &[u64], design: &Design) -> bool {
    let n = counts.iter().sum::<u64>() as f64;
    let (lo, hi) = design.tolerated();
    counts
        .iter()
        .zip(lo.iter().zip(&hi))
        .all(|(count, (lo, hi))| {
            let count = *count as f64;
            count > n * lo - WORKERS && count < n * hi + WORKERS
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::ValueCounts;
    use crate::stats::design::Resolution;

    #[test]
    fn nginx_is_known_by_what_it_says() {
        let saying = |server: &str| {
            let mut carried = ValueCounts::default();
            carried.push([(PLACE.to_owned(), server.to_owned())]);
            Observation {
                carried,
                ..Observation::default()
            }
        };
        assert!(is_possible(&saying("nginx/1.22.1")) && is_possible(&saying("nginx")));
        assert!(!is_possible(&saying("envoy")) && !is_possible(&Observation::default()));
    }

    #[test]
    fn half_a_cycle_without_a_rare_target_is_explained_and_two_are_not() {
        let design = Design::new(&[0.99, 0.01], 0.001, 0.01, 0.0, Resolution::Auto);
        assert!(explains(&[1600, 0], &design));
        assert!(!explains(&[6400, 0], &design));
        assert!(!explains(&[50, 50], &design));
    }
}
