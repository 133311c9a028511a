//! Checks that run and that wait for their turn: so many workers, so many places, and what was found for whoever asks again.
#![allow(clippy::disallowed_methods, reason = "what was found gets old")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::run_check::{Finished, run_check};
use crate::verdict::Outcome;

/// How long a verdict is given to others who ask the same.
const FRESH: Duration = Duration::from_secs(10);
/// How long a verdict is kept that nobody waited for.
const UNFETCHED: Duration = Duration::from_secs(600);
/// Questions that are remembered beyond those that run or wait.
const REMEMBERED: usize = 256;
/// The longest report that is kept.
const LONGEST_KEPT: usize = 4 << 20;

/// How much there may be of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) workers: usize,
    pub(super) queue: usize,
    pub(super) reports: usize,
}

/// A check and the options it is run with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) check: String,
    pub(super) command: Vec<String>,
    pub(super) limit: Duration,
}

/// A verdict, and where its report is.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) finished: Arc<Finished>,
    pub(super) report: Option<String>,
}

/// Why a question is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// Every worker and every place is taken.
    Busy,
    /// This process is about to end.
    Ending,
}

pub(super) type Waiting = watch::Receiver<Option<Answer>>;

struct Known {
    answer: watch::Sender<Option<Answer>>,
    /// When it was found.
    found: Option<Instant>,
    fetched: bool,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Question>,
    known: HashMap<Question, Known>,
    reports: VecDeque<(String, Arc<str>)>,
    counters: Counters,
    ending: bool,
}

/// What `/metrics` shows.
#[derive(Clone, Default)]
pub(super) struct Counters {
    pub(super) running: usize,
    pub(super) queued: usize,
    pub(super) calls: u64,
    pub(super) refused: u64,
    /// Of checks that have ended, by name and outcome; `error` without a verdict.
    pub(super) ended: BTreeMap<(String, String), u64>,
    /// Seconds that checks took.
    pub(super) seconds: BTreeMap<String, f64>,
    next_report: u64,
}

/// All of them.
pub(super) struct Checks {
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
}

impl Checks {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks; whoever asks the same at the same time gets the same answer.
    pub(super) fn ask(&self, question: &Question) -> Result<Waiting, NotTaken> {
        let mut state = self.lock();
        state.counters.calls += 1;
        state.forget(Instant::now());
        if let Some(known) = state.known.get(question) {
            return Ok(known.answer.subscribe());
        }
        if state.ending {
            return Err(NotTaken::Ending);
        }
        // A worker that is about to take one leaves its place.
        let taken = state.counters.running + state.queue.len();
        if taken >= self.limits.workers + self.limits.queue {
            state.counters.refused += 1;
            return Err(NotTaken::Busy);
        }
        let (answer, waiting) = watch::channel(None);
        let known = Known {
            answer,
            found: None,
            fetched: false,
        };
        state.known.insert(question.clone(), known);
        state.queue.push_back(question.clone());
        self.changed.notify_one();
        Ok(waiting)
    }

    /// Says that somebody got the answer.
    pub(super) fn fetched(&self, question: &Question) {
        if let Some(known) = self.lock().known.get_mut(question) {
            known.fetched = true;
        }
    }

    /// Runs checks until this process ends and none is left.
    pub(super) fn work(&self) {
        loop {
            let mut state = self.lock();
            let question = loop {
                if let Some(question) = state.queue.pop_front() {
                    break question;
                }
                if state.ending {
                    return;
                }
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            };
            state.counters.running += 1;
            drop(state);
            let finished = run_check(&question.command, question.limit);
            self.lock().finish(&question, finished, self.limits);
        }
    }

    /// Takes no more questions; what was taken is still answered.
    pub(super) fn end(&self) {
        self.lock().ending = true;
        self.changed.notify_all();
    }

    /// Whether more questions are taken.
    pub(super) fn is_ending(&self) -> bool {
        self.lock().ending
    }

    /// A report by its id.
    pub(super) fn report(&self, id: &str) -> Option<Arc<str>> {
        let state = self.lock();
        let found = state.reports.iter().find(|(own, _)| own == id);
        found.map(|(_, json)| Arc::clone(json))
    }

    /// What there is to be counted.
    pub(super) fn counters(&self) -> Counters {
        let state = self.lock();
        Counters {
            queued: state.queue.len(),
            ..state.counters.clone()
        }
    }
}

impl State {
    fn finish(&mut self, question: &Question, mut finished: Finished, limits: Limits) {
        self.counters.running -= 1;
        let outcome = finished
            .verdict
            .as_ref()
            .map_or_else(|_| "error".to_owned(), |judged| word(judged.outcome));
        let check = question.check.clone();
        *self
            .counters
            .ended
            .entry((check.clone(), outcome))
            .or_default() += 1;
        *self.counters.seconds.entry(check).or_default() += finished.took.as_secs_f64();
        // A verdict may be kept for long, and is short without its report.
        let json = finished
            .verdict
            .as_mut()
            .map_or_else(|_| String::new(), |judged| std::mem::take(&mut judged.json));
        let kept = !json.is_empty() && json.len() <= LONGEST_KEPT && limits.reports > 0;
        let report = kept.then(|| {
            self.counters.next_report += 1;
            let id = format!("{}-{}", question.check, self.counters.next_report);
            self.reports.push_back((id.clone(), json.into()));
            id
        });
        while self.reports.len() > limits.reports {
            self.reports.pop_front();
        }
        if let Some(known) = self.known.get_mut(question) {
            known.found = Some(Instant::now());
            let finished = Arc::new(finished);
            known.answer.send_replace(Some(Answer { finished, report }));
        }
    }

    /// Forgets what is old, and what is too much.
    fn forget(&mut self, now: Instant) {
        self.known.retain(|_, known| {
            let age = known
                .found
                .map(|found| now.saturating_duration_since(found));
            let most = if known.fetched { FRESH } else { UNFETCHED };
            age.is_none_or(|age| age < most)
        });
        let found = |known: &Known| known.found;
        let mut old: Vec<Instant> = self.known.values().filter_map(found).collect();
        if old.len() > REMEMBERED {
            old.sort_unstable();
            let oldest = old[old.len() - REMEMBERED];
            self.known
                .retain(|_, known| known.found.is_none_or(|found| found >= oldest));
        }
    }
}

/// An outcome as the JSON report names it.
pub(super) fn word(outcome: Outcome) -> String {
    serde_json::to_value(outcome)
        .ok()
        .and_then(|value| Some(value.as_str()?.to_owned()))
        .unwrap_or_default()
}
