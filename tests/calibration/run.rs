//! One run as the program does it, but for the sockets: requests are dispatched, answers come back in their own time, the
//! watch looks at what has come, and what is left at the end is judged.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::thread;
use std::time::Duration;

use resplit::observe::{Observation, Outcome as End, Recorder, Sent, Timing};
use resplit::report::ObservationRows;
use resplit::split::{Bucket, Expected, Identity, parse_weights};
use resplit::verdict::attribution::Attribution;
use resplit::verdict::mapping::Mapping;
use resplit::verdict::{
    Balancing, Evidence, Number, Outcome, Policy, Test, Unit, Verdict, Watch, judge,
};

use super::traffic::{Line, Mesh, Traffic};

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
    /// At a number that the user gives.
    Exactly(u64),
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
    /// Microseconds between the starts of an open loop; a closed loop asks when a connection is free.
    pub(crate) every: Option<f64>,
    /// Microseconds after which nothing more is sent.
    pub(crate) until: Option<f64>,
    pub(crate) test: Option<Test>,
    /// What responses say in the header `server`.
    pub(crate) server: &'static str,
}

/// What came of one run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) verdict: Verdict,
    pub(crate) unit: Unit,
    /// Requests after which it was certain, or all.
    pub(crate) requests: u64,
    /// All requests.
    pub(crate) sent: u64,
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
            every: None,
            until: None,
            test: None,
            server: "istio-envoy",
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

    /// So many requests, as `-n` sends them, over kept-alive connections.
    pub(crate) fn exactly(declared: &'static str, requests: u64) -> Self {
        Self {
            ending: Ending::Exactly(requests),
            ..Self::fixed(declared)
        }
    }

    /// For so many microseconds, as `-z` sends, over kept-alive connections.
    pub(crate) fn lasting(declared: &'static str, micros: f64) -> Self {
        Self {
            until: Some(micros),
            ..Self::exactly(declared, u64::MAX)
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
        let threads = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        let part = |own: u64| {
            let seeds = own * runs / threads..(own + 1) * runs / threads;
            seeds
                .map(|seed| self.run(traffic, seed))
                .collect::<Vec<_>>()
        };
        let runs = thread::scope(|scope| {
            let parts: Vec<_> = (0..threads)
                .map(|own| scope.spawn(move || part(own)))
                .collect();
            let parts = parts.into_iter();
            parts
                .flat_map(|part| part.join().expect("no run panics"))
                .collect()
        });
        Runs { runs }
    }

    /// One run.
    pub(crate) fn run(&self, traffic: &Traffic, stream: u64) -> Run {
        let (seen, _, verdict) = self.judged(traffic, stream);
        Run {
            unit: verdict.unit,
            requests: verdict.decided_after.unwrap_or(seen.sent),
            sent: seen.sent,
            verdict,
        }
    }

    /// The interval of the share of each target, as a report of one run has it.
    pub(crate) fn intervals(&self, traffic: &Traffic, stream: u64) -> Vec<[f64; 2]> {
        let (seen, mapping, verdict) = self.judged(traffic, stream);
        let (expected, policy) = (self.expected(), self.policy());
        let pair = Some((&expected, &mapping));
        let rows = ObservationRows::of(&seen, pair, &policy, verdict.intervals);
        rows.targets.iter().map(|row| row.share_interval).collect()
    }

    /// What one run saw, and the verdict on it.
    fn judged(&self, traffic: &Traffic, stream: u64) -> (Observation, Mapping, Verdict) {
        let (expected, policy) = (self.expected(), self.policy());
        let design = policy.design(&expected, 0);
        let (most, mut watch) = match self.ending {
            Ending::Decided => (
                design.requests_sequential(),
                Some(Watch::new(&expected, &policy)),
            ),
            Ending::Fixed => (design.requests_fixed(), None),
            Ending::Exactly(requests) => (requests, None),
        };
        let seen = self.traffic(traffic, stream, most, |seen| {
            let mapping = mapping(&expected, seen);
            watch
                .as_mut()
                .is_some_and(|watch| watch.look(seen, &expected, &mapping))
        });
        let mapping = mapping(&expected, &seen);
        let declared = Some((&expected, &mapping));
        let attribution = Attribution::new(&seen, declared);
        let evidence = Evidence {
            declared,
            seen: &seen,
            attribution: &attribution,
            hypotheses: &[],
            key: None,
        };
        let verdict = judge(evidence, &policy, watch.as_ref());
        (seen, mapping, verdict)
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
        let mut client = Client::new(self, traffic.mesh(stream), most);
        let mut seen = Observation::default();
        while let Some(ended) = client.next() {
            // Where nobody looks before the end, nothing need be handed over before.
            if self.ending == Ending::Decided && ended.is_multiple_of(HAND_OVER as u64) {
                seen.merge(&client.recorder.drain(&buckets, Duration::ZERO));
                client.stop |= certain(&seen);
            }
        }
        seen.merge(&client.recorder.drain(&buckets, Duration::ZERO));
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
            number: match self.ending {
                Ending::Decided | Ending::Fixed => Number::Planned,
                Ending::Exactly(_) => Number::Fixed,
            },
            test: self.test,
            require_healthy: false,
            seed: 0,
        }
    }
}

