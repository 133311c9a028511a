//! One run as the program does it, but for the sockets: requests are dispatched, answers come back in their own time, the
//! watch looks at what has come, and what is left at the end is judged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use resplit::observe::{Observation, Outcome as End, Recorder, Sent, Timing};
use resplit::split::{Bucket, Expected, Identity, parse_weights};
use resplit::verdict::attribution::Attribution;
use resplit::verdict::mapping::Mapping;
use resplit::verdict::{Balancing, Evidence, Outcome, Policy, Unit, Verdict, Watch, judge};

use super::traffic::{Line, Traffic};

/// Answers between two looks; the engine hands over what came in every few milliseconds.
const HAND_OVER: usize = 20;

/// The latency that is recorded; nothing is judged by it here.
const LATENCY: Duration = Duration::from_millis(1);

/// How the requests are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they are sent.
    Dispatch,
    /// As their answers come in: wrong, and shown to be.
    Completion,
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// When the answer is certain, at the planned number at the latest.
    Decided,
    /// At the planned number.
    Fixed,
}

/// A declared split, and how it is tested.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) declared: &'static str,
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) resolution: Option<f64>,
    pub(crate) max_unattributed: f64,
    pub(crate) balancing: Balancing,
    pub(crate) order: Order,
    pub(crate) ending: Ending,
    /// Requests under way at any time.
    pub(crate) concurrency: usize,
    /// Requests per connection.
    pub(crate) reuse: usize,
}

/// What came of one run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) verdict: Verdict,
    pub(crate) unit: Unit,
    /// Requests after which it was certain, or all.
    pub(crate) requests: u64,
}

/// What came of many.
pub(crate) struct Runs {
    pub(crate) runs: Vec<Run>,
}

impl Setup {
    /// The defaults of the program.
    pub(crate) fn new(declared: &'static str) -> Self {
        Self {
            declared,
            alpha: 0.001,
            beta: 0.01,
            resolution: None,
            max_unattributed: 0.01,
            balancing: Balancing::Request,
            order: Order::Dispatch,
            ending: Ending::Decided,
            concurrency: 50,
            reuse: 2,
        }
    }

    /// One look at the planned number, over kept-alive connections.
    pub(crate) fn fixed(declared: &'static str) -> Self {
        Self {
            ending: Ending::Fixed,
            reuse: usize::MAX,
            ..Self::new(declared)
        }
    }

    /// The declared shares.
    pub(crate) fn shares(&self) -> Vec<f64> {
        let expected = self.expected();
        let shares = expected.declared().iter();
        shares.map(|declared| declared.share.as_f64()).collect()
    }

    /// Runs with the seeds from 0 on.
    pub(crate) fn repeat(&self, runs: u64, traffic: &Traffic) -> Runs {
        let runs = (0..runs).map(|seed| self.run(traffic, seed)).collect();
        Runs { runs }
    }

    /// One run.
    pub(crate) fn run(&self, traffic: &Traffic, stream: u64) -> Run {
        let (expected, policy) = (self.expected(), self.policy());
        let design = policy.design(&expected);
        let (most, mut watch) = match self.ending {
            Ending::Decided => (
                design.requests_sequential(),
                Some(Watch::new(&expected, &policy)),
            ),
            Ending::Fixed => (design.requests_fixed(), None),
        };
        let seen = self.traffic(traffic, stream, most, |seen| {
            let mapping = mapping(&expected, seen);
            watch
                .as_mut()
                .is_some_and(|watch| watch.look(seen, &expected, &mapping))
        });
        let mapping = mapping(&expected, &seen);
        let declared = Some((&expected, &mapping));
        let sorted = Attribution::new(&seen, declared);
        let evidence = Evidence {
            declared,
            seen: &seen,
            sorted: &sorted,
            rivals: &[],
        };
        let verdict = judge(evidence, &policy, watch.as_ref());
        Run {
            unit: verdict.unit,
            requests: verdict.decided_after.unwrap_or(seen.sent),
            verdict,
        }
    }

