//! The main job: what is declared → what to send → send → sort → judge → report.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use super::config::{Body, LoadConfig, OutputConfig, RequestConfig, RunConfig, TlsConfig};
use super::declared::{self, Declared};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::{args, input, objectives, say};
use crate::bucket::Bucketer;
use crate::load::{self, Control};
use crate::plan::{Endpoint, LoadPlan, RequestTemplate, Stop, Tls};
use crate::report::{self, Report, Run, Style};
use crate::split::Expected;
use crate::verdict::attribution::Attribution;
use crate::verdict::mapping::{Mapping, words};
use crate::verdict::{Caveat, Outcome, Policy, judge};

/// Requests where nothing is declared, as respy sent them.
const UNDECLARED_REQUESTS: u64 = 1000;
/// Answers after which it is known whether values can be tied to targets.
const ENOUGH_TO_MAP: u64 = 200;

/// Carries out `run` and says how it ended.
pub(super) fn run(config: &RunConfig) -> Result<Exit, Failure> {
    let declared = declared::resolve(config)?;
    if let Some(declared) = &declared {
        objectives::check_declared(&config.slos, &declared.expected)?;
    }
    let report = measure(config, declared.as_ref())?;
    deliver(&report, &config.output)?;
    Ok(exit(report.verdict.outcome, config.inconclusive))
}

/// Sends, sorts and judges.
fn measure(config: &RunConfig, declared: Option<&Declared>) -> Result<Report, Failure> {
    let expected = declared.map(|declared| &declared.expected);
    let plan = plan(&config.load, &config.request, expected, &config.policy)?;
    let bucketer = Bucketer::parse(&config.bucket).expect("checked when it was typed");
    let bucketer = bucketer.with_words(expected.map(all_words).unwrap_or_default());
    let interrupted = interruptible();
    let progress = Progress::new(&config.output.args, plan.stop);
    let seen = load::run(plan, bucketer, &mut |seen| {
        let mapping = expected
            .map(|expected| Mapping::derive(expected, &config.map, seen.tallies.keys()))
            .transpose();
        let hopeless = mapping.is_err() && seen.answered() >= ENOUGH_TO_MAP;
        progress.show(seen, expected.zip(mapping.unwrap_or_default().as_ref()));
        if hopeless || interrupted.load(Ordering::Relaxed) {
            Control::Stop
        } else {
            Control::Continue
        }
    })?;
    drop(progress);
    let mapping = expected
        .map(|expected| Mapping::derive(expected, &config.map, seen.tallies.keys()))
        .transpose()?;
    let sorted = Attribution::new(&seen, expected.zip(mapping.as_ref()));
    let verdict = judge(expected, &sorted, &seen, &config.policy);
    let mut verdict = objectives::decide(&config.slos, verdict, &sorted, &seen, expected)?;
    if interrupted.load(Ordering::Relaxed) {
        let message = format!(
            "interrupted: judged on the {} requests sent until then",
            seen.sent
        );
        verdict.caveats.push(Caveat {
            id: "interrupted".to_owned(),
            message,
        });
    }
    verdict.caveats.extend(
        declared
            .iter()
            .flat_map(|declared| declared.caveats.iter().cloned()),
    );
    let request = report::Request {
        url: config.request.url.clone(),
        method: config.request.method.to_string(),
        host: declared::host_header(&config.request),
    };
    let rule = declared.as_ref().and_then(|declared| declared.rule.clone());
    Ok(report::report(Run {
        request,
        expected,
        rule,
        seen: &seen,
        sorted: &sorted,
        policy: &config.policy,
        verdict,
    }))
}

fn all_words(expected: &Expected) -> Vec<String> {
    let mut all: Vec<String> = expected
        .declared()
        .iter()
        .flat_map(words)
        .map(str::to_owned)
        .collect();
    all.sort();
    all.dedup();
    all
}

