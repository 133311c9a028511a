//! The main job: what is declared → what to send → send → sort → judge → report.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::config::RunConfig;
use super::deadline::Deadline;
use super::exit::Exit;
use super::expectation::{self, Declared};
use super::failure::Failure;
use super::interrupt;
use super::lint_notes::lint_notes;
use super::load_config::Amount;
use super::load_plan::{Planned, StopWhen, planned};
use super::log_file::{self, LogFile};
use super::output;
use super::progress::Progress;
use super::proxy_admin::{self, Asked, Live, Seen, View};
use super::record;
use super::report_output::{self, exit, write_report};
use super::request::RequestConfig;
use super::settle::settle;
use super::slo;
use super::unidentified::{self, Unidentified, Untied};
use super::varied_requests::VariedRequests;
use crate::bucket::{Bucketer, Reduce};
use crate::diag::{Code, Note};
use crate::load::{self, Control, LogQueue};
use crate::observe::Observation;
use crate::plan::Stop;
use crate::report::{self, KnownNotes, Load, Record, Report, SavedObservation};
use crate::split::Expected;
use crate::units::counted;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::{MapRule, Mapping, MappingError, recognise};
use crate::verdict::{
    Evidence, Hypothesis, Outcome, Pinning, Verdict, Watch, cause_is_open, judge,
};

/// Requests that are sent to find out why a split diverges, at most.
const FOR_THE_CAUSE: u64 = 200;

/// Carries out `run` and says how it ended.
pub(super) fn run(config: &RunConfig) -> Result<Exit, Failure> {
    writable(config)?;
    let asked = Asked {
        probe: expectation::probe(&config.request),
        vantage: config.vantage.clone(),
    };
    let (mut live, unread) = proxy_admin::begin(config.proxy_admin.as_ref(), asked);
    let mut declared = expectation::resolve(config, live.as_ref())?;
    let programmed = programmed(config, declared.as_ref(), live.as_mut());
    if programmed == Some(true) {
        // What was said of the proxy before is no longer true.
        declared = expectation::resolve(config, live.as_ref())?;
    }
    let proxy = ProxySide {
        live,
        programmed,
        unread,
    };
    carried_out(config, declared.as_ref(), None, proxy)
}

/// The proxy that makes the split, as far as it says anything.
#[derive(Default)]
pub(super) struct ProxySide {
    /// Its admin interface, where that answers.
    live: Option<Live>,
    /// Whether it got the declared split before anything was sent, where that was waited for.
    programmed: Option<bool>,
    /// What is to be said where it does not answer.
    unread: Vec<Note>,
}

/// Carries out a run of requests that are alike, or that differ as given.
pub(super) fn carried_out(
    config: &RunConfig,
    declared: Option<&Declared>,
    different: Option<VariedRequests>,
    proxy: ProxySide,
) -> Result<Exit, Failure> {
    if let Some(declared) = declared {
        slo::check_declared(&config.slos, declared.expected())?;
        // A rule for a target that is not declared is known before anything is sent.
        Mapping::derive(declared.expected(), &config.map, [])?;
    }
    let Measured {
        report,
        untied,
        log_failure,
    } = measure(config, declared, different, proxy)?;
    write_report(&report, &config.output, untied.as_ref())?;
    if let Some(failure) = log_failure {
        return Err(failure);
    }
    Ok(match untied {
        // What a generator saw is judged with what the others saw.
        _ if config.share.generator.is_some() => Exit::Pass,
        Some(Untied::Sent(_, exit)) => exit,
        Some(Untied::Stopped(failure, _)) => failure.exit(),
        None => exit(&report.verdict, config.inconclusive),
    })
}

/// Whether the reports can be written: asked before anything is sent, since the loss of one would be that of a whole run.
pub(super) fn writable(config: &RunConfig) -> Result<(), Failure> {
    report_output::writable(&config.output)?;
    config.log.as_deref().map_or(Ok(()), log_file::writable)
}

/// A run that was judged.
struct Measured {
    report: Report,
    /// Where no response says which target it is from.
    untied: Option<Untied>,
    /// Why the log of requests is not whole.
    log_failure: Option<Failure>,
}

/// Waits until the proxy is programmed with the declared split, where that is asked for and can be told.
fn programmed(
    config: &RunConfig,
    declared: Option<&Declared>,
    live: Option<&mut Live>,
) -> Option<bool> {
    let limit = config.load.settle?;
    live?.wait_for(declared?.expected(), limit)
}

