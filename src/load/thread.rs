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

/// How often a thread hands over what it counted: at first, and at last.
const HAND_OVER: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// What a thread counted is handed over after one so-many-th of the run so far: at most about that part is sent in vain.
const UNSEEN: u32 = 50;
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
    /// First connections for which there are workers; the others follow over the time of the ramp-up.
    staffed: u32,
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
    let ended = local.block_on(&runtime, async {
        let timer = Timer::new().map_err(LoadError::Thread)?;
        pace(Crew::new(Rc::clone(&lane), part), timer, deltas).await;
        Ok(())
    });
    drop(local);
    // A name service that does not answer is not waited for.
    runtime.shutdown_background();
    ended?;
    // The receiver outlives all threads; were it gone, nobody would want the counts.
    let _ = deltas.send(lane.drain(true));
    Ok(())
}

async fn pace(mut crew: Crew, mut timer: Timer, deltas: &Sender<Observation>) {
    let lane = Rc::clone(&crew.lane);
    let every = (lane.job.plan.timeout / SWEEPS).clamp(SWEEP.0, SWEEP.1);
    let mut sweep = Instant::now() + every;
    let mut hand_over = Instant::now() + HAND_OVER.0;
    loop {
        let now = Instant::now();
        let staffing = crew.staff(now);
        let due = crew.dispatch(now);
        if now >= sweep {
            for seat in &crew.seats {
                seat.sweep(now);
            }
            sweep = now + every;
        }
        if now >= hand_over {
            // The longer a run takes, the less a few more responses matter.
            let pause = (lane.job.epoch.elapsed() / UNSEEN).clamp(HAND_OVER.0, HAND_OVER.1);
            hand_over = now + pause;
            if lane.job.waiting.load(Ordering::Relaxed) < WAITING * lane.job.plan.threads {
                lane.job.waiting.fetch_add(1, Ordering::Relaxed);
                let _ = deltas.send(lane.drain(false));
            }
        }
        let next = [due, staffing]
            .into_iter()
            .flatten()
            .fold(sweep.min(hand_over), Instant::min);
        if matches!(crew.until(&mut timer, next).await, Woken::Done) {
            return;
        }
    }
}

impl Crew {
    fn new(lane: Rc<Lane>, part: Part) -> Self {
        Self {
            tasks: JoinSet::new(),
            seats: Vec::new(),
            groups: Vec::new(),
            staffed: 0,
            lane,
            part,
        }
    }

    /// Hires the workers of the first connections whose time has come; when that of the next one comes.
    fn staff(&mut self, now: Instant) -> Option<Instant> {
        while self.staffed < self.part.connections {
            if self.lane.over() {
                // Nobody needs them any more.
                self.staffed = self.part.connections;
                break;
            }
            let plan = &self.lane.job.plan;
            let number = f64::from(self.part.first + self.staffed);
            let at = plan.ramp_up.mul_f64(number / f64::from(plan.connections));
            let at = self.lane.job.epoch + at;
            if at > now {
                return Some(at);
            }
            let streams = plan.streams;
            for _ in 0..streams {
                self.hire();
                self.lane.fresh.set(self.lane.fresh.get() + 1);
            }
            self.staffed += 1;
        }
        None
    }

    fn hire(&mut self) -> Rc<Seat> {
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
        let work = worker(Rc::clone(&self.lane), Rc::clone(&seat), line);
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
            // What waited for a connection is named; what has just become due would have been sent.
            lane.close(if lane.full.get() {
                lane.left(Some(now))
            } else {
                0
            });
        }
        let cut_off = lane.cut_off();
        if cut_off.is_some_and(|at| at <= now) {
            lane.close(lane.left(None));
        }
        let most = usize::try_from(self.part.in_flight).unwrap_or(usize::MAX);
        loop {
            match lane.due(now) {
                Due::Never => {
                    lane.close(0);
                    return None;
                }
                Due::At(at) => {
                    lane.full.set(false);
                    return Some(at);
                }
                Due::Now => {
                    let seat = match lane.idle() {
                        Some(seat) => seat,
                        // Those who have just come take what is due by themselves.
                        None if lane.fresh.get() > 0 => return cut_off,
                        None if self.seats.len() < most => {
                            let seat = self.hire();
                            seat.begin();
                            seat
                        }
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
                    Poll::Ready(None) if self.lane.over() => return Poll::Ready(Woken::Done),
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
