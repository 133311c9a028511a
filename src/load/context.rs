//! What the workers of one thread share: who sends next, what was counted, the room to read to.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::case::{Case, OwnRequest, Streak};
use super::content_encoding::decoded;
use super::dns::Resolver;
use super::log_queue::LogBuffer;
use super::run_delay::RunDelay;
use super::scratch::{Scratch, scratch};
use super::wait_slot::{ScheduledRequest, WaitSlot};
use super::{Delta, Job};
use crate::bucket::{Names, Reply, all_values};
use crate::observe::{Failure, LoggedRequest, Observation, Recorder, Response, Setup, histogram};
use crate::plan::{Part, Reuse, Slots, Stop, Warmup};

/// Responses whose headers and members are looked through: by all threads together, and by each at least.
const LOOKED_THROUGH: (u32, u32) = (200, 16);

/// Requests in a row of kinds of which nothing more is wanted, until nothing more is sent.
const MOST_SKIPPED: u32 = 10_000;

/// One thread.
pub(super) struct ThreadContext {
    pub(super) job: Arc<Job>,
    /// What goes into the log, where there is one.
    log: Option<RefCell<LogBuffer>>,
    pub(super) resolver: Resolver,
    pub(super) scratch: Rc<Scratch>,
    /// By the kind of request, for those that this thread has sent.
    counts: Vec<OnceCell<Box<Counts>>>,
    /// How long this thread waited for a processor.
    pub(super) run_delay: RunDelay,
    /// How long connections took, in microseconds.
    connect_times: RefCell<Histogram<u64>>,
    rng: RefCell<Xoshiro256PlusPlus>,
    /// Whether requests count already, in a closed loop.
    warm: Cell<bool>,
    /// Requests of a closed loop that find no queue yet: as many as may be under way. None after a warm-up.
    pub(super) first_batch: u64,
    /// The schedule of an open loop.
    slots: Option<RefCell<Slots>>,
    /// Workers of an open loop that have nothing to do, the one that has waited longest first.
    idle: RefCell<VecDeque<Rc<WaitSlot>>>,
    /// As many requests as allowed are under way, and more are due.
    pub(super) at_capacity: Cell<bool>,
    /// Workers that have not looked for their first request yet.
    pub(super) unstarted_workers: Cell<usize>,
    /// Nothing more is sent.
    closed: Cell<bool>,
    /// Whoever hands out the requests of an open loop has to look again.
    pub(super) dispatcher_woken: Cell<bool>,
    pub(super) dispatcher_slot: WaitSlot,
}

/// What one thread counted of one kind of request.
pub(super) struct Counts {
    pub(super) recorder: RefCell<Recorder>,
    names: RefCell<Names>,
    /// Responses that this thread still looks through.
    unread: Cell<u32>,
    /// When the last request that counts ended.
    pub(super) last: Cell<Instant>,
}

/// What has to be done about the schedule of an open loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing before this moment.
    At(Instant),
    /// A request that nobody has taken.
    Now,
    /// Nothing any more.
    Never,
}

impl ThreadContext {
    pub(super) fn new(job: Arc<Job>, part: &Part) -> Self {
        let seed = job.plan.seed.wrapping_add(part.index.into());
        let slots = job.plan.slots(part).map(RefCell::new);
        let at_once = u64::from(job.plan.connections) * u64::from(job.plan.streams);
        let at_rest = slots.is_none() && job.plan.warmup == Warmup::None;
        let log = job.log.clone();
        Self {
            log: log.map(|log| RefCell::new(LogBuffer::new(log, part.index, job.epoch))),
            first_batch: if at_rest { at_once } else { 0 },
            resolver: Resolver::default(),
            scratch: Rc::new(scratch()),
            counts: job.cases.iter().map(|_| OnceCell::new()).collect(),
            run_delay: RunDelay::default(),
            connect_times: RefCell::new(histogram()),
            rng: RefCell::new(Xoshiro256PlusPlus::seed_from_u64(seed)),
            warm: Cell::new(job.plan.warmup == Warmup::None),
            slots,
            idle: RefCell::default(),
            at_capacity: Cell::new(false),
            unstarted_workers: Cell::new(0),
            closed: Cell::new(false),
            dispatcher_woken: Cell::new(false),
            dispatcher_slot: WaitSlot::default(),
            job,
        }
    }