/// Sends, sorts and judges.
fn measure(
    config: &RunConfig,
    declared: Option<&Declared>,
    different: Option<VariedRequests>,
    proxy: ProxySide,
) -> Result<Measured, Failure> {
    let mut session = Session::prepare(config, declared, different)?;
    (session.live, session.programmed, session.unread) =
        (proxy.live, proxy.programmed, proxy.unread);
    let unsettled = session.settle()?;
    let seen = session.observe()?;
    session.judge(seen, unsettled)
}

/// One run, from its plan to its report.
struct Session<'a> {
    config: &'a RunConfig,
    declared: Option<&'a Declared>,
    planned: Planned,
    /// Where requests differ.
    different: Option<VariedRequests>,
    /// Set by the first Ctrl-C.
    interrupted: Arc<AtomicBool>,
    /// The live view, until everything is in.
    progress: Option<Progress>,
    watch: Option<Watch>,
    deadline: Deadline,
    /// Requests that had ended when it was certain that the split diverges, where more were sent to find out why.
    diagnosed_from: Option<u64>,
    /// When sending was stopped, where it did not go on to its end.
    stopped: Option<Duration>,
    /// That it began late.
    late: Option<Note>,
    /// What the report says of the run itself, once it sends.
    record: Record,
    /// The proxy that makes the split, where its admin interface answers, and what is to be said where it does not.
    live: Option<Live>,
    /// Whether it was waited until the proxy had the declared split, and whether it had.
    programmed: Option<bool>,
    unread: Vec<Note>,
    /// What has to be said of the log of requests, or why it is not whole.
    logged: Result<Option<Note>, Failure>,
}

impl<'a> Session<'a> {
    fn prepare(
        config: &'a RunConfig,
        declared: Option<&'a Declared>,
        different: Option<VariedRequests>,
    ) -> Result<Self, Failure> {
        let expected = declared.map(Declared::expected);
        let planned = planned(&config.load, &config.request, expected, &config.policy)?;
        let planned = match &different {
            Some(different) => different.planned(planned, config, expected),
            None => planned,
        };
        let progress = Progress::new(&config.output.args, planned.plan.stop, planned.policy);
        let watched = planned.stop_when != StopWhen::Sent;
        Ok(Self {
            interrupted: interrupt::listen(progress.notice()),
            progress: Some(progress),
            watch: expected
                .filter(|_| watched)
                .map(|expected| Watch::new(expected, &planned.policy)),
            deadline: Deadline::after(config.load.max_duration),
            diagnosed_from: None,
            stopped: None,
            late: None,
            record: Record::default(),
            live: None,
            programmed: None,
            unread: Vec::new(),
            logged: Ok(None),
            config,
            declared,
            different,
            planned,
        })
    }

    fn expected(&self) -> Option<&'a Expected> {
        self.declared.map(Declared::expected)
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Waits until the split is stationary, where that is asked for; a word where it never was.
    fn settle(&mut self) -> Result<Option<Note>, Failure> {
        let (config, expected) = (self.config, self.expected());
        if let Some(proxy) = &config.wait_proxy {
            proxy.wait(&self.interrupted)?;
        }
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
    fn observe(&mut self) -> Result<Observation, Failure> {
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
        self.live.iter_mut().for_each(Live::watch);
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
        };
        let open = cause_is_open(evidence, &self.planned.policy, watch);
        if open {
            self.diagnosed_from = Some(from);
        }
        open
    }

