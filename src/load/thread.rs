//! One thread: its workers, the schedule of an open loop, the sweep of deadlines, and the hand-over of counts.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet, LocalSet};

use super::client::{Client, SharedConnection};
use super::context::{Due, ThreadContext};
use super::timer::Timer;
use super::wait_slot::WaitSlot;
use super::worker::worker;
use super::{Delta, Job, LoadError};
use crate::plan::Part;

/// How often a thread hands over what it counted: at first, and at last.
const DRAIN_INTERVAL: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));
/// What a thread counted is handed over after one so-many-th of the run so far: at most about that part is sent in vain.
const DRAIN_SHARE: u32 = 50;
/// How often deadlines are looked at, at least; a timeout is late by this much at most.
const SWEEP: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Sweeps within one timeout.
const SWEEPS: u32 = 16;
/// Hand-overs that may wait for whoever watches; counts are handed over later where that is slow.
const MAX_PENDING_DRAINS: u32 = 4;

/// The workers of a thread.
struct Dispatcher {
    context: Rc<ThreadContext>,
    part: Part,
    tasks: JoinSet<()>,
    wait_slots: Vec<Rc<WaitSlot>>,
    /// Connections that several workers share.
    shared: Vec<Rc<SharedConnection>>,
    /// First connections for which there are workers; the others follow over the time of the ramp-up.
    started: u32,
}

/// Why the dispatcher was woken.
enum Woken {
    /// It is time, or something changed.
    Look,
    /// The last worker has gone.
    Done,
}

/// Runs one thread's part to its end, handing over counts as it goes.
pub(super) fn thread(job: Arc<Job>, part: Part, deltas: &Sender<Delta>) -> Result<(), LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(1)
        .build()
        .map_err(LoadError::Thread)?;
    let context = Rc::new(ThreadContext::new(job, &part));
    let local = LocalSet::new();
    let ended = local.block_on(&runtime, async {
        let timer = Timer::new().map_err(LoadError::Thread)?;
        pace(Dispatcher::new(Rc::clone(&context), part), timer, deltas).await;
        Ok(())
    });
    drop(local);
    // A name service that does not answer is not waited for.
    runtime.shutdown_background();
    ended?;
    // The receiver outlives all threads; were it gone, nobody would want the counts.
    let _ = deltas.send(context.drain(true));
    Ok(())
}

async fn pace(mut dispatcher: Dispatcher, mut timer: Timer, deltas: &Sender<Delta>) {
    let context = Rc::clone(&dispatcher.context);
    let every = (context.job.plan.timeout / SWEEPS).clamp(SWEEP.0, SWEEP.1);
    let mut sweep = Instant::now() + every;
    let mut hand_over = Instant::now() + DRAIN_INTERVAL.0;
    loop {
        let now = Instant::now();
        let ramping = dispatcher.ramp_up(now);
        let due = dispatcher.dispatch(now);
        if context.unneeded() {
            dispatcher.tasks.abort_all();
            return;
        }
        if now >= sweep {
            for slot in &dispatcher.wait_slots {
                slot.sweep(now);
            }
            context.run_delay.sample(now);
            sweep = now + every;
        }
        if now >= hand_over {
            // The longer a run takes, the less a few more responses matter; those of a fixed number are all sent.
            let pause = (context.job.epoch.elapsed() / DRAIN_SHARE)
                .clamp(DRAIN_INTERVAL.0, DRAIN_INTERVAL.1);
            let pause = if context.job.plan.ends_early {
                pause
            } else {
                DRAIN_INTERVAL.1
            };
            hand_over = now + pause;
            if context.job.waiting.load(Ordering::Relaxed)
                < MAX_PENDING_DRAINS * context.job.plan.threads
            {
                context.job.waiting.fetch_add(1, Ordering::Relaxed);
                let _ = deltas.send(context.drain(false));
            }
        }
        let next = [due, ramping]
            .into_iter()
            .flatten()
            .fold(sweep.min(hand_over), Instant::min);
        if matches!(dispatcher.until(&mut timer, next).await, Woken::Done) {
            return;
        }
    }
}

