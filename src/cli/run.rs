//! The main job: what is declared → what to send → send → sort → judge → report.

use std::sync::atomic::Ordering;

use super::config::{Amount, RunConfig};
use super::deadline::Deadline;
use super::declared::{self, Declared};
use super::deliver::{deliver, exit};
use super::exit::Exit;
use super::failure::Failure;
use super::findings::findings;
use super::interrupt;
use super::objectives;
use super::output;
use super::planning::{Planned, Until, planned};
use super::progress::Progress;
use super::request::RequestConfig;
use super::settle::settle;
use super::unidentified::{self, Unidentified};
use crate::bucket::{Bucketer, Reduce};
use crate::load::{self, Control};
use crate::observe::Observation;
use crate::report::{self, Load, Report, Run};
use crate::split::Expected;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::{MapRule, Mapping, MappingError, recognise};
use crate::verdict::{Caveat, Evidence, Watch, judge};

/// Requests after which it is known whether anybody answers.
const ENOUGH: u64 = 200;

/// Carries out `run` and says how it ended.
pub(super) fn run(config: &RunConfig) -> Result<Exit, Failure> {
    for (_, path) in &config.output.files {
        // Before anything is sent: a report that cannot be written would be the loss of a whole run.
        output::writable(path).map_err(|source| Failure::Write {
            path: path.display().to_string(),
            source,
        })?;
    }
    let declared = declared::resolve(config)?;
    if let Some(declared) = &declared {
        objectives::check_declared(&config.slos, &declared.expected)?;
        // A rule for a target that is not declared is known before anything is sent.
        Mapping::derive(&declared.expected, &config.map, [])?;
    }
    let Measured { report, untied } = measure(config, declared.as_ref())?;
    let help = untied.as_ref().map(|(untied, _)| untied.help());
    deliver(&report, &config.output, help.as_deref())?;
    Ok(match untied {
        Some((_, exit)) => exit,
        None => exit(&report.verdict, config.inconclusive),
    })
}

/// A run that was judged.
struct Measured {
    report: Report,
    /// Where no response says which target it is from: what could, and how the command ends.
    untied: Option<(Unidentified, Exit)>,
}