    /// What the split could be instead.
    fn hypotheses(&self) -> &'a [Hypothesis] {
        self.declared
            .map_or(&[], |declared| &declared.declaration.hypotheses)
    }

    fn judge(mut self, own: Observation, unsettled: Option<Note>) -> Result<Measured, Failure> {
        let (config, expected) = (self.config, self.expected());
        let seen = &own;
        let unmatched = unidentified::unmatched(config, expected, seen);
        let (mapping, untied) = match expected {
            None => (None, None),
            Some(expected) => {
                let (mapping, untied) = tied(config, expected, seen, &unmatched);
                let untied = untied.map(|untied| match untied {
                    Untied::Stopped(failure, notes) => {
                        Untied::Stopped(failure.knowing(self.known()), notes)
                    }
                    sent @ Untied::Sent(..) => sent,
                });
                (Some(mapping), untied)
            }
        };
        let pair = expected.zip(mapping.as_ref());
        // What came in after the last look counts as well, unless the result was certain before.
        if let (Some(watch), Some((expected, mapping))) = (self.watch.as_mut(), pair) {
            watch.look(seen, expected, mapping);
        }
        let sorted = Attribution::new(seen, pair);
        let view = self.proxy_view(expected, &sorted, seen);
        let (policy, hypotheses) = (&self.planned.policy, self.hypotheses());
        let evidence = Evidence {
            declared: pair,
            seen,
            attribution: &sorted,
            hypotheses,
        };
        let verdict = judge(evidence, policy, self.watch.as_ref());
        let key = self.different.as_ref().and_then(|own| own.key.as_deref());
        let pinned = pair.zip(key).filter(|_| verdict.outcome != Outcome::NoData);
        let pinning = pinned.map(|(pair, key)| Pinning::of(key, pair, seen, policy));
        let verdict = match &pinning {
            Some(pinning) => pinning.verdict(sorted.undeclared, policy),
            None => verdict,
        };
        let (slos, healthy) = (&config.slos, policy.require_healthy);
        let verdict = slo::decide(slos, healthy, verdict, &sorted, seen, expected)?;
        let verdict = view.decided(verdict);
        let mut notes = unmatched;
        if verdict.outcome == Outcome::NoData {
            notes.extend(unidentified::redirected(seen));
        }
        notes.extend(unidentified::suggestions(
            config,
            expected,
            seen,
            untied.as_ref(),
        ));
        notes.extend(self.notes(seen, &verdict));
        notes.extend(view.notes);
        notes.extend(unsettled);
        let logged = std::mem::replace(&mut self.logged, Ok(None));
        let log_failure = logged.map(|note| notes.extend(note)).err();
        let declared = self.declared;
        notes.extend(declared.iter().flat_map(|d| d.caveats.iter().cloned()));
        let known = KnownNotes {
            findings: self.findings(),
            notes,
        };
        let target = asked(&config.request);
        let declaration = declared.map(|declared| declared.declaration.clone());
        let watched = self.watch.is_some();
        let observation = SavedObservation::new(
            own,
            expected.zip(mapping),
            watched,
            policy,
            verdict.intervals,
        );
        let observation = SavedObservation {
            diagnosed: self.diagnosed_from.is_some(),
            ..observation
        };
        let observation = match pinning {
            Some(_) => observation.by_key(),
            None => observation,
        };
        let report = Report {
            record: std::mem::take(&mut self.record),
            load: Some(Load::of(&self.planned.plan, config.load.modest)),
            programmed: view.programmed,
            counted: view.counted,
            pinning,
            ..Report::new(target, *policy, declaration, observation, verdict, known)
        };
        Ok(Measured {
            report,
            untied,
            log_failure,
        })
    }

    /// What the proxy said, where one was asked.
    fn proxy_view(
        &mut self,
        expected: Option<&Expected>,
        attribution: &Attribution,
        observation: &Observation,
    ) -> View {
        let view = self.live.take().map(|live| {
            live.view(&Seen {
                expected,
                attribution,
                observation,
                warmup: self.planned.plan.warmup,
            })
        });
        let mut view = view.unwrap_or_default();
        view.notes.append(&mut self.unread);
        view
    }

    /// What lint finds about the request.
    fn findings(&self) -> Vec<Note> {
        let asked = self.declared.and_then(|declared| declared.asked.as_ref());
        asked.map_or_else(Vec::new, lint_notes)
    }

    /// What the manifests and the proxy tell about the request, where nothing is judged: each once, what the proxy has first.
    fn known(&self) -> Vec<String> {
        let caveats = self.declared.map_or(&[][..], |declared| &declared.caveats);
        let mut known: Vec<Note> = caveats.to_vec();
        known.sort_by_key(|caveat| caveat.code != Code::ProgrammedDiffers);
        for finding in self.findings() {
            if !known.iter().any(|one| one.tells_the_same(&finding)) {
                known.push(finding);
            }
        }
        known.into_iter().map(|caveat| caveat.message).collect()
    }

    /// What has to be said of a run that did not send everything.
    fn notes(&self, seen: &Observation, verdict: &Verdict) -> Vec<Note> {
        let interrupted = self.is_interrupted().then(|| cut_short(seen));
        let stop = self.planned.plan.stop;
        let late = self.deadline.note(seen, stop, verdict);
        let confined = self.config.load.confined.then(|| confined(&self.planned));
        let unresolved = self.config.request.transport.unresolved.as_deref();
        let unresolved = unresolved.map(resolved_by_proxy);
        let different = self.different.iter();
        let different = different.flat_map(VariedRequests::notes);
        interrupted
            .into_iter()
            .chain(different)
            .chain(late)
            .chain(self.late.clone())
            .chain(confined)
            .chain(unresolved)
            .collect()
    }
}

