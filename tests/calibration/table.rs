//! How often each gate says no, over what the split really is: resplit by simulated runs, the others exactly. Not: what a
//! gate is.

use std::fmt::Write as _;
use std::thread;

use resplit::verdict::{Balancing, Outcome};

use super::band::{assert_at_least, assert_at_most};
use super::gates::GATES;
use super::run::Setup;
use super::traffic::{Latency, Model, Traffic};

/// Runs where the split is as declared: at twice the promised rate the band breaks in half of such tables.
const CORRECT: u64 = 4000;
/// Runs where it is not.
const WRONG: u64 = 1000;
/// How far a rate may be from the one computed without connections and changes, beside chance: the guards against those
/// hold back a pass in a few of a thousand independent runs.
const GUARDS: f64 = 0.006;

/// A declared split with what it may really be.
struct Case {
    declared: &'static str,
    percent: &'static [u64],
    /// Shares in percent; the first are the declared ones.
    truths: &'static [&'static [f64]],
    /// Positions among the truths where some share is off by the resolution or more.
    off: &'static [usize],
    /// What the gates were computed to do, and resplit's sequential rates of DIVERGED, elsewhere.
    known: &'static [Known],
}

/// A row computed elsewhere, exactly but for rounding.
enum Known {
    Gate(usize, &'static [f64]),
    Diverged(&'static [f64]),
}

const CASES: [Case; 4] = [
    Case {
        declared: "v1=90,v2=10",
        percent: &[90, 10],
        truths: &[
            &[90.0, 10.0],
            &[89.0, 11.0],
            &[88.0, 12.0],
            &[87.0, 13.0],
            &[85.0, 15.0],
            &[80.0, 20.0],
            &[50.0, 50.0],
            &[100.0, 0.0],
            &[95.0, 5.0],
        ],
        off: &[3, 4, 5, 6, 7, 8],
        known: &[
            Known::Gate(
                0,
                &[0.0002, 0.003, 0.019, 0.083, 0.469, 0.998, 1.0, 1.0, 0.471],
            ),
            Known::Gate(1, &[0.0, 0.0, 0.0, 0.0, 0.0005, 0.976, 1.0, 1.0, 0.0005]),
            Known::Gate(
                2,
                &[0.0008, 0.003, 0.007, 0.017, 0.066, 0.441, 1.0, 0.0, 0.0],
            ),
            Known::Gate(3, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0003, 1.0, 0.0, 0.0]),
            Known::Gate(
                4,
                &[0.092, 0.114, 0.152, 0.204, 0.335, 0.693, 1.0, 1.0, 0.280],
            ),
            Known::Gate(5, &[0.031, 0.145, 0.476, 0.814, 0.996, 1.0, 1.0, 1.0, 1.0]),
            Known::Diverged(&[0.0007, 0.078, 0.710, 0.991, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ],
    },
    Case {
        declared: "v1=50,v2=50",
        percent: &[50, 50],
        truths: &[
            &[50.0, 50.0],
            &[48.0, 52.0],
            &[45.0, 55.0],
            &[40.0, 60.0],
            &[10.0, 90.0],
            &[0.0, 100.0],
        ],
        off: &[2, 3, 4, 5],
        known: &[
            Known::Gate(0, &[0.0225, 0.083, 0.483, 0.987, 1.0, 1.0]),
            Known::Gate(1, &[0.0, 0.0, 0.0007, 0.877, 1.0, 1.0]),
            Known::Gate(2, &[0.035, 0.05, 0.135, 0.462, 1.0, 1.0]),
            Known::Gate(4, &[0.322, 0.341, 0.434, 0.678, 1.0, 1.0]),
            Known::Diverged(&[0.0007, 0.136, 0.993, 1.0, 1.0, 1.0]),
        ],
    },
    Case {
        declared: "v1=99,v2=1",
        percent: &[99, 1],
        truths: &[
            &[99.0, 1.0],
            &[98.0, 2.0],
            &[97.0, 3.0],
            &[95.0, 5.0],
            &[90.0, 10.0],
            &[50.0, 50.0],
            &[100.0, 0.0],
        ],
        off: &[1, 2, 3, 4, 5, 6],
        known: &[
            Known::Gate(0, &[0.0066, 0.0, 0.0002, 0.131, 0.999, 1.0, 1.0]),
            Known::Gate(1, &[0.0, 0.0, 0.0, 0.0, 0.990, 1.0, 1.0]),
            Known::Gate(2, &[0.0, 0.0, 0.0, 0.004, 0.297, 1.0, 0.0]),
            Known::Diverged(&[0.0005, 0.989, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ],
    },
    Case {
        declared: "v1=80,v2=10,v3=10",
        percent: &[80, 10, 10],
        truths: &[
            &[80.0, 10.0, 10.0],
            &[78.0, 11.0, 11.0],
            &[75.0, 15.0, 10.0],
            &[100.0 / 3.0, 100.0 / 3.0, 100.0 / 3.0],
            &[90.0, 10.0, 0.0],
        ],
        off: &[2, 3, 4],
        known: &[Known::Diverged(&[0.0007, 0.31, 1.0, 1.0, 1.0])],
    },
];

/// What makes traffic another one.
type Change = fn(Traffic) -> Traffic;

/// Answers of a connection that resemble each other.
const CLUSTERED: Model = Model::Clustered { icc: 0.2 };

/// How many runs of a cell ended how.
#[derive(Clone, Copy, Default)]
struct Cell {
    runs: u64,
    diverged: u64,
    passed: u64,
    requests: u64,
}

/// Prints the table of one declared split, each cell as soon as it is known, and holds it against what is promised.
#[expect(clippy::print_stdout, reason = "the table is what this test is for")]
pub(crate) fn print_and_check(declared: &str) {
    let case = CASES.iter().find(|case| case.declared == declared);
    let case = case.expect("a declared split of the tables");
    println!();
    let fixed = case.simulated("fixed number", &Setup::fixed(case.declared));
    let watched = case.simulated("until decided", &Setup::new(case.declared));
    println!("{}", case.table(&fixed, &watched));
    for cells in [&fixed, &watched] {
        case.check_promises(cells);
    }
    case.check_known(&watched);
}

/// Traffic that is not a draw for every request, or does not come in as it was sent: what resplit makes of 90/10 at its
/// defaults, where that is right and where a canary gets 13 %.
#[expect(clippy::print_stdout, reason = "the table is what this test is for")]
pub(crate) fn print_and_check_models() {
    let requests = || Setup::new("v1=90,v2=10");
    let connections = Setup {
        balancing: Balancing::Connection,
        ..requests()
    };
    let few = Setup::fixed("v1=90,v2=10");
    let tried: [(&str, Setup, Change, u64); 7] = [
        ("draws", requests(), |t| t, 2000),
        (
            "connections, declared so",
            connections,
            |t| t.model(Model::PerConnection),
            2000,
        ),
        (
            "go together (ICC 0.2)",
            requests(),
            |t| t.model(CLUSTERED),
            400,
        ),
        (
            "go together, 50 connections",
            few,
            |t| t.model(CLUSTERED),
            400,
        ),
        ("rotation", requests(), |t| t.model(Model::Rotation), 50),
        (
            "canary 20 times slower",
            requests(),
            |t| t.latency(Latency::SlowLast(20)),
            2000,
        ),
        (
            "2 % unattributed",
            requests(),
            |t| t.unattributed(0.02),
            1000,
        ),
    ];
    println!("\n| traffic | 90/10: diverged | passed | requests | 87/13: diverged | passed |");
    println!("| --- | --: | --: | --: | --: | --: |");
    let mut cells = Vec::new();
    for (name, setup, model, runs) in &tried {
        let right = simulated(setup, &model(Traffic::new(&[0.9, 0.1])), *runs);
        let wrong = simulated(setup, &model(Traffic::new(&[0.87, 0.13])), runs / 4);
        let part = |count: u64, cell: &Cell| percent(count as f64 / cell.runs as f64);
        println!(
            "| {name} | {} | {} | {} | {} | {} |",
            part(right.diverged, &right),
            part(right.passed, &right),
            right.requests / right.runs,
            part(wrong.diverged, &wrong),
            part(wrong.passed, &wrong)
        );
        cells.push((name, right, wrong));
    }
    for (name, right, wrong) in cells {
        assert_at_most(
            &format!("{name}: false DIVERGED"),
            right.diverged,
            right.runs,
            0.001,
        );
        assert_at_most(
            &format!("{name}: false PASS"),
            wrong.passed,
            wrong.runs,
            0.01,
        );
    }
}

impl Case {
    #[expect(clippy::print_stdout, reason = "the table is what this test is for")]
    fn simulated(&self, name: &str, setup: &Setup) -> Vec<Cell> {
        let cells = (0..).zip(self.truths);
        cells
            .map(|(at, truth)| {
                let shares: Vec<f64> = truth.iter().map(|percent| percent / 100.0).collect();
                let runs = if at == 0 { CORRECT } else { WRONG };
                let cell = simulated(setup, &Traffic::new(&shares), runs);
                println!(
                    "{}, {name}, really {truth:?}: {} diverged, {} passed, {} requests, {runs} runs",
                    self.declared,
                    cell.diverged,
                    cell.passed,
                    cell.requests / cell.runs
                );
                cell
            })
            .collect()
    }

    /// The table in Markdown.
    fn table(&self, fixed: &[Cell], watched: &[Cell]) -> String {
        let mut out = format!(
            "\nDeclared {}; it says no, in % of runs:\n\n",
            slashed(self.percent)
        );
        let really = self.truths.iter().map(|truth| {
            let shares: Vec<String> = truth.iter().map(|share| format!("{share:.0}")).collect();
            shares.join("/")
        });
        row(&mut out, "really", really);
        row(
            &mut out,
            "---",
            self.truths.iter().map(|_| "--:".to_owned()),
        );
        for gate in GATES {
            row(
                &mut out,
                gate.name,
                self.fails(&gate).into_iter().map(percent),
            );
        }
        for (name, cells) in [("fixed number", fixed), ("until decided", watched)] {
            let part = |count: fn(&Cell) -> u64| {
                cells
                    .iter()
                    .map(move |cell| percent(count(cell) as f64 / cell.runs as f64))
            };
            row(
                &mut out,
                &format!("**resplit, {name}: diverged**"),
                part(|cell| cell.diverged),
            );
            row(
                &mut out,
                &format!("resplit, {name}: passed"),
                part(|cell| cell.passed),
            );
        }
        let requests = watched
            .iter()
            .map(|cell| (cell.requests / cell.runs).to_string());
        row(&mut out, "resplit, until decided: requests, mean", requests);
        let _ = write!(
            out,
            "\n{CORRECT} runs of resplit in the first column, {WRONG} in the others; the rest is exact."
        );
        out
    }

    fn fails(&self, gate: &super::gates::Gate) -> Vec<f64> {
        let truths = self.truths.iter();
        truths
            .map(|truth| {
                let shares: Vec<f64> = truth.iter().map(|percent| percent / 100.0).collect();
                gate.fails(self.percent, &shares)
            })
            .collect()
    }

    /// What resplit promises at its defaults.
    fn check_promises(&self, cells: &[Cell]) {
        let correct = &cells[0];
        assert_at_most("false DIVERGED", correct.diverged, correct.runs, 0.001);
        assert_at_least("PASS", correct.passed, correct.runs, 0.98);
        for at in self.off {
            let what = format!("{} is {:?}: false PASS", self.declared, self.truths[*at]);
            assert_at_most(&what, cells[*at].passed, cells[*at].runs, 0.01);
        }
    }

    /// What was computed elsewhere.
    fn check_known(&self, watched: &[Cell]) {
        for known in self.known {
            match known {
                Known::Gate(at, rates) => {
                    for (seen, rate) in self.fails(&GATES[*at]).into_iter().zip(*rates) {
                        let name = GATES[*at].name;
                        assert!(
                            (seen - rate).abs() < 0.0006,
                            "{name}, {}: {seen}, {rate}",
                            self.declared
                        );
                    }
                }
                Known::Diverged(rates) => {
                    for (cell, rate) in watched.iter().zip(*rates) {
                        let what = format!("{}: DIVERGED", self.declared);
                        assert_at_most(&what, cell.diverged, cell.runs, (rate + GUARDS).min(1.0));
                        assert_at_least(&what, cell.diverged, cell.runs, (rate - GUARDS).max(0.0));
                    }
                }
            }
        }
    }
}

/// Runs on all cores.
fn simulated(setup: &Setup, traffic: &Traffic, runs: u64) -> Cell {
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let part = |first: u64| {
        let mut cell = Cell::default();
        for seed in (first..runs).step_by(usize::try_from(threads).expect("few threads")) {
            let run = setup.run(traffic, seed);
            cell.runs += 1;
            cell.diverged += u64::from(run.verdict.outcome == Outcome::Diverged);
            cell.passed += u64::from(run.verdict.outcome == Outcome::Pass);
            cell.requests += run.requests;
        }
        cell
    };
    let mut sum = Cell::default();
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || part(first)))
            .collect();
        for thread in running {
            let cell = thread.join().expect("no run panics");
            sum.runs += cell.runs;
            sum.diverged += cell.diverged;
            sum.passed += cell.passed;
            sum.requests += cell.requests;
        }
    });
    sum
}

fn row(out: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.collect();
    let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
}

fn slashed(percent: &[u64]) -> String {
    let parts: Vec<String> = percent.iter().map(u64::to_string).collect();
    parts.join("/")
}

/// A rate in percent, without decimals that say nothing.
fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    match percent {
        p if p < 0.005 => "0".to_owned(),
        p if p < 1.0 => format!("{p:.2}"),
        p if p >= 99.95 => "100".to_owned(),
        p => format!("{p:.1}"),
    }
}