impl Run {
    /// Whether this is said beside the verdict.
    pub(crate) fn has_caveat(&self, id: &str) -> bool {
        self.verdict.caveats.iter().any(|caveat| caveat.id() == id)
    }

    /// The first explanation of a divergence.
    pub(crate) fn finding(&self) -> &str {
        let first = self.verdict.diagnosis.first();
        first.map_or("", |finding| finding.id())
    }
}

impl Runs {
    /// How many ended so.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        let ended = |run: &&Run| run.verdict.outcome == outcome;
        self.runs.iter().filter(ended).count() as u64
    }
}

/// Who sends: connections that ask when they are free, or at a rate.
struct Client<'a> {
    setup: &'a Setup,
    mesh: Mesh<'a>,
    most: u64,
    stop: bool,
    recorder: Recorder,
    lines: Vec<Line>,
    /// Connections with nothing to do, the one that has waited longest first, and since when.
    free: VecDeque<(usize, f64)>,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    begun: u64,
    ended: u64,
    connections: u32,
}

/// When a response comes, its place in the order, its line and connection, and the number of its bucket.
type UnderWay = (Time, u64, usize, u32, usize);

/// Connections that a rate may open for each that it begins with.
const ROOM: usize = 10;

impl<'a> Client<'a> {
    fn new(setup: &'a Setup, mesh: Mesh<'a>, most: u64) -> Self {
        Self {
            setup,
            mesh,
            most,
            stop: false,
            recorder: Recorder::default(),
            lines: vec![Line::default(); setup.concurrency],
            free: (0..setup.concurrency).map(|line| (line, 0.0)).collect(),
            under_way: BinaryHeap::new(),
            begun: 0,
            ended: 0,
            connections: 0,
        }
    }

    /// Sends what is to be sent before the next response, which it takes in; how many came so far.
    fn next(&mut self) -> Option<u64> {
        while let Some((line, now)) = self.due() {
            self.send(line, now);
        }
        let Reverse((Time(now), sequence, line, connection, bucket)) = self.under_way.pop()?;
        let sequence = match self.setup.order {
            Order::Dispatch => sequence,
            Order::Completion => self.ended,
        };
        let sent = Sent {
            sequence,
            connection,
            resent: false,
        };
        self.recorder
            .record(sent, End::Answered(bucket), Timing::of(LATENCY));
        if self.ended == 0 {
            let server = ("header:server".to_owned(), self.setup.server.to_owned());
            self.recorder.carried([server]);
        }
        self.ended += 1;
        self.free.push_back((line, now));
        Some(self.ended)
    }

    /// The connection that sends now, before anything else happens, and when.
    fn due(&mut self) -> Option<(usize, f64)> {
        if self.stop || self.begun == self.most {
            return None;
        }
        let (line, since) = match (self.free.front().copied(), self.setup.every) {
            (Some(free), _) => free,
            (None, Some(_)) if self.lines.len() < ROOM * self.setup.concurrency => {
                self.lines.push(Line::default());
                (self.lines.len() - 1, 0.0)
            }
            (None, _) => return None,
        };
        let at = match self.setup.every {
            None => since,
            Some(every) => since.max(every * self.begun as f64),
        };
        let next = self.under_way.peek().map(|Reverse((Time(next), ..))| *next);
        let waits = self.setup.every.is_some() && next.is_some_and(|next| next < at);
        if waits || self.setup.until.is_some_and(|until| at >= until) {
            if self.free.front().is_none_or(|free| free.0 != line) {
                self.lines.pop();
            }
            return None;
        }
        if self.free.front().is_some_and(|free| free.0 == line) {
            self.free.pop_front();
        }
        Some((line, at))
    }

    fn send(&mut self, line: usize, now: f64) {
        let own = &mut self.lines[line];
        if own.requests() == 0 || own.requests() >= self.setup.reuse {
            *own = Line::new(self.connections);
            self.connections += 1;
            self.recorder.connected(resplit::observe::Setup::default());
        }
        let answer = self.mesh.answer(own);
        let nobody = self.setup.shares().len();
        let bucket = answer.target.unwrap_or(nobody);
        let at = Time(now + answer.after);
        self.under_way
            .push(Reverse((at, self.begun, line, own.number, bucket)));
        self.begun += 1;
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
