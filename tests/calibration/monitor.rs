//! What `resplit monitor` promises: false alarms in years of one request a second, and how long a change takes to be seen.

use std::time::Instant;

use resplit::split::parse_weights;
use resplit::stats::sampler::Sampler;
use resplit::verdict::Policy;
use resplit::verdict::monitor::{Aims, Event, Monitor, Response, State};

/// Requests of a month and of a year at one a second.
const MONTH: f64 = 2_629_800.0;
const YEAR: u64 = 31_557_600;
/// Healthy requests before a change.
const BEFORE: u64 = 10_000;

fn monitor(weights: &str) -> Monitor {
    let aims = Aims {
        requests_per_alarm: MONTH,
        policy: Policy::default(),
    };
    Monitor::new(&parse_weights(&[weights]).expect("weights"), &aims)
}

/// A server with some shares, and a part of its responses that are errors without a name.
struct Server<'a> {
    shares: &'a [f64],
    errors: f64,
    sampler: Sampler,
}

impl<'a> Server<'a> {
    fn new(shares: &'a [f64], seed: u64) -> Self {
        Self {
            shares,
            errors: 0.0,
            sampler: Sampler::new(seed),
        }
    }

    fn respond(&mut self) -> Response<'static> {
        if self.errors > 0.0 && self.sampler.uniform() < self.errors {
            return Response::Error("503");
        }
        Response::Target(self.sampler.one_of(self.shares), "v")
    }
}

/// Alarms by kind.
#[derive(Default)]
struct Alarms {
    diverged: u64,
    failing: u64,
    unreachable: u64,
}

fn watched(weights: &str, server: &mut Server<'_>, requests: u64) -> Alarms {
    let mut monitor = monitor(weights);
    let mut alarms = Alarms::default();
    for at in 0..requests {
        match monitor.push(server.respond(), at) {
            Some(Event::Diverged { .. }) => alarms.diverged += 1,
            Some(Event::Failing { .. }) => alarms.failing += 1,
            Some(Event::Unreachable { .. }) => alarms.unreachable += 1,
            _ => {}
        }
    }
    alarms
}

/// Requests from a change to the alarm, and whether it was a divergence.
fn delay(weights: &str, before: &[f64], after: &[f64], seed: u64) -> (u64, bool) {
    let mut monitor = monitor(weights);
    let mut server = Server::new(before, seed);
    let mut at = 0;
    while at < BEFORE || monitor.state() != State::Ok {
        let _ = monitor.push(server.respond(), at);
        at += 1;
    }
    server.shares = after;
    let changed = at;
    loop {
        at += 1;
        if let Some(event) = monitor.push(server.respond(), at) {
            return (at - changed, matches!(event, Event::Diverged { .. }));
        }
    }
}

/// So many years of healthy traffic, and the delays of some changes.
#[expect(clippy::print_stdout, reason = "the table is what this test is for")]
pub(crate) fn print_and_check(years: u64) {
    println!(
        "\n| declared | errors | years at 1/s | false: diverged | failing | unreachable | promised, all | ns a request |\n|---|--:|--:|--:|--:|--:|--:|--:|"
    );
    let healthy: [(&str, &[f64], f64); 6] = [
        ("v1=90,v2=10", &[0.9, 0.1], 0.0),
        ("v1=90,v2=10", &[0.9, 0.1], 0.01),
        ("v1=50,v2=50", &[0.5, 0.5], 0.0),
        ("v1=99,v2=1", &[0.99, 0.01], 0.0),
        ("v1=80,v2=10,v3=10", &[0.8, 0.1, 0.1], 0.0),
        ("v1=100,v2=0", &[1.0, 0.0], 0.0),
    ];
    for (seed, (weights, shares, errors)) in (1..).zip(healthy) {
        let mut server = Server {
            errors,
            ..Server::new(shares, seed)
        };
        let begun = Instant::now();
        let requests = years * YEAR;
        let alarms = watched(weights, &mut server, requests);
        let nanos = begun.elapsed().as_nanos() as f64 / requests as f64;
        let promised = requests as f64 / MONTH;
        println!(
            "| {weights} | {errors} | {years} | {} | {} | {} | {promised:.0} | {nanos:.0} |",
            alarms.diverged, alarms.failing, alarms.unreachable
        );
        let all = alarms.diverged + alarms.failing;
        assert!(all as f64 <= promised, "{weights}: {all} of {promised}");
        assert!(alarms.unreachable as f64 <= promised, "{weights}");
    }
    changes(300);
}

/// What is declared, what the shares are before and after a change, and the target that it is about.
type Change<'a> = (&'a str, &'a [f64], &'a [f64], usize);

#[expect(clippy::print_stdout, reason = "as above")]
fn changes(runs: u64) {
    println!(
        "\n| declared | then | stated | mean delay | 95 % within | minutes at 1/s |\n|---|---|--:|--:|--:|--:|"
    );
    let changes: [Change<'_>; 9] = [
        ("v1=90,v2=10", &[0.9, 0.1], &[0.85, 0.15], 1),
        ("v1=90,v2=10", &[0.9, 0.1], &[0.87, 0.13], 1),
        ("v1=90,v2=10", &[0.9, 0.1], &[0.93, 0.07], 1),
        ("v1=90,v2=10", &[0.9, 0.1], &[0.5, 0.5], 1),
        ("v1=90,v2=10", &[0.9, 0.1], &[1.0, 0.0], 1),
        ("v1=50,v2=50", &[0.5, 0.5], &[0.55, 0.45], 1),
        ("v1=99,v2=1", &[0.99, 0.01], &[0.98, 0.02], 1),
        (
            "v1=80,v2=10,v3=10",
            &[0.8, 0.1, 0.1],
            &[0.773_333_333_333_333_3, 0.13, 0.096_666_666_666_666_7],
            1,
        ),
        (
            "v1=80,v2=10,v3=10",
            &[0.8, 0.1, 0.1],
            &[0.76, 0.12, 0.12],
            0,
        ),
    ];
    for (number, (weights, before, after, target)) in (1..).zip(changes) {
        let stated = monitor(weights)
            .delay(target, after[target])
            .expect("it is seen");
        let found = (0..runs).map(|run| delay(weights, before, after, 1000 * number + run));
        let mut delays: Vec<u64> = found
            .filter(|(_, split)| *split)
            .map(|(delay, _)| delay)
            .collect();
        assert_eq!(delays.len() as u64, runs, "{weights} {after:?}");
        delays.sort_unstable();
        let mean = delays.iter().sum::<u64>() as f64 / runs as f64;
        let most = delays[delays.len() * 95 / 100];
        println!(
            "| {weights} | {after:?} | {stated:.0} | {mean:.0} | {most} | {:.1} |",
            mean / 60.0
        );
        assert!(
            (0.75..1.35).contains(&(stated / mean)),
            "{weights} {after:?}: {stated}, {mean}"
        );
    }
}
