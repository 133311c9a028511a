//! One run: what is to be sent, the wait for a split that stays, and the requests, until more would tell nothing new.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ProxySide;
use super::targets::{bucketer, derive};
use crate::cli::config::RunConfig;
use crate::cli::deadline::Deadline;
use crate::cli::expectation::{self, Declared};
use crate::cli::failure::Failure;
use crate::cli::load_config::Amount;
use crate::cli::load_plan::{Planned, StopWhen, planned};
use crate::cli::log_file::LogFile;
use crate::cli::progress::Progress;
use crate::cli::proxy_admin::{DeclaredMirrors, Live};
use crate::cli::settle::settle;
use crate::cli::varied_requests::VariedRequests;
use crate::cli::{interrupt, output, record, unidentified};
use crate::diag::{Code, Note};
use crate::load::{self, Control, LogQueue};
use crate::observe::Observation;
use crate::plan::Stop;
use crate::report::Record;
use crate::split::Expected;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::Mapping;
use crate::verdict::{Evidence, Hypothesis, Watch, cause_is_open};

/// Requests that are sent to find out why a split diverges, at most.
const FOR_THE_CAUSE: u64 = 200;

/// One run, from its plan to its report.
pub(super) struct Session<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) declared: Option<&'a Declared>,
    pub(super) planned: Planned,
    /// Where requests differ.
    pub(super) different: Option<VariedRequests>,
    /// Set by the first Ctrl-C.
    pub(super) interrupted: Arc<AtomicBool>,
    /// The live view, until everything is in.
    pub(super) progress: Option<Progress>,
    pub(super) watch: Option<Watch>,
    pub(super) deadline: Deadline,
    /// Requests that had ended when it was certain that the split diverges, where more were sent to find out why.
    pub(super) diagnosed_from: Option<u64>,
    /// When sending was stopped, where it did not go on to its end.
    pub(super) stopped: Option<Duration>,
    /// That it began late.
    pub(super) late: Option<Note>,
    /// What the report says of the run itself, once it sends.
    pub(super) record: Record,
    /// The proxy that makes the split, where its admin interface answers, and what is to be said where it does not.
    pub(super) live: Option<Live>,
    /// Whether it was waited until the proxy had the declared split, and whether it had.
    pub(super) programmed: Option<bool>,
    pub(super) unread: Vec<Note>,
    /// The mirrors that rules declare.
    pub(super) mirrors: Option<DeclaredMirrors>,
    /// What has to be said of the log of requests, or why it is not whole.
    pub(super) logged: Result<Option<Note>, Failure>,
}

impl<'a> Session<'a> {
    pub(super) fn prepare(
        config: &'a RunConfig,
        declared: Option<&'a Declared>,
        different: Option<VariedRequests>,
        proxy: ProxySide,
    ) -> Result<Self, Failure> {
        let expected = declared.map(Declared::expected);
        let planned = planned(&config.load, &config.request, expected, &config.policy)?;
        let planned = match &different {
            Some(different) => different.planned(planned, config, expected),
            None => planned,
        };
        let progress = Progress::new(&config.output.args, planned.plan.stop, planned.policy);
        let watched = planned.stop_when != StopWhen::Sent;
        let interrupted = interrupt::listen(progress.notice());
        if proxy.interrupted {
            interrupted.store(true, Ordering::Relaxed);
        }
        Ok(Self {
            interrupted,
            progress: Some(progress),
            watch: expected
                .filter(|_| watched)
                .map(|expected| Watch::new(expected, &planned.policy)),
            deadline: Deadline::after(config.load.max_duration),
            diagnosed_from: None,
            stopped: None,
            late: None,
            record: Record::default(),
            live: proxy.live,
            programmed: proxy.programmed,
            unread: proxy.unread,
            mirrors: declared
                .and_then(|declared| declared.asked.as_ref())
                .and_then(expectation::Asked::mirrors),
            logged: Ok(None),
            config,
            declared,
            different,
            planned,
        })
    }

    pub(super) fn expected(&self) -> Option<&'a Expected> {
        self.declared.map(Declared::expected)
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Waits until the split is stationary, where that is asked for; a word where it never was.
    pub(super) fn settle(&mut self) -> Result<Option<Note>, Failure> {
        let (config, expected) = (self.config, self.expected());
        let unsettled = match (config.load.settle, expected) {
            (Some(limit), Some(_)) if self.programmed.is_some() => self.unprogrammed(limit),
            (Some(limit), Some(expected)) => settle(
                &self.planned.plan,
                || bucketer(config, Some(expected)),
                expected,
                &config.map,
                limit,
                &self.interrupted,
                |left| self.progress.iter().for_each(|view| view.settling(left)),
            )?,
            _ => None,
        };
        self.late = config.share.wait(&self.interrupted);
        self.deadline = Deadline::after(config.load.max_duration);
        Ok(unsettled)
    }

    /// A word where the proxy did not get the declared split while it was waited for.
    fn unprogrammed(&self, limit: Duration) -> Option<Note> {
        let has = self.live.as_ref().map_or_else(String::new, Live::listed);
        (self.programmed == Some(false)).then(|| {
            Note::new(
                Code::NotSettled,
                format!(
                    "the proxy was not programmed with the declared split within {limit:?}, and has {has}; what follows was judged all the \
                     same"
                ),
            )
        })
    }