fn plan(
    load: &LoadConfig,
    request: &RequestConfig,
    expected: Option<&Expected>,
    policy: &Policy,
) -> Result<LoadPlan, Failure> {
    let planned = || {
        expected.map_or(UNDECLARED_REQUESTS, |expected| {
            policy.design(expected).requests_fixed()
        })
    };
    let stop = load.stop.unwrap_or_else(|| Stop::Requests(planned()));
    let connections = match stop {
        Stop::Requests(n) => load.connections.min(u32::try_from(n).unwrap_or(u32::MAX)),
        Stop::Elapsed(_) => load.connections,
    };
    let cores =
        || available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let tls = match &request.tls {
        None => None,
        Some(TlsConfig::Insecure) => Some(Tls::Insecure),
        Some(TlsConfig::System) => Some(Tls::Verified { ca: None }),
        Some(TlsConfig::File(path)) => Some(Tls::Verified {
            ca: Some(input::bytes(path)?),
        }),
    };
    let body = match &request.body {
        Body::None => Vec::new(),
        Body::Text(text) => text.clone().into_bytes(),
        Body::File(path) => input::bytes(path)?,
    };
    Ok(LoadPlan {
        endpoint: Endpoint {
            host: request.host.clone(),
            port: request.port,
            tls,
        },
        request: RequestTemplate {
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body,
        },
        stop,
        connections,
        threads: load.threads.unwrap_or_else(cores).clamp(1, connections),
        reuse: load.reuse,
        timeout: load.timeout,
        connect_timeout: load.connect_timeout,
        seed: policy.seed,
    })
}

/// The first Ctrl-C (or SIGTERM) sets the flag, the second ends the process.
fn interruptible() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let code = i32::from(Exit::Interrupted.code());
        // Without a handler the signal ends the process at once, as it always did.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&flag));
        let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
    }
    flag
}

/// Writes the report to the files, then to stdout.
fn deliver(report: &Report, output: &OutputConfig) -> Result<(), Failure> {
    for (format, path) in &output.files {
        let plain = Style {
            colour: false,
            width: 100,
            verbose: output.args.verbose,
        };
        let mut bytes = Vec::new();
        let written = (format.render)(report, plain, &mut bytes)
            .and_then(|()| super::output::replace(path, &bytes));
        written.map_err(|source| Failure::Write {
            path: path.display().to_string(),
            source,
        })?;
    }
    let colour = match output.args.color {
        args::Colour::Always => true,
        args::Colour::Never => false,
        args::Colour::Auto => io::stdout().is_terminal() && !super::output::no_color(),
    };
    let style = Style {
        colour,
        width: super::output::width(),
        verbose: output.args.verbose,
    };
    let mut bytes = Vec::new();
    let written = (output.format.render)(report, style, &mut bytes).and_then(|()| {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    });
    match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.map_err(|source| Failure::Write {
            path: "stdout".to_owned(),
            source,
        })?,
    }
    if report.verdict.outcome == Outcome::NoData {
        let unresolved = report
            .observation
            .failures
            .iter()
            .any(|failed| failed.kind == "dns" && failed.count > 0);
        let help = if unresolved {
            "check the spelling; names of services resolve inside the mesh, so run in a pod with `kubectl exec`"
        } else {
            "check the address and port, and that something listens there"
        };
        say(&format!("error: {}\nhelp: {help}\n", report.verdict.reason));
    }
    Ok(())
}

fn exit(outcome: Outcome, inconclusive: Option<args::Inconclusive>) -> Exit {
    match (outcome, inconclusive) {
        (Outcome::Pass | Outcome::NotJudged, _)
        | (Outcome::Inconclusive, Some(args::Inconclusive::Pass)) => Exit::Pass,
        (Outcome::Diverged | Outcome::SloFailed, _)
        | (Outcome::Inconclusive, Some(args::Inconclusive::Fail)) => Exit::Diverged,
        (Outcome::Inconclusive, None) => Exit::Inconclusive,
        (Outcome::NoData, _) => Exit::NoData,
    }
}
