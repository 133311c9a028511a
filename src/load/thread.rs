//! One thread: its workers, the schedule of an open loop, the sweep of deadlines, and the hand-over of counts. Not: a
//! request.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet, LocalSet};

use super::lane::{Due, Lane};
use super::seat::Seat;
use super::timer::Timer;
use super::worker::{Group, Line, worker};
use super::{Job, LoadError};
use crate::observe::Observation;
use crate::plan::Part;

/// How often a thread hands over what it counted: at first, and at most.
const HAND_OVER: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// How often deadlines are looked at, at least; a timeout is late by this much at most.
const SWEEP: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Sweeps within one timeout.
const SWEEPS: u32 = 16;
/// Hand-overs that may wait for whoever watches; counts are handed over later where he is slow.
const WAITING: u32 = 4;

/// The workers of a thread.
struct Crew {
    lane: Rc<Lane>,
    part: Part,
    tasks: JoinSet<()>,
    seats: Vec<Rc<Seat>>,
    /// What workers of an HTTP/2 connection share.
    groups: Vec<Rc<Group>>,
}

/// Why the pacer was woken.
enum Woken {
    /// It is time, or something changed.
    Look,
    /// The last worker has gone.
    Done,
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
        .max_blocking_threads(1)
        .build()
        .map_err(LoadError::Thread)?;
    let lane = Rc::new(Lane::new(job, &part));
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let timer = Timer::new().map_err(LoadError::Thread)?;
        pace(Crew::new(Rc::clone(&lane), part), timer, deltas).await;
        Ok(())
    })?;
    // The receiver outlives all threads; were it gone, nobody would want the counts.
    let _ = deltas.send(lane.drain());
    Ok(())
}

async fn pace(mut crew: Crew, mut timer: Timer, deltas: &Sender<Observation>) {
    let lane = Rc::clone(&crew.lane);
    let every = (lane.job.plan.timeout / SWEEPS).clamp(SWEEP.0, SWEEP.1);
    let mut sweep = Instant::now() + every;
    let mut pause = HAND_OVER.0;
    let mut hand_over = Instant::now() + pause;
    loop {
        let now = Instant::now();
        let due = crew.dispatch(now);
        if now >= sweep {
            for seat in &crew.seats {
                seat.sweep(now);
            }
            sweep = now + every;
        }
        if now >= hand_over {
            // The longer a run takes, the less a few more answers matter.
            pause = (pause * 5 / 4).min(HAND_OVER.1);
            hand_over = now + pause;
            if lane.job.waiting.load(Ordering::Relaxed) < WAITING * lane.job.plan.threads {
                lane.job.waiting.fetch_add(1, Ordering::Relaxed);
                let _ = deltas.send(lane.drain());
            }
        }
        let next = due.map_or(sweep.min(hand_over), |due| due.min(sweep).min(hand_over));
        if matches!(crew.until(&mut timer, next).await, Woken::Done) {
            return;
        }
    }
}

impl Crew {
    /// All workers of a closed loop; those of an open loop that are there from the start.
    fn new(lane: Rc<Lane>, part: Part) -> Self {
        let mut crew = Self {
            tasks: JoinSet::new(),
            seats: Vec::new(),
            groups: Vec::new(),
            lane,
            part,
        };
        let plan = &crew.lane.job.plan;
        let (streams, total) = (plan.streams, plan.connections);
        let ramp = plan.ramp_up;
        for connection in 0..part.connections {
            let number = part.first + connection;
            let after = ramp.mul_f64(f64::from(number) / f64::from(total));
            for _ in 0..streams {
                crew.hire(after);
            }
        }
        crew
    }

    fn hire(&mut self, after: Duration) -> Rc<Seat> {
        let plan = &self.lane.job.plan;
        let line = if plan.request.protocol.multiplexes() {
            let streams = usize::try_from(plan.streams).unwrap_or(1);
            let group = self.seats.len() / streams;
            if group == self.groups.len() {
                self.groups.push(Rc::default());
            }
            Line::Shared(Rc::clone(&self.groups[group]))
        } else {
            Line::Own(None)
        };
        let seat = Rc::new(Seat::default());
        self.seats.push(Rc::clone(&seat));
        let work = worker(Rc::clone(&self.lane), Rc::clone(&seat), line, after);
        self.tasks.spawn_local(work);
        seat
    }

    /// Hands out what is due in an open loop; when to look again.
    fn dispatch(&mut self, now: Instant) -> Option<Instant> {
        let lane = Rc::clone(&self.lane);
        if !lane.open() {
            return None;
        }
        if lane.job.stop.load(Ordering::Relaxed) {
            lane.close(false);
        }
        let cut_off = lane.cut_off();
        if cut_off.is_some_and(|at| at <= now) {
            lane.close(true);
        }
        let most = usize::try_from(self.part.in_flight).unwrap_or(usize::MAX);
        loop {
            match lane.due(now) {
                Due::Never => {
                    lane.close(false);
                    return None;
                }
                Due::At(at) => {
                    lane.full.set(false);
                    return Some(at);
                }
                Due::Now => {
                    let seat = match lane.idle() {
                        Some(seat) => seat,
                        None if self.seats.len() < most => self.hire(Duration::ZERO),
                        None => {
                            // Whoever is free next takes it, and says so when there is nothing left.
                            lane.full.set(true);
                            return cut_off;
                        }
                    };
                    match lane.take() {
                        Some(ticket) => seat.hand(ticket),
                        None => lane.wait(&seat),
                    }
                }
            }
        }
    }

    /// Waits until then, or until there is something to see to.
    async fn until(&mut self, timer: &mut Timer, at: Instant) -> Woken {
        poll_fn(|context| {
            self.lane.pacer.register(context);
            if self.lane.roused.replace(false) {
                return Poll::Ready(Woken::Look);
            }
            loop {
                match self.tasks.poll_join_next(context) {
                    Poll::Ready(Some(ended)) => rethrow(ended),
                    Poll::Ready(None) if !self.lane.open() || self.lane.closed() => {
                        return Poll::Ready(Woken::Done);
                    }
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            timer.poll(context, at).map(|()| Woken::Look)
        })
        .await
    }
}

/// A worker that panics ends the run.
fn rethrow(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