    /// The counts of one kind of request.
    pub(super) fn counts(&self, case: usize) -> &Counts {
        self.counts[case].get_or_init(|| {
            let unread = LOOKED_THROUGH.0 / self.job.plan.threads.max(1);
            Box::new(Counts {
                recorder: RefCell::default(),
                names: RefCell::default(),
                unread: Cell::new(unread.max(LOOKED_THROUGH.1)),
                last: Cell::new(self.job.epoch),
            })
        })
    }

    /// Whether starts are fixed beforehand.
    pub(super) fn open(&self) -> bool {
        self.slots.is_some()
    }

    /// Takes the right to send one more request, in a closed loop.
    pub(super) fn next(&self, streak: &mut Streak) -> Option<ScheduledRequest> {
        let job = &*self.job;
        if job.stop.load(Ordering::Relaxed) {
            return None;
        }
        if !self.warm.get() {
            let warming = match job.plan.warmup {
                Warmup::None => false,
                Warmup::Requests(n) => job.warmed.fetch_add(1, Ordering::Relaxed) < n,
                Warmup::Elapsed(time) => job.epoch.elapsed() < time,
            };
            if warming {
                let (case, own) = self.uncounted()?;
                return Some(ScheduledRequest {
                    case,
                    sequence: None,
                    intended: None,
                    own,
                });
            }
            self.warm.set(true);
        }
        let begin = *job.begin.get_or_init(Instant::now);
        if let Stop::Elapsed(time) = job.plan.stop
            && begin.elapsed() >= time
        {
            return None;
        }
        let (case, sequence, own) = self.counted(streak)?;
        Some(ScheduledRequest {
            case,
            sequence: Some(sequence),
            intended: None,
            own,
        })
    }

    /// The kind and the place of the next request, and what it says where each says something else.
    fn counted(&self, streak: &mut Streak) -> Option<(usize, u64, Option<Box<OwnRequest>>)> {
        let job = &*self.job;
        let Some(source) = &job.plan.source else {
            let (case, sequence) = streak.next(&job.cases, &job.turn)?;
            return Some((case, sequence, None));
        };
        for _ in 0..MOST_SKIPPED {
            if job.cases.iter().all(Case::over) {
                return None;
            }
            let varied = source.next()?;
            if let Some(sequence) = job.cases[varied.case].take() {
                let own = OwnRequest::new(&job.plan, &varied);
                return Some((varied.case, sequence, Some(Box::new(own))));
            }
            if let Some(key) = varied.key {
                source.ended(key);
            }
        }
        None
    }

    /// The kind of a request that does not count, and what it says where each says something else.
    fn uncounted(&self) -> Option<(usize, Option<Box<OwnRequest>>)> {
        let Some(source) = &self.job.plan.source else {
            return Some((self.any_case(), None));
        };
        let varied = source.next()?;
        let own = OwnRequest::new(&self.job.plan, &varied);
        Some((varied.case, Some(Box::new(own))))
    }

    fn any_case(&self) -> usize {
        match self.job.cases.len() {
            1 => 0,
            all => usize::try_from(self.job.turn.fetch_add(1, Ordering::Relaxed))
                .map_or(0, |at| at % all),
        }
    }

    /// The next request of an open loop, if it is due, or how it stands.
    pub(super) fn due(&self, now: Instant) -> Due {
        if self.closed.get() {
            return Due::Never;
        }
        let Some(slot) = self.slots.as_ref().and_then(|slots| slots.borrow().peek()) else {
            return Due::Never;
        };
        let at = self.job.epoch + slot.offset;
        if at <= now { Due::Now } else { Due::At(at) }
    }

