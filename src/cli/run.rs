//! The main job: what is declared → what to send → send → sort → judge → report.

use std::sync::atomic::Ordering;

use super::config::RunConfig;
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
use crate::bucket::{Bucketer, Reduce};
use crate::load::{self, Control};
use crate::observe::Observation;
use crate::report::{self, Report, Run};
use crate::split::Expected;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::{MapRule, Mapping, MappingError, recognise};
use crate::verdict::{Caveat, Evidence, Watch, judge};

/// Requests after which it is known whether values can be tied to targets, and whether anybody answers.
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
    }
    let report = measure(config, declared.as_ref())?;
    deliver(&report, &config.output)?;
    Ok(exit(&report.verdict, config.inconclusive))
}

/// Sends, sorts and judges.
fn measure(config: &RunConfig, declared: Option<&Declared>) -> Result<Report, Failure> {
    let expected = declared.map(|declared| &declared.expected);
    let Planned { plan, until } = planned(&config.load, &config.request, expected, &config.policy)?;
    let watched = until != Until::Sent;
    // Objectives are tested once, at the end: a split that holds is no reason to end early.
    let to_the_end = until == Until::Diverged || !config.slos.is_empty();
    let mut progress = Progress::new(&config.output.args, plan.stop, config.policy);
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
        .map(|expected| Watch::new(expected, &config.policy));
    let mut look = |seen: &Observation| {
        let mapping = expected
            .map(|expected| derive(expected, &config.map, seen))
            .transpose();
        // Values that cannot be tied to targets, or, where no exact number was asked for, nobody there at all.
        let unclear = mapping.is_err() && seen.answered() >= ENOUGH;
        let nobody = watched && seen.answered() == 0 && seen.failed() >= ENOUGH;
        let mapped = expected.zip(mapping.as_ref().ok().and_then(Option::as_ref));
        let certain = match (watch.as_mut(), mapped) {
            (Some(watch), Some((expected, mapping))) => {
                watch.look(seen, expected, mapping) && (!to_the_end || watch.diverged())
            }
            _ => false,
        };
        progress.show(seen, mapped, watch.as_ref());
        if certain || unclear || nobody || interrupted.load(Ordering::Relaxed) {
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
    let mapping = expected
        .map(|expected| derive(expected, &config.map, &seen))
        .transpose()?;
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
    let verdict = judge(evidence, &config.policy, watch.as_ref());
    let asked_too = (&config.slos[..], config.policy.require_healthy);
    let verdict = objectives::decide(asked_too, verdict, &sorted, &seen, expected)?;
    let mut notes = Vec::new();
    if interrupted.load(Ordering::Relaxed) {
        let message = format!(
            "interrupted: judged on the {} requests sent until then",
            seen.sent
        );
        notes.push(Caveat {
            id: "interrupted".to_owned(),
            message,
        });
    }
    notes.extend(unsettled);
    notes.extend(
        declared
            .iter()
            .flat_map(|declared| declared.caveats.iter().cloned()),
    );
    Ok(report::report(Run {
        request: asked(&config.request),
        declared: pair,
        rule: declared.and_then(|declared| declared.rule.clone()),
        excerpt: declared.and_then(|declared| declared.excerpt.clone()),
        rivals: evidence.rivals,
        seen: &seen,
        sorted: &sorted,
        policy: &config.policy,
        watched: watch.is_some(),
        verdict,
        findings: declared
            .and_then(|declared| declared.asked.as_ref())
            .map_or_else(Vec::new, findings),
        notes,
    }))
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
    fn reduce(&self, value: &str) -> Option<String> {
        recognise(&self.expected, &self.rules, value).map(str::to_owned)
    }
}
