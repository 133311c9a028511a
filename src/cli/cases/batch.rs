//! Cases while their requests are sent, batch after batch.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::judgement::{Judging, look_again};
use super::number::{LiveCase, Numbers, shared};
use super::{Batch, ReadCase};
use crate::cli::config::RunConfig;
use crate::cli::deadline::Deadline;
use crate::cli::failure::Failure;
use crate::cli::load_config::Amount;
use crate::cli::progress::Progress;
use crate::cli::run::{bucketer, derive};
use crate::cli::unidentified::{hopeless, may_stop, nobody_there};
use crate::cli::{interrupt, output};
use crate::load::{self, Control, LoadCase, Watcher};
use crate::observe::Observation;
use crate::plan::Stop;

/// All cases, and what was seen of each.
pub(super) struct Sending<'c> {
    config: &'c RunConfig,
    pub(super) live: Vec<LiveCase<'c>>,
    pub(super) seen: Vec<Observation>,
    pub(super) read: Vec<Observation>,
    read_most: Vec<u64>,
    /// Requests of each case, and of each that is only read.
    sent: (Vec<u64>, Vec<u64>),
    deadline: Deadline,
    interrupted: Arc<AtomicBool>,
    progress: Progress,
}

/// The batch that is sent.
struct Current<'s, 'c> {
    sending: &'s mut Sending<'c>,
    cases: Range<usize>,
    reads: Range<usize>,
}

impl<'c> Sending<'c> {
    pub(super) fn new(numbers: Numbers<'c>, stop: Stop, config: &'c RunConfig) -> Self {
        let progress = Progress::new(&config.output.args, stop, config.policy);
        let (cases, reads) = (numbers.live.len(), numbers.read.len());
        Self {
            config,
            live: numbers.live,
            seen: vec![Observation::default(); cases],
            read: vec![Observation::default(); reads],
            read_most: numbers.read,
            sent: (vec![0; cases], vec![0; reads]),
            deadline: Deadline::after(config.load.max_duration),
            interrupted: interrupt::listen(progress.notice()),
            progress,
        }
    }

    /// As the first Ctrl-C does.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Whether the first Ctrl-C came.
    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// When sending ends at the latest.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Sends a batch.
    pub(super) fn send(
        &mut self,
        batch: Batch,
        reads: impl Iterator<Item = ReadCase>,
    ) -> Result<(), Failure> {
        let Batch {
            plan,
            cases,
            reads: read,
        } = batch;
        let (live, most) = (&self.live[cases.clone()], &self.read_most[read.clone()]);
        let plan = shared(plan, live, most, self.config);
        let splits = live.iter().map(|own| LoadCase {
            request: own.case.request.clone(),
            bucketer: bucketer(self.config, Some(own.case.declared.expected())),
            most: own.sized.most,
        });
        let reads = reads.zip(most).map(|(own, most)| LoadCase {
            request: own.request,
            bucketer: own.bucketer,
            most: *most,
        });
        let requests = splits.chain(reads).collect();
        let mut current = Current {
            sending: self,
            cases: cases.clone(),
            reads: read.clone(),
        };
        let mut seen = load::run_cases(plan, requests, &mut current)?;
        let reads = seen.split_off(cases.len());
        for (at, seen) in cases.zip(seen) {
            // What came in after the last look counts as well.
            look_again(&mut self.live[at], &seen, self.config);
            self.seen[at] = seen;
        }
        for (at, seen) in read.zip(reads) {
            self.read[at] = seen;
        }
        Ok(())
    }

    /// Whether one of these cases does not hold, as far as it was sent.
    pub(super) fn failed(&self, cases: Range<usize>) -> bool {
        let (live, seen) = (&self.live[cases.clone()], &self.seen[cases]);
        Judging::new(live, seen, self.config).any_diverged()
    }

    /// Whether nothing more is sent.
    pub(super) fn is_over(&self) -> bool {
        let unread = self.config.output.files.is_empty() && output::reader_gone();
        self.deadline.passed() || self.was_interrupted() || unread
    }

    /// Whether nothing more of a case has to be sent.
    fn case_ended(&mut self, at: usize, seen: &Observation) -> bool {
        let (config, own) = (self.config, &mut self.live[at]);
        self.sent.0[at] = seen.sent;
        let expected = own.case.declared.expected();
        let mapping = derive(expected, &config.map, seen);
        let mapped = mapping.as_ref().ok();
        let unclear = may_stop(&config.load) && hopeless(Some((expected, &mapping)), seen);
        let exactly = matches!(config.load.amount, Amount::Exactly(_));
        let nobody = !exactly && nobody_there(mapped.map(|own| (expected, own)), seen);
        let to_the_end = matches!(config.load.amount, Amount::UntilDiverged(_));
        let certain = match (own.watch.as_mut(), mapped) {
            (Some(watch), Some(mapping)) => {
                watch.look(seen, expected, mapping) && (!to_the_end || watch.diverged())
            }
            _ => false,
        };
        own.ended |= certain || unclear || nobody;
        own.ended
    }

    fn show(&mut self, seen: &Observation) {
        let (splits, reads) = &self.sent;
        let decided = self.live.iter().zip(splits);
        let decided = decided.filter(|(own, sent)| own.ended || **sent >= own.sized.most);
        let decided = decided.count();
        let sent = splits.iter().chain(reads).sum();
        self.progress
            .show_cases((decided, self.live.len()), sent, seen.elapsed);
    }
}

impl Watcher for Current<'_, '_> {
    fn look(&mut self, at: usize, seen: &Observation) -> Control {
        let ended = if at < self.cases.len() {
            self.sending.case_ended(self.cases.start + at, seen)
        } else {
            let at = self.reads.start + at - self.cases.len();
            self.sending.sent.1[at] = seen.sent;
            false
        };
        self.sending.show(seen);
        if ended {
            Control::Stop
        } else {
            Control::Continue
        }
    }

    fn is_over(&mut self) -> bool {
        self.sending.is_over()
    }
}