    /// Takes the request that is due.
    pub(super) fn take(&self) -> Option<ScheduledRequest> {
        let mut slots = self.slots.as_ref()?.borrow_mut();
        let slot = slots.next()?;
        if slot.sequence.is_some()
            && let Some(begin) = slots.begin()
        {
            self.job.begin.get_or_init(|| self.job.epoch + begin);
        }
        drop(slots);
        let intended = Some(self.job.epoch + slot.offset);
        let alike = self.job.cases.len() == 1 && self.job.plan.source.is_none();
        let next = match slot.sequence {
            sequence if alike => Some((0, sequence, None)),
            None => self.uncounted().map(|(case, own)| (case, None, own)),
            Some(_) => {
                let next = self.counted(&mut Streak::default());
                next.map(|(case, sequence, own)| (case, Some(sequence), own))
            }
        };
        let Some((case, sequence, own)) = next else {
            self.close(0);
            return None;
        };
        Some(ScheduledRequest {
            case,
            sequence,
            intended,
            own,
        })
    }

    /// When an open loop gives up on what is due and could not be sent: a request that takes longer than any response may
    /// take would be no better off.
    pub(super) fn cut_off(&self) -> Option<Instant> {
        Some(self.end()? + self.job.plan.timeout)
    }

    /// When the time of an open loop is up, if it has one and has begun.
    fn end(&self) -> Option<Instant> {
        let Stop::Elapsed(time) = self.job.plan.stop else {
            return None;
        };
        let begin = self.slots.as_ref()?.borrow().begin()?;
        Some(self.job.epoch + begin + time)
    }

    /// How many requests of the schedule have not been taken, of those due by now or of all.
    pub(super) fn left(&self, now: Option<Instant>) -> u64 {
        let until = now.map(|now| now.saturating_duration_since(self.job.epoch));
        self.slots
            .as_ref()
            .map_or(0, |slots| slots.borrow().left(until))
    }

    /// The end of the schedule: whoever waits for a request goes; so many were due and are not sent.
    pub(super) fn close(&self, unsent: u64) {
        if self.closed.replace(true) {
            return;
        }
        if unsent > 0 {
            self.counts(0).recorder.borrow_mut().unsent(unsent);
        }
        for slot in self.idle.borrow_mut().drain(..) {
            slot.wake();
        }
    }

    /// Whether nothing more is sent, by anybody, and the time of the run is up where it has one.
    pub(super) fn over(&self) -> bool {
        let job = &*self.job;
        let stopped = job.stop.load(Ordering::Relaxed);
        if self.open() {
            let lasted = || self.end().is_none_or(|end| Instant::now() >= end);
            return self.closed() && (stopped || lasted());
        }
        let begun = job.begin.get();
        stopped
            || begun.is_some_and(|begin| match job.plan.stop {
                Stop::Requests(_) => job.cases.iter().all(Case::over),
                Stop::Elapsed(time) => begin.elapsed() >= time,
            })
    }

    /// Whether nobody needs the responses under way: the run was stopped before it began to count.
    pub(super) fn unneeded(&self) -> bool {
        self.job.stop.load(Ordering::Relaxed) && self.job.begin.get().is_none()
    }

    /// Whether the schedule of an open loop has ended.
    pub(super) fn closed(&self) -> bool {
        self.closed.get()
    }

    /// The worker that has waited longest for a request.
    pub(super) fn idle(&self) -> Option<Rc<WaitSlot>> {
        self.idle.borrow_mut().pop_front()
    }

    /// A worker has nothing to do.
    pub(super) fn wait(&self, slot: &Rc<WaitSlot>) {
        self.idle.borrow_mut().push_back(Rc::clone(slot));
        if self.at_capacity.get() {
            self.wake_dispatcher();
        }
    }

    /// Makes whoever hands out requests look again.
    pub(super) fn wake_dispatcher(&self) {
        self.dispatcher_woken.set(true);
        self.dispatcher_slot.wake();
    }

    /// How many requests the next connection may serve.
    pub(super) fn quota(&self) -> u32 {
        match self.job.plan.reuse {
            Reuse::Unlimited => u32::MAX,
            Reuse::Between { min, max } => self.rng.borrow_mut().random_range(min..=max),
        }
    }

