//! The splits that are tolerated, the one of them nearest to what was seen, and the kindest guess at answers nobody
//! could attribute.

use super::{bisect, fit};

/// The split inside the box `[lo_i, hi_i]` that fits the counts best: `theta_i = clip(n_i t, lo_i, hi_i)` with `t` such
/// that the sum is 1. Inside the box it both maximises the likelihood and minimises X² (Karush-Kuhn-Tucker conditions).
///
/// The box must hold at least one split. What targets without any count leave over is spread over them; X² does not
/// depend on how.
#[must_use]
pub fn nearest(counts: &[f64], lo: &[f64], hi: &[f64]) -> Vec<f64> {
    let n: f64 = counts.iter().sum();
    let clipped = |t: f64| -> Vec<f64> {
        let cells = counts.iter().zip(lo.iter().zip(hi));
        cells
            .map(|(count, (lo, hi))| (count * t).clamp(*lo, *hi))
            .collect()
    };
    let inside = |(count, (lo, hi)): (&f64, (&f64, &f64))| {
        let share = count / n;
        *lo <= share && share <= *hi
    };
    if n > 0.0 && counts.iter().zip(lo.iter().zip(hi)).all(inside) {
        return counts.iter().map(|count| count / n).collect();
    }
    let smallest = counts
        .iter()
        .copied()
        .filter(|count| *count > 0.0)
        .fold(f64::INFINITY, f64::min);
    let most = if smallest.is_finite() {
        1.0 / smallest
    } else {
        0.0
    };
    let t = bisect(0.0, most, |t| clipped(t).iter().sum::<f64>() >= 1.0);
    let mut split = clipped(t);
    let mut slack = 1.0 - split.iter().sum::<f64>();
    for ((share, count), hi) in split.iter_mut().zip(counts).zip(hi) {
        if slack > 0.0 && *count <= 0.0 {
            let room = (hi - *share).min(slack);
            *share += room;
            slack -= room;
        }
    }
    split
}

/// The most favourable completion of `counts` by `unattributed` responses: `max(n_i, t pi_i)`, the closest to `shares`
/// that can be reached by adding.
#[must_use]
pub fn completed(counts: &[f64], shares: &[f64], unattributed: f64) -> Vec<f64> {
    let total = counts.iter().sum::<f64>() + unattributed;
    let filled = |t: f64| -> Vec<f64> {
        let cells = counts.iter().zip(shares);
        cells.map(|(count, share)| count.max(t * share)).collect()
    };
    if unattributed <= 0.0 {
        return counts.to_vec();
    }
    // At t = total every cell reaches its declared part, so the sum is at least the total.
    let t = bisect(0.0, total, |t| filled(t).iter().sum::<f64>() >= total);
    filled(t)
}

/// The most favourable completion towards any split of the box, in whole responses. X² is convex in counts and split
/// together, so improving one after the other ends at the best pair.
#[must_use]
pub fn completed_within(
    counts: &[u64],
    shares: &[f64],
    lo: &[f64],
    hi: &[f64],
    unattributed: u64,
) -> Vec<u64> {
    let seen: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    let mut best = completed(&seen, shares, unattributed as f64);
    let mut distance = fit::pearson(&best, shares);
    for _ in 0..100 {
        let split = nearest(&best, lo, hi);
        if split.iter().any(|share| *share <= 0.0) {
            break;
        }
        let next = completed(&seen, &split, unattributed as f64);
        let reached = fit::pearson(&next, &split);
        if reached.is_nan() || reached > distance - 1e-9 {
            break;
        }
        (best, distance) = (next, reached);
    }
    rounded(&best, counts, unattributed)
}

/// Whole responses that keep the total: each completion rounded down, the largest remainders rounded up.
fn rounded(best: &[f64], counts: &[u64], unattributed: u64) -> Vec<u64> {
    let floors: Vec<u64> = best
        .iter()
        .zip(counts)
        .map(|(value, count)| super::whole(value + 1e-6).max(*count))
        .collect();
    let total = counts.iter().sum::<u64>() + unattributed;
    let mut left = total.saturating_sub(floors.iter().sum());
    let mut order: Vec<usize> = (0..best.len()).collect();
    let remainder = |i: usize| best[i] - floors[i] as f64;
    order.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)));
    let mut completed = floors;
    while left > 0 {
        for index in &order {
            if left > 0 {
                completed[*index] += 1;
                left -= 1;
            }
        }
    }
    completed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_split_inside_the_box_is_its_own_neighbour() {
        let split = nearest(&[890.0, 110.0], &[0.88, 0.08], &[0.92, 0.12]);
        assert_eq!(split, [0.89, 0.11]);
    }

    #[test]
    fn outside_it_is_the_edge() {
        let split = nearest(&[1000.0, 0.0], &[0.88, 0.08], &[0.92, 0.12]);
        assert!((split[0] - 0.92).abs() < 1e-12 && (split[1] - 0.08).abs() < 1e-12);
    }

    #[test]
    fn lost_answers_fill_the_gap() {
        assert_eq!(
            completed_within(&[900, 80], &[0.9, 0.1], &[0.9, 0.1], &[0.9, 0.1], 20),
            [900, 100]
        );
        assert_eq!(
            completed_within(&[850, 150], &[0.9, 0.1], &[0.9, 0.1], &[0.9, 0.1], 50),
            [900, 150]
        );
        // A tolerance of two points: 850 of 1050 is what it is, 30 of the 50 bring it to 880 of 1000.
        assert_eq!(
            completed_within(&[850, 130], &[0.9, 0.1], &[0.88, 0.08], &[0.92, 0.12], 0),
            [850, 130]
        );
    }

    proptest! {
        #[test]
        fn completion_only_adds_and_adds_everything(counts in prop::collection::vec(0_u64..1000, 2..6), lost in 0_u64..500, tolerance in 0.0_f64..0.1) {
            let k = counts.len() as f64;
            let shares = vec![1.0 / k; counts.len()];
            let lo: Vec<f64> = shares.iter().map(|s| (s - tolerance).max(0.0)).collect();
            let hi: Vec<f64> = shares.iter().map(|s| (s + tolerance).min(1.0)).collect();
            let done = completed_within(&counts, &shares, &lo, &hi, lost);
            prop_assert_eq!(done.iter().sum::<u64>(), counts.iter().sum::<u64>() + lost);
            prop_assert!(done.iter().zip(&counts).all(|(after, before)| after >= before));
        }

        #[test]
        fn the_nearest_split_is_a_split_in_the_box(counts in prop::collection::vec(0.0_f64..1000.0, 2..6), tolerance in 0.001_f64..0.1) {
            prop_assume!(counts.iter().sum::<f64>() > 0.0);
            let k = counts.len() as f64;
            let share = 1.0 / k;
            let (lo, hi) = (vec![(share - tolerance).max(0.0); counts.len()], vec![(share + tolerance).min(1.0); counts.len()]);
            let split = nearest(&counts, &lo, &hi);
            prop_assert!((split.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            for theta in split {
                prop_assert!(lo[0] - 1e-9 <= theta && theta <= hi[0] + 1e-9);
            }
        }
    }
}