impl Dispatcher {
    fn new(context: Rc<ThreadContext>, part: Part) -> Self {
        Self {
            tasks: JoinSet::new(),
            wait_slots: Vec::new(),
            shared: Vec::new(),
            started: 0,
            context,
            part,
        }
    }

    /// Starts the workers of the first connections whose time has come; when that of the next one comes.
    fn ramp_up(&mut self, now: Instant) -> Option<Instant> {
        while self.started < self.part.connections {
            if self.context.over() {
                // Nobody needs them any more.
                self.started = self.part.connections;
                break;
            }
            let plan = &self.context.job.plan;
            let number = f64::from(self.part.first + self.started);
            let at = plan.ramp_up.mul_f64(number / f64::from(plan.connections));
            let at = self.context.job.epoch + at;
            if at > now {
                return Some(at);
            }
            let streams = plan.streams;
            for _ in 0..streams {
                self.spawn_worker();
                self.context
                    .unstarted_workers
                    .set(self.context.unstarted_workers.get() + 1);
            }
            self.started += 1;
        }
        None
    }

    fn spawn_worker(&mut self) -> Rc<WaitSlot> {
        let job = &self.context.job;
        let streams = usize::try_from(job.plan.streams).unwrap_or(1);
        let number = self.wait_slots.len();
        let client = Client::new(job, &mut self.shared, number, streams);
        let slot = Rc::new(WaitSlot::default());
        self.wait_slots.push(Rc::clone(&slot));
        let work = worker(Rc::clone(&self.context), Rc::clone(&slot), client);
        self.tasks.spawn_local(work);
        slot
    }

    /// Hands out what is due in an open loop; when to look again.
    fn dispatch(&mut self, now: Instant) -> Option<Instant> {
        let context = Rc::clone(&self.context);
        if !context.open() {
            return None;
        }
        if context.job.stop.load(Ordering::Relaxed) {
            // What waited for a connection is named; what has just become due would have been sent.
            context.close(if context.at_capacity.get() {
                context.left(Some(now))
            } else {
                0
            });
        }
        let cut_off = context.cut_off();
        if cut_off.is_some_and(|at| at <= now) {
            context.close(context.left(None));
        }
        let most = usize::try_from(self.part.in_flight).unwrap_or(usize::MAX);
        loop {
            match context.due(now) {
                Due::Never => {
                    context.close(0);
                    return None;
                }
                Due::At(at) => {
                    context.at_capacity.set(false);
                    return Some(at);
                }
                Due::Now => {
                    let slot = match context.idle() {
                        Some(slot) => slot,
                        // Those who have just come take what is due by themselves.
                        None if context.unstarted_workers.get() > 0 => return cut_off,
                        None if self.wait_slots.len() < most => {
                            let slot = self.spawn_worker();
                            slot.begin();
                            slot
                        }
                        None => {
                            // Whoever is free next takes it, and says so when there is nothing left.
                            context.at_capacity.set(true);
                            return cut_off;
                        }
                    };
                    match context.take() {
                        Some(scheduled) => slot.hand(scheduled),
                        None => context.wait(&slot),
                    }
                }
            }
        }
    }

    /// Whether every worker of a closed loop has ended: each does when there is no request left, wherever requests come from.
    fn dried_up(&self) -> bool {
        !self.context.open() && self.started == self.part.connections && self.tasks.is_empty()
    }

    /// Waits until then, or until there is something to see to.
    async fn until(&mut self, timer: &mut Timer, at: Instant) -> Woken {
        poll_fn(|task| {
            self.context.dispatcher_slot.register(task);
            if self.context.dispatcher_woken.replace(false) {
                return Poll::Ready(Woken::Look);
            }
            loop {
                match self.tasks.poll_join_next(task) {
                    Poll::Ready(Some(ended)) => rethrow(ended),
                    Poll::Ready(None) if self.context.over() || self.dried_up() => {
                        return Poll::Ready(Woken::Done);
                    }
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            timer.poll(task, at).map(|()| Woken::Look)
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
