//! The promised error rates, by simulation of what users meet: traffic without sockets, put through the same log,
//! watch and judgement as a real run. `tests/calibration/` holds the traffic, the run, the rules of other gates and the
//! table that sets them side by side.

// Bands that a rate observed in a number of runs must keep to.
mod band;
// What is promised of the runs of every day.
mod everyday;
// Rules that other projects judge a split by, exactly.
mod gates;
// Workers that begin their turns in step.
mod in_step;
// Intervals of shares.
mod intervals;
// A split that is watched for years.
mod monitor;
// Objectives under dependence.
mod objectives;
// One run through log, watch and judgement.
mod run;
// The table of docs/src/numbers.md, long.
mod table;
// Who answers, over which connection, and when.
mod traffic;

use band::{assert_at_least, assert_at_most};
use resplit::verdict::{Balancing, Outcome, Unit};
use run::{Order, Setup};
use traffic::{Latency, Model, Traffic};

/// Runs of a cell that is always tried.
const RUNS: u64 = 300;
/// Error rates that a few hundred runs can see.
const ALPHA: f64 = 0.02;
const BETA: f64 = 0.05;

const NINETY_TEN: &str = "v1=90,v2=10";
const HALVES: &str = "v1=50,v2=50";
const ONE_PERCENT: &str = "v1=99,v2=1";
const THREE: &str = "v1=80,v2=10,v3=10";

/// A short run, at rates that can be seen: a resolution of 10 points (3 where the canary gets 1 %).
fn quick(declared: &'static str) -> Setup {
    let resolution = if declared == ONE_PERCENT { 0.03 } else { 0.1 };
    Setup {
        alpha: ALPHA,
        beta: BETA,
        resolution: Some(resolution),
        ..Setup::new(declared)
    }
}

/// How often a correct split is called wrong, and called right.
#[track_caller]
fn assert_correct(setup: &Setup, traffic: &Traffic) {
    let seen = setup.repeat(RUNS, traffic);
    assert_at_most(
        "false DIVERGED",
        seen.count(Outcome::Diverged),
        RUNS,
        setup.alpha,
    );
    assert_at_least("PASS", seen.count(Outcome::Pass), RUNS, 0.9);
}

#[test]
fn independent_draws_of_the_declared_split_rarely_diverge() {
    for declared in [NINETY_TEN, HALVES, ONE_PERCENT, THREE] {
        let setup = quick(declared);
        assert_correct(&setup, &Traffic::new(&setup.shares()));
    }
}

#[test]
fn at_the_edge_of_the_resolution_a_split_rarely_passes() {
    for (declared, truths) in [
        (NINETY_TEN, &[&[0.8, 0.2][..], &[0.99, 0.01]][..]),
        (HALVES, &[&[0.6, 0.4]]),
        (ONE_PERCENT, &[&[0.96, 0.04], &[0.999, 0.001]]),
        (THREE, &[&[0.7, 0.2, 0.1], &[0.79, 0.2, 0.01]]),
    ] {
        for truth in truths {
            let setup = quick(declared);
            let seen = setup.repeat(RUNS, &Traffic::new(truth));
            let case = format!("{declared} at {truth:?}: false PASS");
            assert_at_most(&case, seen.count(Outcome::Pass), RUNS, setup.beta);
        }
    }
}

#[test]
fn at_the_defaults_none_of_a_hundred_correct_runs_diverges_and_an_edge_never_passes() {
    let setup = Setup::new(NINETY_TEN);
    let correct = setup.repeat(100, &Traffic::new(&[0.9, 0.1]));
    assert_at_most(
        "false DIVERGED",
        correct.count(Outcome::Diverged),
        100,
        setup.alpha,
    );
    assert_at_least("PASS", correct.count(Outcome::Pass), 100, 0.99);
    let edge = setup.repeat(60, &Traffic::new(&[0.87, 0.13]));
    assert_at_most("false PASS", edge.count(Outcome::Pass), 60, setup.beta);
    assert_at_least("DIVERGED", edge.count(Outcome::Diverged), 60, 0.98);
}

#[test]
fn connections_that_are_declared_to_be_split_are_judged_by_connection() {
    for balancing in [Balancing::Any, Balancing::Connection] {
        let setup = Setup {
            balancing,
            ..quick(NINETY_TEN)
        };
        let traffic = Traffic::new(&[0.9, 0.1]).model(Model::PerConnection);
        let seen = setup.repeat(RUNS, &traffic);
        assert_at_most(
            "false DIVERGED",
            seen.count(Outcome::Diverged),
            RUNS,
            setup.alpha,
        );
        assert!(seen.runs.iter().all(|run| run.unit == Unit::Connection));
        // Two answers of one connection are one draw: twice the same is no change of the split.
        let changed = seen.runs.iter().filter(|run| run.verdict.change.is_some());
        assert_at_most("a change that is none", changed.count() as u64, RUNS, 0.001);
        let edge = Traffic::new(&[0.8, 0.2]).model(Model::PerConnection);
        let seen = setup.repeat(RUNS, &edge);
        assert_at_most("false PASS", seen.count(Outcome::Pass), RUNS, setup.beta);
    }
}

#[test]
fn connections_that_stick_where_requests_are_declared_to_be_split_diverge() {
    let setup = Setup::new(NINETY_TEN);
    let traffic = Traffic::new(&[0.9, 0.1]).model(Model::PerConnection);
    let seen = setup.repeat(40, &traffic);
    assert_eq!(seen.count(Outcome::Diverged), 40);
    assert!(
        seen.runs
            .iter()
            .all(|run| run.finding() == "per-connection")
    );
}

