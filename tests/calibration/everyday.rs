//! The gate of every day: a number that the user gives, a canary that is slow, connections that stick, a canary that gets
//! nothing, and the classical test. What is promised of each, and how often it came true.

use resplit::verdict::{Outcome, Test};

use super::band::{assert_at_least, assert_at_most};
use super::run::{Runs, Setup};
use super::traffic::{Latency, Model, Traffic};
use super::{HALVES, NINETY_TEN, ONE_PERCENT, THREE};

const TWENTIETH: &str = "v1=95,v2=5";
const CONCURRENCY: [usize; 4] = [10, 100, 200, 1000];
/// Microseconds that a response of a fast target takes on average in the simulation.
const FAST: f64 = 1250.0;

/// What is promised of one kind of run.
struct Promise {
    name: String,
    setup: Setup,
    traffic: Traffic,
    outcome: Outcome,
    /// `true`: the outcome comes at least so often; `false`: at most.
    at_least: bool,
    rate: f64,
}

impl Promise {
    fn at_least(name: impl Into<String>, setup: Setup, outcome: Outcome, rate: f64) -> Self {
        Self {
            name: name.into(),
            traffic: Traffic::new(&setup.shares()),
            setup,
            outcome,
            at_least: true,
            rate,
        }
    }

    fn at_most(name: impl Into<String>, setup: Setup, outcome: Outcome, rate: f64) -> Self {
        Self {
            at_least: false,
            ..Self::at_least(name, setup, outcome, rate)
        }
    }

    fn of(self, traffic: Traffic) -> Self {
        Self { traffic, ..self }
    }

    /// Holds the promise against so many runs, and returns them.
    #[track_caller]
    fn kept(&self, runs: u64) -> Runs {
        let seen = self.setup.repeat(runs, &self.traffic);
        let count = seen.count(self.outcome);
        let what = format!("{}: {}", self.name, self.outcome);
        if self.at_least {
            assert_at_least(&what, count, runs, self.rate);
        } else {
            assert_at_most(&what, count, runs, self.rate);
        }
        seen
    }
}

/// An explicit number judges what it can, and what it cannot stays open.
fn explicit_numbers() -> Vec<Promise> {
    let mut promises = Vec::new();
    for declared in [NINETY_TEN, THREE, HALVES] {
        let name = format!("-n 1000, {declared}");
        let setup = Setup::exactly(declared, 1000);
        promises.push(Promise::at_least(&name, setup.clone(), Outcome::Pass, 0.98));
        promises.push(Promise::at_most(&name, setup, Outcome::Diverged, 0.001));
    }
    for declared in [TWENTIETH, ONE_PERCENT] {
        let setup = Setup::exactly(declared, 1000);
        let name = format!("-n 1000, {declared}");
        promises.push(Promise::at_least(name, setup, Outcome::Inconclusive, 0.99));
    }
    for (declared, edge) in [
        (NINETY_TEN, &[0.8419, 0.1581][..]),
        (NINETY_TEN, &[0.9581, 0.0419]),
        (HALVES, &[0.588, 0.412]),
        (THREE, &[0.737, 0.163, 0.1]),
    ] {
        let name = format!("-n 1000, {declared} at the edge {edge:?}");
        let setup = Setup::exactly(declared, 1000);
        promises.push(Promise::at_most(name, setup, Outcome::Pass, 0.01).of(Traffic::new(edge)));
    }
    promises
}

/// A healthy split with a canary that is so many times slower, by every way to send.
fn slow_canary(times: u32, concurrency: usize) -> Vec<Promise> {
    let traffic = Traffic::new(&[0.9, 0.1]).latency(Latency::SlowLast(times));
    let mean = FAST * (0.9 + 0.1 * f64::from(times));
    let every = 1.5 * mean / concurrency as f64;
    let ways = [
        ("until decided", Setup::new(NINETY_TEN)),
        ("-n 1000", Setup::exactly(NINETY_TEN, 1000)),
        ("-n 4000", Setup::exactly(NINETY_TEN, 4000)),
        (
            "-n 3480 --reuse 2",
            Setup {
                reuse: 2,
                ..Setup::exactly(NINETY_TEN, 3480)
            },
        ),
        (
            "-z",
            Setup::lasting(NINETY_TEN, 4000.0 * mean / concurrency as f64),
        ),
        (
            "-q -n 2000",
            Setup {
                every: Some(every),
                ..Setup::exactly(NINETY_TEN, 2000)
            },
        ),
    ];
    ways.into_iter()
        .map(|(way, setup)| {
            let setup = Setup {
                concurrency,
                ..setup
            };
            let name = format!("canary {times} times slower, -c {concurrency}, {way}");
            Promise::at_most(name, setup, Outcome::Inconclusive, 0.01).of(traffic.clone())
        })
        .collect()
}

/// Over a hundred connections.
fn at_a_hundred(setup: &Setup) -> Setup {
    Setup {
        concurrency: 100,
        ..setup.clone()
    }
}

#[track_caller]
fn all_kept(promises: &[Promise], runs: u64) {
    for promise in promises {
        promise.kept(runs);
    }
}

#[test]
fn an_explicit_number_judges_what_it_can() {
    all_kept(&explicit_numbers(), 100);
}

#[test]
fn a_slow_canary_is_no_cluster() {
    for (times, concurrency) in [(5, 200), (50, 100), (200, 10)] {
        all_kept(&slow_canary(times, concurrency), 30);
    }
}

