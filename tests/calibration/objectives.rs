//! Objectives under dependence: how often a limit that is the truth is said to be exceeded, and to be kept, by latencies that
//! queue, that stop for a pause, that follow each other, and by errors that come in bursts.

use std::f64::consts::TAU;

use resplit::stats::limit_test::{FAIL, LimitTest, PASS};
use resplit::stats::sampler::Sampler;
use resplit::stats::serial::{Spread, at_most};

use super::band::assert_at_most;

/// Responses of the target in one run.
const RESPONSES: usize = 5000;
/// Responses of which the true quantile is taken.
const TRUTH: usize = 1_000_000;
/// The parts of the responses that are slower than the limits at which a queue shows, as objectives have it.
const BODY: [f64; 2] = [0.5, 0.1];

/// What responses do.
#[derive(Clone, Copy, Debug)]
enum Process {
    /// Independent, lognormal with this deviation of the logarithm.
    Lognormal(f64),
    /// Independent, Pareto with this exponent.
    Pareto(f64),
    /// A queue with one server at this load, exponential service.
    Queue(f64),
    /// So many requests a second, and a pause of 100 ms every 5 s.
    Pauses(f64),
    /// Each follows the one before, with this correlation of the logarithms.
    Follows(f64),
    /// One in a hundred is an error, after which the next is one with this probability.
    Errors(f64),
}

impl Process {
    /// What happens in a run; 1 is an error.
    fn run(self, n: usize, seed: u64) -> Vec<f64> {
        let mut sampler = Sampler::new(seed);
        let mut state = Process::begin(self, &mut sampler);
        (0..n)
            .map(|_| self.next(&mut state, &mut sampler))
            .collect()
    }

    /// The state before the first response: stationary, or warmed up.
    fn begin(self, sampler: &mut Sampler) -> State {
        let mut state = State {
            value: match self {
                Self::Follows(_) => normal(sampler),
                Self::Errors(_) => f64::from(u8::from(sampler.uniform() < 0.01)),
                _ => 0.0,
            },
            time: 0.0,
            pause: 5.0 * sampler.uniform(),
        };
        if let Self::Queue(_) = self {
            for _ in 0..2000 {
                self.next(&mut state, sampler);
            }
        }
        state
    }

    fn next(self, state: &mut State, sampler: &mut Sampler) -> f64 {
        match self {
            Self::Lognormal(deviation) => (deviation * normal(sampler)).exp(),
            Self::Pareto(exponent) => (1.0 - sampler.uniform()).powf(-1.0 / exponent),
            Self::Queue(load) => {
                let response = state.value + exponential(sampler);
                state.value = (response - exponential(sampler) / load).max(0.0);
                response
            }
            Self::Pauses(rate) => {
                state.time += exponential(sampler) / rate;
                while state.time > state.pause + 0.1 {
                    state.pause += 5.0 * (0.5 + sampler.uniform());
                }
                let rest = (state.pause + 0.1 - state.time)
                    * f64::from(u8::from(state.time >= state.pause));
                0.005 * (0.5 * normal(sampler)).exp() + rest
            }
            Self::Follows(correlation) => {
                let fresh = (1.0 - correlation * correlation).sqrt() * normal(sampler);
                state.value = correlation * state.value + fresh;
                state.value.exp()
            }
            Self::Errors(stay) => {
                let now = state.value;
                let chance = if now > 0.0 {
                    stay
                } else {
                    (1.0 - stay) * 0.01 / 0.99
                };
                state.value = f64::from(u8::from(sampler.uniform() < chance));
                now
            }
        }
    }
}

/// Where a process is.
struct State {
    value: f64,
    time: f64,
    pause: f64,
}

fn normal(sampler: &mut Sampler) -> f64 {
    let (radius, angle) = (1.0 - sampler.uniform(), sampler.uniform());
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

fn exponential(sampler: &mut Sampler) -> f64 {
    -(1.0 - sampler.uniform()).ln()
}

/// The value that this part of the values exceeds.
fn exceeded_by(part: f64, values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = ((1.0 - part) * sorted.len() as f64).to_string();
    let whole = below
        .split('.')
        .next()
        .and_then(|whole| whole.parse::<usize>().ok());
    sorted[whole.unwrap_or(0).min(sorted.len() - 1)]
}

/// The test of an objective on one run.
fn tested(process: Process, values: &[f64], part: f64, limit: f64) -> LimitTest {
    let over = |limit: f64| -> Vec<bool> { values.iter().map(|value| *value > limit).collect() };
    let hits = over(limit);
    let worth = Spread::of(&hits).worth();
    let worth = match process {
        Process::Errors(_) => worth,
        _ => BODY.iter().fold(worth, |worth, part| {
            let effect = Spread::of(&over(exceeded_by(*part, values))).design_effect;
            worth.with_kept(effect)
        }),
    };
    let k = hits.iter().filter(|hit| **hit).count() as u64;
    at_most(part, k, values.len() as u64, worth)
}

/// Prints how often the truth is said to be exceeded, and kept, and holds that against what is promised.
#[expect(clippy::print_stdout, reason = "the table is what this test is for")]
pub(crate) fn print_and_check(runs: u64) {
    println!("\n| responses | limit | exceeded, promised {FAIL} | kept, promised {PASS} | runs |");
    println!("| --- | --- | --: | --: | --: |");
    for process in [
        Process::Lognormal(1.0),
        Process::Lognormal(2.0),
        Process::Pareto(2.1),
        Process::Queue(0.5),
        Process::Queue(0.8),
        Process::Pauses(50.0),
        Process::Pauses(500.0),
        Process::Follows(0.9),
        Process::Errors(0.0),
        Process::Errors(0.8),
    ] {
        let errors = matches!(process, Process::Errors(_));
        let truth = process.run(if errors { 1 } else { TRUTH }, u64::MAX);
        for part in [0.1, 0.01] {
            if errors && part > 0.01 {
                continue;
            }
            let limit = if errors {
                0.5
            } else {
                exceeded_by(part, &truth)
            };
            let (mut exceeded, mut kept) = (0, 0);
            for seed in 0..runs {
                let test = tested(process, &process.run(RESPONSES, seed), part, limit);
                exceeded += u64::from(test.p_exceeded <= FAIL);
                kept += u64::from(test.p_kept <= PASS);
            }
            let percent = |count: u64| 100.0 * count as f64 / runs as f64;
            let name = if errors {
                "errors".to_owned()
            } else {
                format!("p{}", 100.0 * (1.0 - part))
            };
            println!(
                "| {process:?} | {name} | {:.1} % | {:.1} % | {runs} |",
                percent(exceeded),
                percent(kept)
            );
            assert_at_most(
                &format!("{process:?} {name}: exceeded"),
                exceeded,
                runs,
                FAIL,
            );
            assert_at_most(&format!("{process:?} {name}: kept"), kept, runs, PASS);
        }
    }
}