    /// Sends until everything is sent, or until more would tell nothing new.
    pub(super) fn observe(&mut self) -> Result<Observation, Failure> {
        let (log, queue) = self.log()?.unzip();
        if self.is_interrupted() {
            // While it settled: nothing more is sent.
            return Ok(Observation::default());
        }
        self.record = Record {
            generator: self.config.share.generator,
            ..record::begun(&self.config.argv, &self.config.labels)
        };
        let plan = self.planned.plan.clone();
        let bucketer = bucketer(self.config, self.expected());
        let stop = plan.stop;
        self.begin_to_count()?;
        let mut seen = load::run_logged(plan, bucketer, queue, &mut |seen| self.look(seen))?;
        self.live.iter_mut().for_each(Live::stop);
        self.progress = None;
        if let Some(log) = log {
            self.logged = log.end(seen.sent);
        }
        let ended = match (stop, self.stopped) {
            (Stop::Requests(all), Some(stopped)) if seen.sent < all => stopped,
            (Stop::Requests(_), _) => Duration::from_micros(seen.timeline.last_begun()),
            (Stop::Elapsed(time), stopped) => stopped.unwrap_or(time).min(time),
        };
        seen.timeline.sending_ended(ended);
        Ok(seen)
    }

    /// Has the proxy looked at from now on. Where its counters are judged, it is known before what others send.
    fn begin_to_count(&mut self) -> Result<(), Failure> {
        let by_counters = self.config.by_counters();
        let Some(live) = &mut self.live else {
            return Ok(());
        };
        if let Some(mirrors) = &self.mirrors {
            live.count_copies(mirrors);
        }
        if by_counters {
            live.listen();
        }
        if live.watch() || !by_counters {
            return Ok(());
        }
        let why = live.unread().unwrap_or_default().to_owned();
        Err(Failure::NoCounters(why))
    }

    /// Begins the log of requests, where one is wanted.
    fn log(&self) -> Result<Option<(LogFile, LogQueue)>, Failure> {
        let Some(path) = &self.config.log else {
            return Ok(None);
        };
        let rules = || self.config.map.clone();
        let declared = self.expected().map(|expected| (expected.clone(), rules()));
        LogFile::begin(path, declared).map(Some)
    }

    fn look(&mut self, seen: &Observation) -> Control {
        let (config, expected) = (self.config, self.expected());
        let expected = expected.filter(|_| !config.by_counters());
        let mapping = expected.map(|expected| derive(expected, &config.map, seen));
        // Responses that cannot be tied to targets, or, where no exact number was asked for, nobody there at all.
        let unclear = unidentified::may_stop(&config.load)
            && unidentified::hopeless(expected.zip(mapping.as_ref()), seen);
        let mapped = expected.zip(mapping.as_ref().and_then(|mapping| mapping.as_ref().ok()));
        let exactly = matches!(config.load.amount, Amount::Exactly(_));
        let nobody = !exactly && unidentified::nobody_there(mapped, seen);
        // Objectives are tested once, at the end: a split that holds is no reason to end early.
        let to_the_end = self.planned.stop_when == StopWhen::Diverged || !config.slos.is_empty();
        let certain = match (self.watch.as_mut(), mapped) {
            (Some(watch), Some((expected, mapping))) => {
                watch.look(seen, expected, mapping) && (!to_the_end || watch.diverged())
            }
            _ => false,
        };
        let certain = certain && !self.diagnoses(seen, mapped);
        if let Some(progress) = &mut self.progress {
            progress.show(seen, mapped, self.watch.as_ref());
        }
        let unread = config.output.files.is_empty() && output::reader_gone();
        let over = self.deadline.passed() || self.is_interrupted() || unread;
        if certain || unclear || nobody || over {
            self.stopped.get_or_insert(self.deadline.elapsed());
            Control::Stop
        } else {
            Control::Continue
        }
    }

    /// Whether more is sent to find out why the split diverges. What is under way belongs to it.
    fn diagnoses(&mut self, seen: &Observation, mapped: Option<(&Expected, &Mapping)>) -> bool {
        let Some(watch) = self.watch.as_ref().filter(|_| self.config.load.diagnose) else {
            return false;
        };
        let plan = &self.planned.plan;
        let under_way = u64::from(plan.connections) * u64::from(plan.streams);
        let from = self.diagnosed_from.unwrap_or(seen.sent);
        if seen.sent + under_way >= from + FOR_THE_CAUSE {
            return false;
        }
        let evidence = Evidence {
            declared: mapped,
            seen,
            attribution: &Attribution::new(seen, mapped),
            hypotheses: self.hypotheses(),
            key: self.key(),
        };
        let open = cause_is_open(evidence, &self.planned.policy, watch);
        if open {
            self.diagnosed_from = Some(from);
        }
        open
    }

    /// The key whose number the log has in the place of the connection, where it has.
    pub(super) fn key(&self) -> Option<&str> {
        let key = self.different.as_ref()?.key.as_ref()?;
        Some(&key.key)
    }

    /// What the split could be instead.
    pub(super) fn hypotheses(&self) -> &'a [Hypothesis] {
        self.declared
            .map_or(&[], |declared| &declared.declaration.hypotheses)
    }
}
