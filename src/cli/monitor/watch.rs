//! The watch: one run of the engine after the other, a new one whenever the weights are others, and what has ended in between handed to
//! the state machine.
#![allow(
    clippy::disallowed_methods,
    reason = "the time since the last request is told by a clock"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::super::args::MonitorArgs;
use super::super::config::RunConfig;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::load_plan::planned;
use super::super::run::bucketer;
use super::outputs::Outputs;
use super::sorter::Sorter;
use super::source::{News, Source};
use crate::load::{self, Control, LoadError, LogCounts, LogReceiver, log_queue};
use crate::observe::Observation;
use crate::plan::{LoadPlan, Stop};
use crate::report::monitor::{Fact, Promise, weights};
use crate::split::Expected;
use crate::verdict::monitor::{Aims, Event, Monitor, Response, State};

/// How long the watch waits for a request to end, before it looks at everything else.
const PATIENCE: Duration = Duration::from_millis(100);
/// Requests of one run of the engine, which remembers some of each: then another one begins.
const AT_A_TIME: u64 = 50_000;
/// More requests than a watch of a thousand a second sends in 285 thousand years.
const FOR_EVER: u64 = 1 << 53;

/// A split that is watched.
pub(super) struct Watch<'a> {
    config: RunConfig,
    source: Source,
    expected: Expected,
    interrupted: &'a Arc<AtomicBool>,
    monitor: Monitor,
    aims: Aims,
    promised: (f64, f64),
    /// Requests that are left, and when the time is up.
    left: u64,
    until: Option<Duration>,
    settle: Duration,
    /// Responses that end before do not count.
    counts_from: Duration,
    missed: u64,
    /// When the last request was handed on: one that ended before those that were dispatched earlier is told when they have ended.
    latest: Duration,
    /// What was seen at any time: a divergence, a response of a target, doubt.
    diverged: bool,
    attributed: bool,
    doubt: bool,
}