    /// Sends until `certain` says so, at most so many requests; what was under way then still comes in.
    fn traffic(
        &self,
        traffic: &Traffic,
        stream: u64,
        most: u64,
        mut certain: impl FnMut(&Observation) -> bool,
    ) -> Observation {
        let buckets = buckets(&self.expected());
        let nobody = buckets.len() - 1;
        let mut mesh = traffic.mesh(stream);
        let (mut recorder, mut seen) = (Recorder::default(), Observation::default());
        let mut under_way = BinaryHeap::new();
        let mut lines = vec![Line::default(); self.concurrency];
        let (mut begun, mut ended, mut connections, mut stop) = (0_u64, 0_u64, 0_u32, false);
        let mut free: Vec<(usize, f64)> = (0..self.concurrency)
            .rev()
            .map(|line| (line, 0.0))
            .collect();
        loop {
            while let Some((at, now)) = free.pop() {
                if stop || begun == most {
                    continue;
                }
                if lines[at].requests() == 0 || lines[at].requests() >= self.reuse {
                    lines[at] = Line::new(connections);
                    connections += 1;
                    recorder.connected(resplit::observe::Setup::default());
                }
                let answer = mesh.answer(&mut lines[at]);
                let bucket = answer.target.unwrap_or(nobody);
                under_way.push(Reverse((
                    Time(now + answer.after),
                    begun,
                    at,
                    lines[at].number,
                    bucket,
                )));
                begun += 1;
            }
            let Some(Reverse((Time(now), sequence, at, connection, bucket))) = under_way.pop()
            else {
                break;
            };
            let sequence = match self.order {
                Order::Dispatch => sequence,
                Order::Completion => ended,
            };
            let place = Sent {
                sequence,
                connection,
            };
            recorder.record(place, End::Answered(bucket), Timing::of(LATENCY));
            ended += 1;
            free.push((at, now));
            if ended.is_multiple_of(HAND_OVER as u64) {
                seen.merge(&recorder.drain(&buckets, Duration::ZERO));
                stop = stop || certain(&seen);
            }
        }
        seen.merge(&recorder.drain(&buckets, Duration::ZERO));
        certain(&seen);
        seen
    }

    fn expected(&self) -> Expected {
        parse_weights(&[self.declared]).expect("the declared split of a test")
    }

    fn policy(&self) -> Policy {
        Policy {
            alpha: self.alpha,
            beta: self.beta,
            tolerance: 0.0,
            resolution: self.resolution,
            max_unattributed: self.max_unattributed,
            allow_unexpected: 0,
            balancing: self.balancing,
            seed: 0,
            require_healthy: false,
        }
    }
}

impl Run {
    /// Whether this is said beside the verdict.
    pub(crate) fn has_caveat(&self, id: &str) -> bool {
        self.verdict.caveats.iter().any(|caveat| caveat.id == id)
    }

    /// The first explanation of a divergence.
    pub(crate) fn finding(&self) -> &str {
        let first = self.verdict.diagnosis.first();
        first.map_or("", |finding| finding.id.as_str())
    }
}

impl Runs {
    /// How many ended so.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        let ended = |run: &&Run| run.verdict.outcome == outcome;
        self.runs.iter().filter(ended).count() as u64
    }
}

/// A moment; never NaN.
#[derive(Clone, Copy, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

fn mapping(expected: &Expected, seen: &Observation) -> Mapping {
    Mapping::derive(expected, &[], seen.tallies.keys())
        .expect("every value is the name of a target")
}

/// One bucket per target, and one that no target signs.
fn buckets(expected: &Expected) -> Vec<Bucket> {
    let named = expected.declared().iter().map(|declared| Bucket {
        identity: Identity::Value(declared.name.clone()),
        status: 200,
    });
    let nobody = Bucket {
        identity: Identity::Missing,
        status: 503,
    };
    named.chain([nobody]).collect()
}
