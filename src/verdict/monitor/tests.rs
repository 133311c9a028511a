//! What becomes of a watch, by what it is given.

use proptest::prelude::*;

use super::*;
use crate::split::parse_weights;
use crate::stats::sampler::Sampler;

/// One false alarm a month at one request a second.
const MONTH: f64 = 2_629_800.0;

fn monitor(weights: &str) -> Monitor {
    let expected = parse_weights(&[weights]).expect("weights");
    let aims = Aims {
        requests_per_alarm: MONTH,
        policy: Policy::default(),
    };
    Monitor::new(&expected, &aims)
}

/// A server that responds for targets at random.
struct Server(Sampler);

impl Server {
    fn new(seed: u64) -> Self {
        Self(Sampler::new(seed))
    }

    /// Sends requests at one a second until something is told, at most so many.
    fn until(&mut self, monitor: &mut Monitor, shares: &[f64], most: u64) -> Option<(u64, Event)> {
        (0..most).find_map(|at| {
            let target = self.0.one_of(shares);
            let event = monitor.push(Response::Target(target, "v"), at)?;
            Some((at, event))
        })
    }
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Diverged { .. } => "diverged",
        Event::Recovered { .. } => "recovered",
        Event::Failing { .. } => "failing",
        Event::Responding { .. } => "responding",
        Event::Unreachable { .. } => "unreachable",
        Event::Reachable { .. } => "reachable",
    }
}

#[test]
fn a_split_that_holds_tells_nothing() {
    let cases: [(&str, &[f64]); 4] = [
        ("v1=90,v2=10", &[0.9, 0.1]),
        ("v1=50,v2=50", &[0.5, 0.5]),
        ("v1=99,v2=1", &[0.99, 0.01]),
        ("v1=80,v2=10,v3=10", &[0.8, 0.1, 0.1]),
    ];
    for (seed, (weights, shares)) in (0..).zip(cases) {
        let mut monitor = monitor(weights);
        assert_eq!(monitor.state(), State::NoData);
        let told = Server::new(seed).until(&mut monitor, shares, 100_000);
        assert_eq!(told, None, "{weights}");
        assert_eq!(monitor.state(), State::Ok);
        let period = monitor.period();
        assert_eq!(period.counts.requests(), 100_000);
        for (seen, share) in period.shares.iter().zip(shares) {
            assert!(!seen.is_off && seen.interval.contains(*share), "{seen:?}");
        }
    }
}

