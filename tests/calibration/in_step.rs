//! Workers that begin their turns in step: a correct split that looks like another one for a while. It never diverges, and nothing
//! changes in it; what that costs where a target really gets nothing.

use resplit::verdict::Outcome;

use super::run::{Runs, Setup};
use super::traffic::{Model, Traffic};
use super::{NINETY_TEN, ONE_PERCENT, THREE};

const TWO_RARE: &str = "v1=98,v2=1,v3=1";

/// Declared splits.
const CASES: [&str; 4] = [NINETY_TEN, ONE_PERCENT, TWO_RARE, THREE];

fn setup(declared: &'static str, server: &'static str) -> Setup {
    Setup {
        concurrency: 100,
        server,
        ..Setup::new(declared)
    }
}

/// Runs with 32 fresh workers of nginx.
#[track_caller]
fn runs(declared: &'static str, runs: u64) -> Runs {
    let setup = setup(declared, "nginx");
    let traffic = Traffic::new(&setup.shares()).model(Model::InStep(32));
    let seen = setup.repeat(runs, &traffic);
    assert_eq!(seen.count(Outcome::Diverged), 0, "{declared}");
    let changed = seen.runs.iter().filter(|run| run.verdict.change.is_some());
    assert_eq!(changed.count(), 0, "{declared}");
    seen
}

/// All seeds are fixed, and no draw of workers leads to a divergence.
#[test]
fn thirty_two_workers_in_step_do_not_diverge_and_do_not_change() {
    for case in CASES {
        runs(case, 4);
    }
}

#[test]
fn a_target_that_gets_nothing_is_found_whoever_responds() {
    for (server, most) in [("istio-envoy", 140), ("nginx", 200), ("unknown", 140)] {
        let starved = setup(NINETY_TEN, server).repeat(10, &Traffic::new(&[1.0, 0.0]));
        assert_eq!(starved.count(Outcome::Diverged), 10, "{server}");
        let last = starved.runs.iter().map(|run| run.requests).max();
        assert!(last <= Some(most), "{server}: {last:?}");
    }
}

/// The long version, as a table.
#[expect(clippy::print_stdout, reason = "the table is what this test is for")]
pub(crate) fn print_and_check(number: u64) {
    println!(
        "\n| 32 workers in step | passed | diverged | requests | runs |\n|---|--:|--:|--:|--:|"
    );
    for case in CASES {
        let seen = runs(case, number);
        let requests: u64 = seen.runs.iter().map(|run| run.requests).sum();
        println!(
            "| {case} | {:.1} % | 0 | {} | {number} |",
            100.0 * seen.count(Outcome::Pass) as f64 / number as f64,
            requests / number
        );
    }
    println!("\n| declared, really | server | diverged | requests | runs |\n|---|---|--:|--:|--:|");
    for (declared, really) in [
        (NINETY_TEN, [1.0, 0.0]),
        (NINETY_TEN, [0.5, 0.5]),
        (ONE_PERCENT, [1.0, 0.0]),
        (ONE_PERCENT, [0.98, 0.02]),
    ] {
        for server in ["istio-envoy", "nginx"] {
            let seen = setup(declared, server).repeat(number, &Traffic::new(&really));
            let requests: u64 = seen.runs.iter().map(|run| run.requests).sum();
            println!(
                "| {declared}, {really:?} | {server} | {:.1} % | {} | {number} |",
                100.0 * seen.count(Outcome::Diverged) as f64 / number as f64,
                requests / number
            );
        }
    }
}
