//! The loop that sends requests: one task a connection, all tasks of a thread on one runtime.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout, timeout_at};

use super::connect::connect;
use super::exchange::Connection;
use super::{Job, LoadError};
use crate::bucket::{Names, Reply};
use crate::observe::{Failure, FailureKind, Observation, Outcome, Recorder, Sent};
use crate::plan::{Part, Reuse, Stop};

/// How often a thread hands over what it counted: at first, and at most.
const HAND_OVER: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// The longest pause of a worker whose connections are refused, so that a dead target costs no full core.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A larger buffer is given back after its answer: one large body must not cost every connection its memory.
const KEPT_BODY: usize = 64 << 10;

/// What the workers of one thread share.
struct Lane {
    job: Arc<Job>,
    names: RefCell<Names>,
    recorder: RefCell<Recorder>,
    rng: RefCell<Xoshiro256PlusPlus>,
    /// When the last request ended.
    last: Cell<Instant>,
}

/// What a worker keeps between requests.
#[derive(Default)]
struct Line {
    kept: Option<Connection>,
    /// The number of the connection last used.
    number: u32,
    body: Vec<u8>,
}

/// Runs one thread's part to its end, handing over counts as it goes.
pub(super) fn thread(
    job: Arc<Job>,
    part: Part,
    deltas: &Sender<Observation>,
) -> Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(LoadError::Thread)?;
    let rng = Xoshiro256PlusPlus::seed_from_u64(job.plan.seed.wrapping_add(part.index.into()));
    let lane = Rc::new(Lane {
        names: RefCell::default(),
        recorder: RefCell::default(),
        rng: RefCell::new(rng),
        last: Cell::new(job.start),
        job,
    });
    LocalSet::new().block_on(&runtime, async {
        let mut workers = JoinSet::new();
        for _ in 0..part.connections {
            workers.spawn_local(worker(Rc::clone(&lane)));
        }
        let mut pause = HAND_OVER.0;
        let mut hand_over = tokio::time::Instant::now() + pause;
        loop {
            match timeout_at(hand_over, workers.join_next()).await {
                Ok(None) => break,
                Ok(Some(ended)) => {
                    if let Err(error) = ended
                        && let Ok(panic) = error.try_into_panic()
                    {
                        std::panic::resume_unwind(panic);
                    }
                }
                Err(_) => {
                    // The receiver outlives all threads; were it gone, nobody would want the counts.
                    let _ = deltas.send(lane.drain());
                    // The longer a run takes, the less a few more answers matter.
                    pause = (pause * 5 / 4).min(HAND_OVER.1);
                    hand_over = tokio::time::Instant::now() + pause;
                }
            }
        }
    });
    let _ = deltas.send(lane.drain());
    Ok(())
}

/// One request after another until there are no more.
async fn worker(lane: Rc<Lane>) {
    let mut kept = Line::default();
    let mut refused = 0_u32;
    while let Some(sequence) = lane.take() {
        let (outcome, latency) = lane.request(&mut kept).await;
        let unconnected =
            matches!(&outcome, Outcome::Failed(failure) if failure.kind <= FailureKind::Tls);
        let sent = Sent {
            sequence,
            connection: kept.number,
        };
        lane.recorder.borrow_mut().record(sent, outcome, latency);
        if kept.body.capacity() > KEPT_BODY {
            kept.body = Vec::new();
        }
        lane.last.set(Instant::now());
        refused = if unconnected { refused + 1 } else { 0 };
        if refused > 0 {
            sleep(LONGEST_PAUSE.min(Duration::from_millis(1 << refused.min(10)))).await;
        }
    }
}

impl Lane {
    /// Takes the right to send one more request: its place in the order of dispatch.
    fn take(&self) -> Option<u64> {
        if self.job.stop.load(Ordering::Relaxed) {
            return None;
        }
        let next = || self.job.next.fetch_add(1, Ordering::Relaxed);
        match self.job.plan.stop {
            Stop::Requests(n) => Some(next()).filter(|sequence| *sequence < n),
            Stop::Elapsed(duration) => (self.job.start.elapsed() < duration).then(next),
        }
    }

    /// Sends one request, over the kept connection or a new one.
    async fn request(&self, line: &mut Line) -> (Outcome<usize>, Duration) {
        let plan = &self.job.plan;
        let Line { kept, number, body } = line;
        loop {
            let (mut connection, fresh) = if let Some(connection) = kept.take() {
                (connection, false)
            } else {
                // A connection that fails has a number as well: it is a draw of its own.
                *number = self.job.next_connection.fetch_add(1, Ordering::Relaxed);
                match self.connect(*number).await {
                    Ok(connection) => (connection, true),
                    Err(failure) => return (Outcome::Failed(failure), Duration::ZERO),
                }
            };
            let sent = Instant::now();
            let answer = timeout(plan.timeout, connection.exchange(&plan.request, body)).await;
            let latency = sent.elapsed();
            match answer {
                Ok(Ok(head)) => {
                    let peer = connection.peer;
                    if connection.reusable() {
                        *kept = Some(connection);
                    }
                    let reply = Reply {
                        status: head.status.as_u16(),
                        headers: &head.headers,
                        body,
                        peer,
                    };
                    let value = self.job.bucketer.value(&reply);
                    let id = self.names.borrow_mut().id(
                        &self.job.bucketer,
                        value.as_deref(),
                        reply.status,
                    );
                    return (Outcome::Answered(id.index()), latency);
                }
                // A kept connection that the server was closing is no failure of the request: a fresh one takes it.
                Ok(Err(broken)) if broken.unsent && !fresh => {
                    self.recorder.borrow_mut().retried();
                }
                Ok(Err(broken)) => return (Outcome::Failed(broken.failure), latency),
                Err(_) => {
                    let message = format!("no complete answer within {:?}", plan.timeout);
                    return (
                        Outcome::Failed(Failure {
                            kind: FailureKind::Timeout,
                            message,
                        }),
                        latency,
                    );
                }
            }
        }
    }

    async fn connect(&self, number: u32) -> Result<Connection, Failure> {
        let quota = match self.job.plan.reuse {
            Reuse::Unlimited => u32::MAX,
            Reuse::Between { min, max } => self.rng.borrow_mut().random_range(min..=max),
        };
        let connection = connect(&self.job, number, quota).await?;
        self.recorder.borrow_mut().connected();
        Ok(connection)
    }

    fn drain(&self) -> Observation {
        let elapsed = self.last.get().duration_since(self.job.start);
        self.recorder
            .borrow_mut()
            .drain(self.names.borrow().buckets(), elapsed)
    }
}