/// A run of the engine.
struct Engine {
    receiver: LogReceiver,
    counts: Arc<LogCounts>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Observation, LoadError>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        args: &MonitorArgs,
        config: RunConfig,
        source: Source,
        expected: Expected,
        interrupted: &'a Arc<AtomicBool>,
    ) -> Self {
        let aims = Aims {
            requests_per_alarm: args.false_alarms.requests(args.rate),
            policy: config.policy,
        };
        Self {
            monitor: Monitor::new(&expected, &aims),
            promised: (args.rate.per_second(), args.false_alarms.per_month()),
            aims,
            config,
            source,
            expected,
            interrupted,
            left: args.requests.map_or(FOR_EVER, |count| count.0),
            until: args.duration.map(|time| time.0),
            settle: args.settle.0,
            counts_from: Duration::ZERO,
            missed: 0,
            latest: Duration::ZERO,
            diverged: false,
            attributed: false,
            doubt: false,
        }
    }

    /// Watches to the end.
    pub(super) fn run(
        mut self,
        notes: Vec<String>,
        outputs: &mut Outputs,
    ) -> Result<Exit, Failure> {
        let started = Fact::Started {
            follows: self.source.follows.clone(),
            weights: weights(&self.expected),
            promise: self.promise(),
            notes,
        };
        outputs.tell(&started, self.monitor.state(), Duration::ZERO)?;
        while !self.is_over(outputs) {
            let begun = Instant::now();
            let other = self.with_these_weights(outputs)?;
            if let Some(expected) = other {
                self.change(expected, outputs)?;
            } else {
                // A name that does not resolve ends the engine at once; else the time of the next request has come already.
                self.pause(begun, outputs);
            }
        }
        let exit = self.exit();
        let ended = Fact::Ended {
            exit_code: exit.code(),
            events: outputs.events.clone(),
            missed: self.missed,
        };
        outputs.tell(&ended, self.monitor.state(), outputs.elapsed())?;
        Ok(exit)
    }

    fn is_over(&self, outputs: &Outputs) -> bool {
        let late = self.until.is_some_and(|until| outputs.elapsed() >= until);
        self.left == 0 || late || outputs.unread || self.interrupted.load(Ordering::Relaxed)
    }

    /// Runs the engine until it ends, it is over, or the weights are others.
    fn with_these_weights(&mut self, outputs: &mut Outputs) -> Result<Option<Expected>, Failure> {
        let engine = self.engine()?;
        let mut sorter = Sorter::new(&self.expected, &self.config.map, outputs.began);
        let mut other = None;
        let before = self.missed;
        loop {
            match engine.receiver.next(PATIENCE) {
                Ok(batch) => {
                    let requests = batch.requests.len();
                    let ended = self.sorted(outputs, |push| sorter.add(batch, push));
                    engine.receiver.done(requests);
                    self.tell(ended, &sorter, outputs)?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.missed = before + engine.counts.missed();
            while other.is_none()
                && let Some(news) = self.source.news(&self.config, &self.expected)
            {
                match news {
                    News::Weights(expected) => other = Some(*expected),
                    News::Fact(fact) => {
                        outputs.tell(&fact, self.monitor.state(), outputs.elapsed())?;
                    }
                }
            }
            outputs.show(&self.monitor, self.missed);
            if other.is_some() || self.is_over(outputs) {
                engine.stop.store(true, Ordering::Relaxed);
            }
        }
        let ended = self.sorted(outputs, |push| sorter.end(push));
        self.tell(ended, &sorter, outputs)?;
        outputs.show(&self.monitor, self.missed);
        match engine.thread.join() {
            Ok(seen) => self.left = self.left.saturating_sub(seen?.sent),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        Ok(other)
    }

    /// Hands requests to the state machine; the events with their times.
    fn sorted(
        &mut self,
        outputs: &mut Outputs,
        sort: impl FnOnce(&mut dyn FnMut(Option<Response<'_>>, Duration)),
    ) -> Vec<(Event, State, Duration)> {
        let mut events = Vec::new();
        sort(&mut |response, at| {
            let response = response.filter(|_| at >= self.counts_from);
            let at = at.max(self.latest);
            self.latest = at;
            let target = match response {
                Some(Response::Target(target, _)) => {
                    self.attributed = true;
                    Some(self.expected.declared()[target].name.as_str())
                }
                _ => None,
            };
            outputs.count(response, target);
            let event = response.and_then(|own| self.monitor.push(own, at.as_secs()));
            events.extend(event.map(|event| (event, self.monitor.state(), at)));
        });
        events
    }

    fn tell(
        &mut self,
        events: Vec<(Event, State, Duration)>,
        sorter: &Sorter,
        outputs: &mut Outputs,
    ) -> Result<(), Failure> {
        for (event, state, at) in events {
            self.diverged |= matches!(event, Event::Diverged { .. });
            self.doubt |= matches!(event, Event::Failing { .. } | Event::Unreachable { .. });
            let untied = match event {
                Event::Failing { .. } => sorter.untied.clone(),
                _ => None,
            };
            outputs.tell(&Fact::Split { event, untied }, state, at)?;
        }
        Ok(())
    }

    /// Watches against other weights from now on.
    fn change(&mut self, expected: Expected, outputs: &mut Outputs) -> Result<(), Failure> {
        let previous = weights(&self.expected);
        self.monitor = Monitor::new(&expected, &self.aims);
        self.expected = expected;
        let at = outputs.elapsed();
        let files = self.source.follows.kind == crate::report::monitor::SourceKind::Files;
        // What the proxy itself says is what it does already.
        let settle = if files { self.settle } else { Duration::ZERO };
        self.counts_from = at + settle;
        let changed = Fact::WeightsChanged {
            follows: self.source.follows.clone(),
            previous,
            weights: weights(&self.expected),
            promise: self.promise(),
            settle,
        };
        outputs.tell(&changed, self.monitor.state(), at)
    }

    /// Waits for the time of the next request.
    fn pause(&self, begun: Instant, outputs: &Outputs) {
        let gap = Duration::from_secs_f64(1.0 / self.promised.0).max(PATIENCE);
        while begun.elapsed() < gap && !self.is_over(outputs) {
            thread::sleep(PATIENCE.min(gap.saturating_sub(begun.elapsed())));
        }
    }

    fn engine(&self) -> Result<Engine, Failure> {
        let plan = planned(
            &self.config.load,
            &self.config.request,
            Some(&self.expected),
            &self.config.policy,
        )?;
        let plan = LoadPlan {
            stop: Stop::Requests(self.left.min(AT_A_TIME)),
            connections: 1,
            ..plan.plan
        };
        let bucketer = bucketer(&self.config, Some(&self.expected));
        let (queue, receiver) = log_queue();
        let counts = queue.counts();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let send = move || {
            load::run_logged(plan, bucketer, Some(queue), &mut |_| {
                if stopped.load(Ordering::Relaxed) {
                    Control::Stop
                } else {
                    Control::Continue
                }
            })
        };
        let thread = thread::Builder::new().name("send".to_owned());
        let thread = thread.spawn(send).map_err(LoadError::Thread)?;
        Ok(Engine {
            receiver,
            counts,
            stop,
            thread,
        })
    }

    fn promise(&self) -> Promise {
        let (detection, recovery) = self.monitor.delays();
        Promise {
            rate: self.promised.0,
            false_alarms_per_month: self.promised.1,
            requests_per_false_alarm: self.aims.requests_per_alarm,
            resolution: self.monitor.resolution(),
            detection_requests: detection,
            recovery_requests: recovery,
        }
    }

    fn exit(&self) -> Exit {
        if self.diverged {
            Exit::Diverged
        } else if !self.attributed {
            Exit::NoData
        } else if self.doubt {
            Exit::Inconclusive
        } else {
            Exit::Pass
        }
    }
}
