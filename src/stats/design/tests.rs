//! Laws of the design: error rates by enumeration, symmetry, monotonicity.

use super::*;
use proptest::prelude::*;

const SEED: u64 = 1;

fn design(weights: &[u64]) -> Design {
    tolerating(weights, 0.0)
}

fn tolerating(weights: &[u64], tolerance: f64) -> Design {
    let total: u64 = weights.iter().sum();
    let shares: Vec<f64> = weights.iter().map(|w| *w as f64 / total as f64).collect();
    Design::new(&shares, 0.001, 0.01, tolerance, Resolution::Auto)
}

#[test]
fn ninety_ten_needs_four_thousand_and_fifty_six_requests() {
    let design = design(&[90, 10]);
    assert_eq!(
        (design.requests_fixed(), design.requests_sequential()),
        (3480, 4056)
    );
    assert!((design.resolution()[1] - 0.03).abs() < 1e-12);
}

#[test]
fn one_target_is_never_another_split_but_a_pass_needs_enough_of_it() {
    let design = design(&[100]);
    assert_eq!(design.p_diverged(&[5], SEED).method, Method::Structural);
    assert_eq!(
        (design.requests_fixed(), design.requests_sequential()),
        (459, 528)
    );
    assert!(design.p_equivalence(&[459], 0) <= 0.01 && design.p_equivalence(&[458], 0) > 0.01);
    assert_eq!(design.edges(0), (Some(0.99), None));
}

#[test]
fn a_starved_percent_is_seen_although_the_chi_square_is_blind_to_it() {
    let p = design(&[99, 1]).p_diverged(&[1000, 0], SEED);
    assert!(p.p < 1e-4, "{p:?}");
    assert_eq!((p.method, p.worst_target), (Method::ExactBinomial, Some(1)));
}

#[test]
fn with_three_targets_the_one_that_is_off_is_named() {
    let p = design(&[80, 10, 10]).p_diverged(&[2900, 350, 275], SEED);
    assert_eq!(
        (p.method, p.worst_target),
        (Method::PearsonChiSquare, Some(2))
    );
    assert_eq!(
        design(&[80, 10, 10])
            .p_diverged(&[2820, 352, 353], SEED)
            .worst_target,
        None
    );
}

#[test]
fn a_simulated_p_value_repeats_with_its_seed() {
    let design = design(&[9990, 5, 5]);
    let counts = [29_950, 35, 15];
    let (once, again) = (design.p_diverged(&counts, 7), design.p_diverged(&counts, 7));
    assert!(
        matches!(once.method, Method::MonteCarlo { seed: 7, .. }),
        "{once:?}"
    );
    assert_eq!(once, again);
}

#[test]
fn nothing_seen_proves_nothing() {
    for weights in [&[90, 10][..], &[80, 10, 10], &[1]] {
        let design = design(weights);
        let none = vec![0; weights.len()];
        assert!(design.p_diverged(&none, SEED).p >= 1.0 && design.p_equivalence(&none, 0) >= 1.0);
    }
}

#[test]
fn nothing_seen_proves_nothing_even_where_everything_is_tolerated() {
    let design = tolerating(&[90, 10], 1.0);
    assert_eq!(design.edges(1), (None, None));
    assert!(design.p_equivalence(&[0, 0], 5) >= 1.0 && design.p_equivalence(&[1, 0], 0) <= 0.0);
}

#[test]
fn lost_answers_can_save_a_split_but_only_so_far() {
    let design = design(&[90, 10]);
    assert!(design.p_diverged_completed(&[900, 80], 20, SEED).p > 0.9);
    assert!(design.p_diverged_completed(&[850, 150], 50, SEED).p < 0.001);
}

/// The exact probability of a rejection at `alpha` under the declared split, by visiting every count.
fn size(weights: &[u64], n: u64, alpha: f64) -> f64 {
    let design = design(weights);
    let share = design.shares()[1];
    let rejected = (0..=n).filter(|x| design.p_diverged(&[n - x, *x], SEED).p <= alpha);
    rejected.map(|x| binomial::ln_mass(n, x, share).exp()).sum()
}

#[test]
fn false_alarms_stay_below_alpha_for_every_number_up_to_two_hundred() {
    for n in 1..=200 {
        for small in [1, 2, 5, 10, 25, 33, 50] {
            for alpha in [0.05, 0.001] {
                let size = size(&[100 - small, small], n, alpha);
                assert!(
                    size <= alpha * (1.0 + 1e-9),
                    "{small} % n={n} alpha={alpha}: {size}"
                );
            }
        }
    }
}