    /// The number of the bucket of a response to one kind of request.
    pub(super) fn sort(&self, case: usize, reply: &Reply<'_>) -> Result<usize, Failure> {
        let counts = self.counts(case);
        let (body, _held) = decoded(reply.headers, reply.body, &self.job.memory)?;
        let reply = Reply {
            body: &body,
            ..*reply
        };
        let id = counts
            .names
            .borrow_mut()
            .of(&self.job.cases[case].bucketer, &reply);
        if self.job.plan.keeps_response {
            counts.recorder.borrow_mut().response(|| whole(&reply));
        }
        // Errors may be the proxy's own, and say nothing about versions.
        if counts.unread.get() > 0 && reply.status < 400 {
            counts.unread.set(counts.unread.get() - 1);
            counts.recorder.borrow_mut().carried(all_values(&reply));
        }
        Ok(id.index())
    }

    /// A connection was established, for a request of this kind.
    pub(super) fn connected(&self, case: usize, setup: Setup) {
        if let Some(took) = setup.connect {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            self.connect_times.borrow_mut().saturating_record(micros);
        }
        self.counts(case).recorder.borrow_mut().connected(setup);
    }

    /// How long the close of a connection may be on its way: as long as all but the slowest connections took.
    pub(super) fn race(&self) -> Duration {
        Duration::from_micros(self.connect_times.borrow().value_at_quantile(0.99))
    }

    /// Puts the request into the log that it is made for, where there is a log: then there is one kind of request.
    pub(super) fn log(&self, request: impl FnOnce() -> LoggedRequest) {
        let Some(log) = &self.log else {
            return;
        };
        let mut log = log.borrow_mut();
        log.push(request());
        if log.is_full()
            && let Some(begin) = self.job.begin.get()
        {
            log.hand_over(self.counts(0).names.borrow().buckets(), *begin);
        }
    }

    /// What was counted since the last time; `whole` when nothing follows. A run of a given time takes that time at least,
    /// and an open loop goes on until it is stopped, however early the last response came.
    pub(super) fn drain(&self, whole: bool) -> Delta {
        if let [_] = self.counts[..] {
            // A run is looked at whether anything ended or not.
            self.counts(0);
        }
        let counts = self.counts.iter().enumerate();
        let known = counts.filter_map(|(case, counts)| Some((case, counts.get()?)));
        known
            .map(|(case, counts)| (case, self.drained(counts, whole)))
            .filter(|(_, news)| whole || self.counts.len() == 1 || news.sent + news.connections > 0)
            .collect()
    }

    fn drained(&self, counts: &Counts, whole: bool) -> Observation {
        let job = &*self.job;
        let begin = job.begin.get().copied();
        let elapsed = begin.map_or(Duration::ZERO, |begin| {
            let seen = counts.last.get().saturating_duration_since(begin);
            let stopped = job.stop.load(Ordering::Relaxed);
            match job.plan.stop {
                _ if !whole => seen,
                Stop::Elapsed(time) if !stopped => seen.max(time),
                _ if stopped && self.open() => begin.elapsed(),
                _ => seen,
            }
        });
        let mut names = counts.names.borrow_mut();
        if let (Some(log), Some(begin)) = (&self.log, begin) {
            log.borrow_mut().hand_over(names.buckets(), begin);
        }
        let mut seen = counts.recorder.borrow_mut().drain(names.buckets(), elapsed);
        seen.consulted = names.take_consulted();
        seen
    }
}

/// All of a response, to be looked at later.
fn whole(reply: &Reply<'_>) -> Response {
    let field = |field: &httparse::Header<'_>| {
        let value = String::from_utf8_lossy(field.value).into_owned();
        (field.name.to_owned(), value)
    };
    Response {
        status: reply.status,
        headers: reply.headers.0.iter().map(field).collect(),
        body: reply.body.to_vec(),
        peer: reply.peer.to_owned(),
    }
}