#[test]
fn answers_that_go_together_do_not_diverge_and_never_pass_the_edge() {
    let setup = Setup {
        resolution: Some(0.05),
        ..quick(NINETY_TEN)
    };
    let model = Model::Clustered { icc: 0.2 };
    let correct = Traffic::new(&[0.9, 0.1]).model(model);
    let seen = setup.repeat(RUNS, &correct);
    assert_at_most(
        "false DIVERGED",
        seen.count(Outcome::Diverged),
        RUNS,
        setup.alpha,
    );
    let edge = Traffic::new(&[0.85, 0.15]).model(model);
    let seen = setup.repeat(RUNS, &edge);
    assert_at_most("false PASS", seen.count(Outcome::Pass), RUNS, setup.beta);
}

/// Over so few connections nothing corrects the counts, but the first answer of each is a draw by itself.
#[test]
fn a_gross_fault_shows_where_answers_go_together_over_few_connections() {
    let setup = Setup::fixed(NINETY_TEN);
    let halves = Traffic::new(&[0.5, 0.5]).model(Model::Clustered { icc: 0.2 });
    let seen = setup.repeat(2, &halves);
    assert!(seen.runs.iter().all(|run| run.unit == Unit::Clustered));
    assert_eq!(seen.count(Outcome::Diverged), 2);
}

#[test]
fn a_rotation_at_the_declared_weights_passes_and_is_named() {
    let setup = Setup::new(NINETY_TEN);
    let traffic = Traffic::new(&[0.9, 0.1]).model(Model::Rotation);
    let seen = setup.repeat(10, &traffic);
    assert_eq!(seen.count(Outcome::Pass), 10);
    assert!(seen.runs.iter().all(|run| run.has_caveat("too-regular")));
}

/// Two connections in step with a rotation over two targets hardly meet the other target: at worst that is undecided.
#[test]
fn a_rotation_in_step_with_the_connections_never_diverges() {
    for concurrency in [2, 50] {
        let setup = Setup {
            concurrency,
            ..Setup::new(HALVES)
        };
        let traffic = Traffic::new(&[0.5, 0.5]).model(Model::Rotation);
        let seen = setup.repeat(2, &traffic);
        assert_eq!(seen.count(Outcome::Diverged), 0, "{concurrency}");
    }
}

#[test]
fn a_slow_canary_changes_nothing() {
    for latency in [Latency::SlowLast(20), Latency::SlowLast(100)] {
        let setup = quick(NINETY_TEN);
        let traffic = Traffic::new(&[0.9, 0.1]).latency(latency);
        assert_correct(&setup, &traffic);
        let edge = Traffic::new(&[0.8, 0.2]).latency(latency);
        let seen = setup.repeat(RUNS, &edge);
        assert_at_most("false PASS", seen.count(Outcome::Pass), RUNS, setup.beta);
    }
}

/// What the order of dispatch is for: the same answers, numbered as they came in, are called wrong.
#[test]
fn numbered_as_they_come_in_the_answers_of_a_slow_canary_would_diverge() {
    let setup = Setup {
        order: Order::Completion,
        ..Setup::new(NINETY_TEN)
    };
    let traffic = Traffic::new(&[0.9, 0.1]).latency(Latency::SlowLast(100));
    let seen = setup.repeat(20, &traffic);
    assert_at_least("DIVERGED", seen.count(Outcome::Diverged), 20, 0.9);
}

#[test]
fn answers_that_nobody_signed_forbid_a_pass_and_prove_nothing() {
    let setup = quick(NINETY_TEN);
    let traffic = Traffic::new(&[0.9, 0.1]).unattributed(0.02);
    let seen = setup.repeat(RUNS, &traffic);
    assert_at_most(
        "false DIVERGED",
        seen.count(Outcome::Diverged),
        RUNS,
        setup.alpha,
    );
    // Two in a hundred is above the limit of one, but a short run may see fewer.
    let allowed = Setup {
        max_unattributed: 0.05,
        ..quick(NINETY_TEN)
    };
    let edge = Traffic::new(&[0.8, 0.2]).unattributed(0.02);
    let seen = allowed.repeat(RUNS, &edge);
    assert_at_most("false PASS", seen.count(Outcome::Pass), RUNS, allowed.beta);
}

// The tables, long: each ends within ten minutes on one core.

#[test]
#[ignore = "long: thousands of runs per cell, minutes"]
fn calibration_of_90_10() {
    table::print_and_check(NINETY_TEN);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_50_50() {
    table::print_and_check(HALVES);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_99_1() {
    table::print_and_check(ONE_PERCENT);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_80_10_10() {
    table::print_and_check(THREE);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_every_day() {
    everyday::print_and_check(300);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_canaries_5_times_slower() {
    everyday::print_and_check_slow_canary(5, 100);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_canaries_10_times_slower() {
    everyday::print_and_check_slow_canary(10, 100);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_canaries_50_times_slower() {
    everyday::print_and_check_slow_canary(50, 100);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_canaries_200_times_slower() {
    everyday::print_and_check_slow_canary(200, 100);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_objectives() {
    objectives::print_and_check(300);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_other_traffic() {
    table::print_and_check_models();
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_intervals() {
    intervals::print_and_check(400);
}

#[test]
#[ignore = "long, as the table above"]
fn calibration_of_workers_in_step() {
    in_step::print_and_check(100);
}

#[test]
#[ignore = "long: a year of one request a second"]
fn calibration_of_a_monitor() {
    monitor::print_and_check(1);
}