#[test]
fn false_passes_stay_below_beta_at_the_edges() {
    for small in [1, 5, 10, 33, 50] {
        let design = design(&[100 - small, small]);
        let (lo, hi) = design.edges(1);
        for n in [500, 2000, design.requests_fixed()] {
            let passes: Vec<u64> = (0..=n / 2 + n / 10)
                .filter(|x| design.p_equivalence(&[n - x, *x], 0) <= design.beta())
                .collect();
            for edge in [lo, hi].into_iter().flatten() {
                let mass: f64 = passes
                    .iter()
                    .map(|x| binomial::ln_mass(n, *x, edge).exp())
                    .sum();
                assert!(
                    mass <= design.beta() * (1.0 + 1e-9),
                    "{small} % n={n} at {edge}: {mass}"
                );
            }
        }
    }
}

#[test]
fn the_planned_number_decides_both_ways() {
    // 90/10 at 3480: a correct split passes in 99.9 %, one at 13 % diverges in 98.7 %.
    let design = design(&[90, 10]);
    let n = design.requests_fixed();
    let counts = |x: u64| [n - x, x];
    let under = |share: f64, holds: &dyn Fn(u64) -> bool| -> f64 {
        let kept = (0..=n / 4).filter(|x| holds(*x));
        kept.map(|x| binomial::ln_mass(n, x, share).exp()).sum()
    };
    let diverges = |x| design.p_diverged(&counts(x), SEED).p <= design.alpha();
    let passes = |x| !diverges(x) && design.p_equivalence(&counts(x), 0) <= design.beta();
    assert!((under(0.1, &passes) - 0.9990).abs() < 5e-5);
    assert!((under(0.1, &diverges) - 0.0009).abs() < 5e-5);
    assert!((under(0.13, &diverges) - 0.987).abs() < 5e-4);
    assert!((under(0.13, &passes) - 0.0096).abs() < 5e-5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_targets_does_not_matter(cells in prop::collection::vec((0_u64..400, 1_u64..50), 2..5), shift in 0_usize..4) {
        let mut turned = cells.clone();
        turned.rotate_left(shift % cells.len());
        let p = |cells: &[(u64, u64)]| {
            let (counts, weights): (Vec<u64>, Vec<u64>) = cells.iter().copied().unzip();
            let design = design(&weights);
            let omnibus = design.p_omnibus(&counts, SEED);
            // Draws follow the order of targets, so a simulated value is compared elsewhere.
            let simulated = matches!(omnibus.method, Method::MonteCarlo { .. });
            (simulated, design.p_diverged(&counts, SEED).ln_p, design.ln_p_equivalence(&counts, 0))
        };
        let (one, other) = (p(&cells), p(&turned));
        if !one.0 {
            prop_assert!((one.1 - other.1).abs() <= 1e-7 * one.1.abs().max(1.0), "{one:?} {other:?}");
        }
        prop_assert!((one.2 - other.2).abs() <= 1e-7 * one.2.abs().max(1.0));
    }

    #[test]
    fn weights_times_ten_are_the_same_split(counts in prop::array::uniform3(0_u64..2000), weights in prop::array::uniform3(1_u64..100)) {
        let (one, ten) = (design(&weights), design(&weights.map(|w| 10 * w)));
        prop_assert_eq!(one.requests_fixed(), ten.requests_fixed());
        let p = |design: &Design| design.p_targets(&counts).iter().map(|p| p.ln_p).fold(0.0, f64::min);
        prop_assert!((p(&one) - p(&ten)).abs() <= 1e-9 * p(&one).abs().max(1.0));
    }

    #[test]
    fn the_farther_the_counts_the_smaller_the_p_value(n in 1_u64..5000, small in 1_u64..=50) {
        let design = design(&[100 - small, small]);
        let mean = n * small / 100;
        let step = (n / 50).max(1) as usize;
        let ln = |x: u64| design.p_diverged(&[n - x, x], SEED).ln_p;
        let up: Vec<f64> = (mean + 1..=n).step_by(step).map(ln).collect();
        let down: Vec<f64> = (0..=mean).rev().step_by(step).map(ln).collect();
        for side in [up, down] {
            prop_assert!(side.windows(2).all(|pair| pair[1] <= pair[0] + 1e-9));
        }
    }

    #[test]
    fn what_passes_by_default_has_not_diverged_at_the_planned_number(small in 1_u64..=50, part in 0.0_f64..0.3) {
        let design = design(&[100 - small, small]);
        let n = design.requests_fixed();
        let x = crate::stats::whole(n as f64 * part);
        let counts = [n - x, x];
        let passes = design.p_equivalence(&counts, 0) <= design.beta();
        let off = (x as f64 / n as f64 - design.shares()[1]).abs();
        // Both can hold only strictly inside the margin; beyond it a pass is impossible.
        prop_assert!(!passes || off < design.resolution()[1]);
    }

    #[test]
    fn with_a_tolerance_as_wide_as_the_margin_pass_and_diverged_exclude_each_other(n in 1_u64..20_000, part in 0.0_f64..=1.0, small in 5_u64..=50) {
        let design = tolerating(&[100 - small, small], 0.06);
        let x = crate::stats::whole(n as f64 * part);
        let counts = [n - x, x];
        let diverged = design.p_diverged(&counts, SEED).p <= design.alpha();
        prop_assert!(!(diverged && design.p_equivalence(&counts, 0) <= design.beta()));
    }

    #[test]
    fn lost_answers_never_help_a_verdict(x in 0_u64..500, n in 500_u64..4000, lost in 0_u64..100) {
        let design = design(&[90, 10]);
        let counts = [n - x, x];
        let kind = design.p_diverged_completed(&counts, lost, SEED).p;
        let guesses = (0..=lost).map(|a| design.p_diverged(&[n - x + lost - a, x + a], SEED).p);
        // The kindest guess is at least as kind as any other, but for one response of rounding.
        let best = guesses.fold(0.0, f64::max);
        let worst = design.p_equivalence(&counts, lost);
        for a in 0..=lost {
            prop_assert!(worst >= design.p_equivalence(&[n - x + lost - a, x + a], 0) * (1.0 - 1e-9));
        }
        prop_assert!(kind >= best * 0.8, "{kind} {best}");
    }

    #[test]
    fn billions_are_counted(off in 0_u64..200_000) {
        let design = design(&[90, 10]);
        let ln = design.p_diverged(&[900_000_000 - off, 100_000_000 + off], SEED).ln_p;
        prop_assert!(ln.is_finite() && ln <= 0.0);
        prop_assert!(design.p_equivalence(&[900_000_000 - off, 100_000_000 + off], 0) < 1e-300);
    }
}

#[test]
fn a_number_rules_out_what_it_can_and_no_more() {
    let asked = |shares: &[f64], n| Design::new(shares, 0.001, 0.01, 0.0, Resolution::RuledOut(n));
    let points = |design: &Design| -> Vec<u64> {
        let points = |d: f64| crate::stats::whole((d * 1000.0).round());
        design.resolution().into_iter().map(points).collect()
    };
    for (shares, tenths) in [
        (&[0.9, 0.1][..], &[58, 58][..]),
        (&[0.8, 0.1, 0.1], &[81, 63, 63]),
        (&[0.5, 0.5], &[88, 88]),
    ] {
        let design = asked(shares, 1000);
        assert!(design.can_pass(), "{shares:?}");
        assert_eq!(points(&design), tenths, "{shares:?}");
    }
    // A twentieth would be known to 4.2 points, a hundredth to 2.1: a pass would say nothing.
    for shares in [[0.95, 0.05], [0.99, 0.01]] {
        let design = asked(&shares, 1000);
        assert!(!design.can_pass(), "{shares:?}");
        let counts = shares.map(|share: f64| crate::stats::whole((share * 1000.0).round()));
        assert!(design.p_equivalence(&counts, 0) >= 1.0, "{shares:?}");
        let enough = asked(&shares, design.requests_fixed());
        assert!(enough.can_pass(), "{shares:?}");
    }
    // The planned number rules out what is ruled out without a number.
    let planned = Design::new(&[0.9, 0.1], 0.001, 0.01, 0.0, Resolution::Auto);
    let same = asked(&[0.9, 0.1], planned.requests_fixed());
    assert!((same.resolution()[1] - planned.resolution()[1]).abs() < 1e-4);
}

#[test]
fn a_cap_never_asks_for_more_than_the_automatic_resolution() {
    let capped = |n| Design::new(&[0.9, 0.1], 0.001, 0.01, 0.0, Resolution::RuledOutBy(n));
    assert!((capped(1_000_000).resolution()[1] - 0.03).abs() < 1e-12);
    assert!((0.055..0.07).contains(&capped(1000).resolution()[1]));
    assert!(!capped(300).can_pass());
}

#[test]
fn the_classical_test_is_exact_below_five_expected() {
    let design = Design::new(&[0.9, 0.1], 0.05, 0.01, 0.0, Resolution::Auto);
    let method = |counts: &[u64]| design.p_chi_square(counts, 1).method;
    assert_eq!(method(&[36, 4]), Method::ExactMultinomial);
    assert_eq!(method(&[45, 5]), Method::PearsonChiSquare);
    // scipy.stats.chisquare([906, 94], [900, 100]): statistic 0.4, p 0.5270892568655381.
    let p = design.p_chi_square(&[906, 94], 1);
    assert!((p.p - 0.527_089_256_865_538_1).abs() < 1e-12, "{}", p.p);
}