/// Sends, sorts and judges.
fn measure(config: &RunConfig, declared: Option<&Declared>) -> Result<Measured, Failure> {
    let expected = declared.map(|declared| &declared.expected);
    let Planned {
        plan,
        until,
        policy,
    } = planned(&config.load, &config.request, expected, &config.policy)?;
    let load = Load::of(&plan, config.load.modest);
    let watched = until != Until::Sent;
    let exactly = matches!(config.load.amount, Amount::Exactly(_));
    // Objectives are tested once, at the end: a split that holds is no reason to end early.
    let to_the_end = until == Until::Diverged || !config.slos.is_empty();
    let mut progress = Progress::new(&config.output.args, plan.stop, policy);
    let interrupted = interrupt::listen(progress.notice());
    let unsettled = match (config.load.settle, expected) {
        (Some(limit), Some(expected)) => settle(
            &plan,
            || bucketer(config, Some(expected)),
            expected,
            &config.map,
            limit,
            &interrupted,
        )?,
        _ => None,
    };
    let mut watch = expected
        .filter(|_| watched)
        .map(|expected| Watch::new(expected, &policy));
    let most = plan.stop;
    let deadline = Deadline::after(config.load.max_duration);
    let may_stop = unidentified::may_stop(&config.load);
    let mut look = |seen: &Observation| {
        let mapping = expected.map(|expected| derive(expected, &config.map, seen));
        // Responses that cannot be tied to targets, or, where no exact number was asked for, nobody there at all.
        let unclear = may_stop && unidentified::hopeless(expected.zip(mapping.as_ref()), seen);
        let nobody = !exactly && seen.answered() == 0 && seen.failed() >= ENOUGH;
        let mapped = expected.zip(mapping.as_ref().and_then(|mapping| mapping.as_ref().ok()));
        let certain = match (watch.as_mut(), mapped) {
            (Some(watch), Some((expected, mapping))) => {
                watch.look(seen, expected, mapping) && (!to_the_end || watch.diverged())
            }
            _ => false,
        };
        progress.show(seen, mapped, watch.as_ref());
        let ended = deadline.passed() || interrupted.load(Ordering::Relaxed);
        if certain || unclear || nobody || ended {
            Control::Stop
        } else {
            Control::Continue
        }
    };
    let seen = if interrupted.load(Ordering::Relaxed) {
        // While it settled: nothing more is sent.
        Observation::default()
    } else {
        load::run(plan, bucketer(config, expected), &mut look)?
    };
    drop(progress);
    let unmatched = unidentified::unmatched(config, expected, &seen);
    let (mapping, untied) = match expected {
        None => (None, None),
        Some(expected) => {
            let (mapping, untied) = tied(config, expected, &seen, &unmatched)?;
            (Some(mapping), untied)
        }
    };
    let pair = expected.zip(mapping.as_ref());
    // What came in after the last look counts as well, unless the answer was certain before.
    if let (Some(watch), Some((expected, mapping))) = (watch.as_mut(), pair) {
        watch.look(&seen, expected, mapping);
    }
    let sorted = Attribution::new(&seen, pair);
    let evidence = Evidence {
        declared: pair,
        seen: &seen,
        sorted: &sorted,
        rivals: declared.map_or(&[], |declared| &declared.rivals),
    };
    let verdict = judge(evidence, &policy, watch.as_ref());
    let verdict = objectives::decide(
        &config.slos,
        policy.require_healthy,
        verdict,
        &sorted,
        &seen,
        expected,
    )?;
    let mut notes = unmatched;
    notes.extend(unidentified::suggestions(
        config,
        expected,
        &seen,
        untied.as_ref().map(|(known, _)| known),
    ));
    if interrupted.load(Ordering::Relaxed) {
        notes.push(cut_short(&seen));
    }
    notes.extend(deadline.note(&seen, most, &verdict));
    notes.extend(unsettled);
    notes.extend(
        declared
            .iter()
            .flat_map(|declared| declared.caveats.iter().cloned()),
    );
    let report = report::report(Run {
        request: asked(&config.request),
        declared: pair,
        rule: declared.and_then(|declared| declared.rule.clone()),
        excerpt: declared.and_then(|declared| declared.excerpt.clone()),
        rivals: evidence.rivals,
        seen: &seen,
        sorted: &sorted,
        policy: &policy,
        watched: watch.is_some(),
        verdict,
        findings: declared
            .and_then(|declared| declared.asked.as_ref())
            .map_or_else(Vec::new, findings),
        notes,
    });
    let report = Report {
        load: Some(load),
        ..report
    };
    Ok(Measured { report, untied })
}

/// Which values mean which targets in the end. Where none does, a run that could stop for it has no report; one that sent
/// what was asked for is reported as far as it goes.
fn tied(
    config: &RunConfig,
    expected: &Expected,
    seen: &Observation,
    unmatched: &[Caveat],
) -> Result<(Mapping, Option<(Unidentified, Exit)>), Failure> {
    let mapping = derive(expected, &config.map, seen);
    if !unidentified::nothing_tied(expected, &mapping, seen) {
        let failure = |error| match unmatched {
            [] => Failure::Mapping(error),
            _ => Failure::Unmatched {
                unmatched: unmatched.iter().map(|note| note.message.clone()).collect(),
                error,
            },
        };
        return Ok((mapping.map_err(failure)?, None));
    }
    let known = Unidentified::new(config, Some(expected), seen, unmatched);
    let ends = unidentified::may_stop(&config.load);
    match mapping {
        Ok(mapping) if !ends || !unidentified::enough(seen) => {
            Ok((mapping, Some((known, Exit::NoData))))
        }
        Err(_) if !ends => Ok((Mapping::unknown(), Some((known, Exit::Usage)))),
        _ => Err(Failure::Unidentified(Box::new(known))),
    }
}

fn cut_short(seen: &Observation) -> Caveat {
    Caveat {
        id: "interrupted".to_owned(),
        message: format!(
            "interrupted: judged on the {} requests sent until then",
            seen.sent
        ),
    }
}

fn asked(request: &RequestConfig) -> report::Request {
    report::Request {
        url: request.url.clone(),
        method: request.method.to_string(),
        host: declared::host_header(request),
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

fn bucketer(config: &RunConfig, expected: Option<&Expected>) -> Bucketer {
    let bucketer = Bucketer::parse(&config.bucket).expect("checked when it was typed");
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