#[test]
fn connections_that_stick_are_found_after_a_few_hundred_requests() {
    for latency in [Latency::Even, Latency::SlowLast(50)] {
        let sticky = Traffic::new(&[0.9, 0.1]).model(Model::PerConnection);
        let promise = Promise::at_least(
            "sticky",
            at_a_hundred(&Setup::new(NINETY_TEN)),
            Outcome::Diverged,
            0.999,
        );
        let seen = promise.of(sticky.latency(latency)).kept(40);
        let requests: u64 = seen.runs.iter().map(|run| run.requests).sum();
        assert!(requests / 40 <= 320, "{}", requests / 40);
    }
}

#[test]
fn connections_that_resemble_each_other_are_still_found() {
    let setup = at_a_hundred(&Setup::exactly(NINETY_TEN, 4000));
    let alike = Traffic::new(&[0.9, 0.1]).model(Model::Clustered { icc: 0.1 });
    let promise = Promise::at_least("ICC 0.1", setup, Outcome::Inconclusive, 0.99);
    promise.of(alike).kept(20);
}

#[test]
fn a_canary_that_gets_nothing_is_certain_after_little_more_than_a_hundred_requests() {
    let setup = at_a_hundred(&Setup::new(NINETY_TEN));
    let promise = Promise::at_least("starved", setup, Outcome::Diverged, 0.999);
    let seen = promise.of(Traffic::new(&[1.0, 0.0])).kept(40);
    let most = seen.runs.iter().map(|run| run.requests).max();
    assert!(most <= Some(140), "{most:?}");
}

#[test]
fn what_is_sent_beyond_the_decision_is_what_was_under_way() {
    let setup = at_a_hundred(&Setup::new(NINETY_TEN));
    let seen = setup.repeat(40, &Traffic::new(&[0.9, 0.1]));
    let mut beyond: Vec<u64> = (seen.runs.iter())
        .map(|run| 100 * (run.sent - run.requests) / run.requests)
        .collect();
    beyond.sort_unstable();
    assert!(beyond[beyond.len() / 2] <= 15, "{beyond:?}");
}

/// One response in fifty takes a thousand times as long; half of the requests go to each, where 90/10 is declared.
#[test]
fn a_response_that_is_missing_does_not_keep_a_certain_run_going() {
    let setup = at_a_hundred(&Setup::new(NINETY_TEN));
    let stalls = Traffic::new(&[0.5, 0.5]).latency(Latency::Stalls(0.02));
    let promise = Promise::at_least("stalls", setup, Outcome::Diverged, 0.999);
    let seen = promise.of(stalls).kept(40);
    let most = seen.runs.iter().map(|run| run.sent).max();
    assert!(most <= Some(400), "{most:?}");
}

#[test]
fn the_classical_test_keeps_its_level() {
    for (declared, requests) in [(NINETY_TEN, 1000), (THREE, 1000), (ONE_PERCENT, 300)] {
        let setup = Setup {
            alpha: 0.05,
            test: Some(Test::ChiSquare),
            ..Setup::exactly(declared, requests)
        };
        // The textbook approximation itself is up to 1.3 times its level where 5 are expected; these have more, or are exact.
        let name = format!("--test chi-square, {declared}");
        Promise::at_most(name, setup, Outcome::Diverged, 0.06).kept(200);
    }
}

/// The long version of the promises about explicit numbers and about what is found while a run goes on, as a table.
pub(crate) fn print_and_check(runs: u64) {
    let mut promises = explicit_numbers();
    let decided = || at_a_hundred(&Setup::new(NINETY_TEN));
    promises.push(Promise::at_most(
        "all equally fast, -c 100, until decided",
        decided(),
        Outcome::Inconclusive,
        0.01,
    ));
    let sticky = Traffic::new(&[0.9, 0.1]).model(Model::PerConnection);
    promises.push(
        Promise::at_least("sticky, until decided", decided(), Outcome::Diverged, 0.99).of(sticky),
    );
    promises.push(
        Promise::at_least(
            "gets nothing, until decided",
            decided(),
            Outcome::Diverged,
            0.99,
        )
        .of(Traffic::new(&[1.0, 0.0])),
    );
    print_and_check_all(promises, runs);
}

/// The same of a canary that is so many times slower.
pub(crate) fn print_and_check_slow_canary(times: u32, runs: u64) {
    let ways = CONCURRENCY.map(|concurrency| slow_canary(times, concurrency));
    print_and_check_all(ways.into_iter().flatten().collect(), runs);
}

#[expect(clippy::print_stdout, reason = "the table is what this test is for")]
fn print_and_check_all(promises: Vec<Promise>, runs: u64) {
    println!("\n| what | promised | seen | requests | sent | runs |\n|---|--:|--:|--:|--:|--:|");
    for promise in promises {
        let seen = promise.kept(runs);
        let mean = |of: fn(&super::run::Run) -> u64| {
            seen.runs.iter().map(of).sum::<u64>() / seen.runs.len() as u64
        };
        println!(
            "| {}: {} | {} {}% | {:.2}% | {} | {} | {runs} |",
            promise.name,
            promise.outcome,
            if promise.at_least { "≥" } else { "≤" },
            100.0 * promise.rate,
            100.0 * seen.count(promise.outcome) as f64 / runs as f64,
            mean(|run| run.requests),
            mean(|run| run.sent),
        );
    }
}