#[test]
fn a_split_that_changes_diverges_and_recovers() {
    let mut monitor = monitor("v1=90,v2=10");
    let mut server = Server::new(1);
    assert_eq!(server.until(&mut monitor, &[0.9, 0.1], 5000), None);
    let (after, event) = server
        .until(&mut monitor, &[0.85, 0.15], 10_000)
        .expect("it is seen");
    let Event::Diverged {
        cause,
        period,
        evidence,
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!(cause, Cause::Share("v2".to_owned()));
    assert!(evidence.value >= evidence.threshold);
    assert!(after < 3000, "{after}");
    // The change is dated within what it took to see it, and the interval holds the new share alone.
    let requests = period.counts.requests();
    assert!(
        requests.abs_diff(after) < after / 2 + 200,
        "{requests} of {after}"
    );
    assert!(
        period.shares[1].interval.contains(0.15) && period.shares[1].is_off,
        "{period:?}"
    );
    assert_eq!(monitor.state(), State::Diverged);
    // It stays what it is as long as the split does.
    assert_eq!(server.until(&mut monitor, &[0.85, 0.15], 50_000), None);
    let (after, event) = server
        .until(&mut monitor, &[0.9, 0.1], 20_000)
        .expect("it is seen");
    let Event::Recovered { period, .. } = event else {
        panic!("{event:?}")
    };
    assert!(
        period.counts.requests() <= after + 200,
        "{after}: {period:?}"
    );
    assert!(period.shares.iter().all(|seen| !seen.is_off));
    assert_eq!(monitor.state(), State::Ok);
}

#[test]
fn an_outage_is_no_divergence_and_leaves_the_split_as_it_was() {
    let mut monitor = monitor("v1=90,v2=10");
    let mut server = Server::new(2);
    server.until(&mut monitor, &[0.9, 0.1], 1000);
    let told: Vec<Event> = (0..3600)
        .filter_map(|at| {
            let refused = Response::Failed(FailureKind::Connect, "connection refused");
            monitor.push(refused, at)
        })
        .collect();
    let [Event::Unreachable { counts, last }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (
            counts.requests(),
            counts.failures[&FailureKind::Connect],
            last.as_str()
        ),
        (5, 5, "connection refused")
    );
    assert_eq!(monitor.state(), State::Unreachable);
    let (_, event) = server
        .until(&mut monitor, &[0.9, 0.1], 10)
        .expect("it is back");
    let Event::Reachable {
        counts,
        in_a_row,
        state,
    } = event
    else {
        panic!("{event:?}")
    };
    assert_eq!((counts.failed(), in_a_row, state), (3600, 5, State::Ok));
    assert_eq!(server.until(&mut monitor, &[0.9, 0.1], 20_000), None);
}

#[test]
fn a_divergence_outlasts_an_outage() {
    let mut monitor = monitor("v1=90,v2=10");
    let mut server = Server::new(3);
    server
        .until(&mut monitor, &[0.5, 0.5], 1000)
        .expect("it diverges");
    (0..10).for_each(|at| drop(monitor.push(Response::Error("503"), at)));
    let (_, event) = server
        .until(&mut monitor, &[0.5, 0.5], 10)
        .expect("it is back");
    assert!(
        matches!(
            event,
            Event::Reachable {
                state: State::Diverged,
                ..
            }
        ),
        "{event:?}"
    );
    assert_eq!(monitor.state(), State::Diverged);
}

#[test]
fn errors_in_the_place_of_a_target_are_failing_responses_and_no_other_split() {
    let mut monitor = monitor("v1=90,v2=10");
    let mut server = Server::new(4);
    server.until(&mut monitor, &[0.9, 0.1], 2000);
    let mut told = Vec::new();
    for at in 0..20_000 {
        let response = match server.0.one_of(&[0.9, 0.1]) {
            0 => Response::Target(0, "v1"),
            _ => Response::Error("503 no healthy upstream"),
        };
        told.extend(monitor.push(response, at));
    }
    let [Event::Failing { period, last, .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(period.counts.errors > 5, "{period:?}");
    assert_eq!(last, "503 no healthy upstream");
    assert_eq!(monitor.state(), State::Failing);
    let (_, event) = server
        .until(&mut monitor, &[0.9, 0.1], 10_000)
        .expect("they respond");
    assert_eq!(kind(&event), "responding");
    assert_eq!(monitor.state(), State::Ok);
}

#[test]
fn a_response_from_elsewhere_diverges_at_once_and_long_silence_from_there_recovers() {
    let mut monitor = monitor("v1=100,v2=0");
    let mut server = Server::new(5);
    assert_eq!(server.until(&mut monitor, &[1.0, 0.0], 10_000), None);
    let event = monitor
        .push(Response::Target(1, "v2"), 10_000)
        .expect("it is told");
    let Event::Diverged { cause, period, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!(cause, Cause::Undeclared("v2".to_owned()));
    assert_eq!(
        (period.counts.undeclared, period.counts.attributed()),
        (1, 0)
    );
    let (after, event) = server
        .until(&mut monitor, &[1.0, 0.0], 10_000)
        .expect("it recovers");
    assert_eq!(kind(&event), "recovered");
    assert!((1000..2000).contains(&after), "{after}");
}

#[test]
fn what_is_tolerated_is_no_divergence() {
    let expected = parse_weights(&["v1=90,v2=10"]).expect("weights");
    let policy = Policy {
        tolerance: 0.03,
        ..Policy::default()
    };
    let aims = Aims {
        requests_per_alarm: MONTH,
        policy,
    };
    let mut monitor = Monitor::new(&expected, &aims);
    let mut server = Server::new(6);
    assert_eq!(server.until(&mut monitor, &[0.87, 0.13], 100_000), None);
    assert!(server.until(&mut monitor, &[0.75, 0.25], 2000).is_some());
}

/// A server whose responses fail by chance, or for a while again and again.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// Each request by itself, this often.
    Partly(f64),
    /// So many requests of so many, of which this part fails.
    InTurn(u64, u64, f64),
    /// For a time of random length: requests on average that fail, and that do not.
    Bursts(f64, f64),
}

impl Outage {
    /// A server that is ill and gets well again; what was told, and when.
    fn told(self, seed: u64) -> Vec<(u64, Event)> {
        let mut monitor = monitor("v1=90,v2=10");
        let mut server = Server::new(seed);
        let (mut told, mut is_failing) = (Vec::new(), false);
        for at in 0..ILL.end + 20_000 {
            let part = match self {
                _ if !ILL.contains(&at) => 0.0,
                Self::Partly(part) => part,
                Self::InTurn(ill, of, part) if at % of < ill => part,
                Self::InTurn(..) => 0.0,
                Self::Bursts(ill, well) => {
                    let ends = 1.0 / if is_failing { ill } else { well };
                    is_failing ^= server.0.uniform() < ends;
                    f64::from(u8::from(is_failing))
                }
            };
            let target = server.0.one_of(&[0.9, 0.1]);
            let response = if server.0.uniform() < part {
                Response::Failed(FailureKind::Connect, "refused")
            } else {
                Response::Target(target, "v")
            };
            told.extend(monitor.push(response, at).map(|event| (at, event)));
        }
        assert_eq!(monitor.state(), State::Ok, "{self:?}: {told:?}");
        told
    }
}

/// When the server is ill, in requests: half a day at one a second.
const ILL: std::ops::Range<u64> = 3000..46_200;

#[test]
fn a_partial_outage_is_told_a_few_times_however_long_it_lasts() {
    let partly = [0.05, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0].map(Outage::Partly);
    let in_turn = [
        (10, 60, 1.0),
        (30, 60, 1.0),
        (6, 12, 1.0),
        (50, 60, 1.0),
        (60, 600, 1.0),
        (300, 900, 1.0),
        (20, 100, 0.9),
        (90, 100, 0.9),
    ];
    let in_turn = in_turn.map(|(ill, of, part)| Outage::InTurn(ill, of, part));
    let bursts = [
        (5.0, 5.0),
        (10.0, 50.0),
        (20.0, 20.0),
        (50.0, 10.0),
        (8.0, 200.0),
    ];
    let bursts = bursts.map(|(ill, well)| Outage::Bursts(ill, well));
    let all = partly.into_iter().chain(in_turn).chain(bursts);
    for (seed, outage) in (100..).zip(all) {
        let told = outage.told(seed);
        let told: Vec<String> = told
            .iter()
            .map(|(at, event)| format!("{at} {}", kind(event)))
            .collect();
        assert!(told.len() <= 10 && !told.is_empty(), "{outage:?}: {told:?}");
    }
}

/// What any server may do.
fn response() -> impl Strategy<Value = Response<'static>> {
    prop_oneof![
        4 => (0_usize..4).prop_map(|target| Response::Target(target, "v")),
        1 => Just(Response::Undeclared("v9")),
        1 => Just(Response::Error("503")),
        1 => Just(Response::Unidentified("status 200")),
        1 => Just(Response::Failed(FailureKind::Reset, "reset")),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_every_event_follows_from_the_state_before_it(
        bursts in prop::collection::vec((response(), 1_u64..400), 1..40),
        weights in prop::sample::select(vec!["a=1", "a=1,b=0", "a=1,b=1", "a=97,b=3", "a=5,b=3,c=2", "a=1,b=1,c=1,d=0"]),
    ) {
        let mut monitor = monitor(weights);
        let targets = parse_weights(&[weights]).expect("weights").declared().len();
        let mut pushed = 0;
        let (mut diverged, mut failing, mut lost) = (false, false, false);
        for (response, times) in bursts {
            let response = match response {
                Response::Target(target, label) if target >= targets => Response::Undeclared(label),
                other => other,
            };
            for _ in 0..times {
                pushed += 1;
                let event = monitor.push(response, pushed);
                if let Some(event) = &event {
                    let before = match event {
                        Event::Diverged { period, .. } => {
                            prop_assert!(period.counts.requests() > 0);
                            std::mem::replace(&mut diverged, true)
                        }
                        Event::Recovered { .. } => !std::mem::replace(&mut diverged, false),
                        Event::Failing { .. } => std::mem::replace(&mut failing, true),
                        Event::Responding { .. } => !std::mem::replace(&mut failing, false),
                        Event::Unreachable { .. } => std::mem::replace(&mut lost, true),
                        Event::Reachable { .. } => !std::mem::replace(&mut lost, false),
                    };
                    prop_assert!(!before, "{:?} came twice", event);
                }
                let state = match (lost, diverged, failing) {
                    (true, ..) => State::Unreachable,
                    (_, true, _) => State::Diverged,
                    (_, _, true) => State::Failing,
                    _ if monitor.total().attributed() + monitor.total().undeclared == 0 => State::NoData,
                    _ => State::Ok,
                };
                prop_assert_eq!(monitor.state(), state);
            }
        }
        prop_assert_eq!(monitor.total().requests(), pushed);
        for seen in monitor.period().shares {
            prop_assert!(seen.interval.lo <= seen.interval.hi);
            prop_assert!(seen.share.is_none_or(|share| seen.interval.lo <= share && share <= seen.interval.hi));
        }
    }
}