/// Which values mean which targets in the end, and how the run ends where none does. It is reported as far as it goes.
fn tied(
    config: &RunConfig,
    expected: &Expected,
    seen: &Observation,
    unmatched: &[Note],
) -> (Mapping, Option<Untied>) {
    let mapping = derive(expected, &config.map, seen);
    if !unidentified::nothing_tied(expected, &mapping, seen) {
        let failure = |error| match unmatched {
            [] => Failure::Mapping(error),
            _ => Failure::Unmatched {
                unmatched: unmatched.iter().map(|note| note.message.clone()).collect(),
                error,
            },
        };
        return match mapping {
            Ok(mapping) => (mapping, None),
            Err(error) => (
                Mapping::unknown(),
                Some(Untied::Stopped(failure(error), Vec::new())),
            ),
        };
    }
    let known = Unidentified::new(config, Some(expected), seen, unmatched);
    let ends = unidentified::may_stop(&config.load);
    match mapping {
        Ok(mapping) if !ends || !unidentified::enough(seen) => {
            (mapping, Some(Untied::Sent(known, Exit::NoData)))
        }
        Err(_) if !ends => (Mapping::unknown(), Some(Untied::Sent(known, Exit::Usage))),
        _ => {
            let notes = known.notes();
            (
                Mapping::unknown(),
                Some(Untied::Stopped(known.into(), notes)),
            )
        }
    }
}

fn resolved_by_proxy(host: &str) -> Note {
    Note::new(
        Code::ResolveUnused,
        format!(
            "the proxy of -x looks up `{host}`, so --resolve has no effect: --connect-to says which host the proxy connects to"
        ),
    )
}

fn confined(planned: &Planned) -> Note {
    let connections = u64::from(planned.plan.connections);
    let were = if connections == 1 { "was" } else { "were" };
    let connections = counted(connections, "connection");
    Note::new(
        Code::FewDescriptors,
        format!(
            "this process may not have more open files, so there {were} {connections} where there usually are more: raise its \
             limit (ulimit -n), or give a number with -c"
        ),
    )
}

pub(super) fn cut_short(seen: &Observation) -> Note {
    Note::new(
        Code::Interrupted,
        format!(
            "interrupted: judged on the {} requests sent until then",
            seen.sent
        ),
    )
}

pub(super) fn asked(request: &RequestConfig) -> report::Request {
    report::Request {
        url: request.url.clone(),
        method: request.method.to_string(),
        host: expectation::host_header(request),
    }
}

/// Which values mean which targets, as far as values have been seen.
pub(super) fn derive(
    expected: &Expected,
    rules: &[MapRule],
    seen: &Observation,
) -> Result<Mapping, MappingError> {
    Mapping::derive(expected, rules, seen.tallies.keys())
}

pub(super) fn bucketer(config: &RunConfig, expected: Option<&Expected>) -> Bucketer {
    // Where one endpoint is meant, what all of its kind have in common tells nothing.
    let bucketer = match expected {
        Some(expected) if config.bucket.is_empty() && expected.is_endpoint() => {
            Bucketer::parse(&["endpoint"])
        }
        _ => Bucketer::parse(&config.bucket),
    };
    let bucketer = bucketer.expect("checked when it was typed");
    match expected {
        None => bucketer,
        Some(expected) => bucketer.with_reducer(Targets {
            expected: expected.clone(),
            rules: config.map.clone(),
        }),
    }
}

/// Reduces a value to the name of the target that it means.
#[derive(Debug)]
struct Targets {
    expected: Expected,
    rules: Vec<MapRule>,
}

impl Reduce for Targets {
    fn reduce(&self, value: &str, status: u16) -> Option<String> {
        recognise(&self.expected, &self.rules, value, status).map(str::to_owned)
    }
}
