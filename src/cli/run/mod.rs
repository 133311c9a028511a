//! The main job: what is declared → what to send → send → sort → judge → report.

mod attributed;
mod judged;
mod notes;
mod session;
mod targets;

use super::cluster_bucket;
use super::config::RunConfig;
use super::exit::Exit;
use super::expectation::{self, Declared};
use super::failure::Failure;
use super::log_file;
use super::proxy_admin::{self, Asked, Live};
use super::report_output::{self, exit, write_report};
use super::request::RequestConfig;
use super::sidecar::WaitProxy;
use super::slo;
use super::unidentified::Untied;
use super::varied_requests::VariedRequests;
use crate::diag::Note;
use crate::report::{self, Report};
use crate::verdict::mapping::Mapping;
pub(super) use notes::cut_short;
use session::Session;
pub(super) use targets::{bucketer, derive};

/// Carries out `run` and says how it ended.
pub(super) fn run(config: &RunConfig) -> Result<Exit, Failure> {
    writable(config)?;
    let interrupted = ready(config)?;
    let asked = Asked {
        probe: expectation::probe(&config.request),
        vantage: config.vantage.clone(),
        among_others: false,
    };
    let (mut live, unread) = proxy_admin::begin(config.proxy_admin.as_ref(), asked);
    let mut declared = expectation::resolve(config, live.as_ref())?;
    let programmed = programmed(config, declared.as_ref(), live.as_mut());
    if programmed == Some(true) {
        // What was said of the proxy before is no longer true.
        declared = expectation::resolve(config, live.as_ref())?;
    }
    if config.by_counters() {
        let split = declared.as_ref().map(Declared::expected);
        cluster_bucket::check(live.as_ref(), &unread, split)?;
    }
    let proxy = ProxySide {
        live,
        programmed,
        unread,
        interrupted,
    };
    carried_out(config, declared.as_ref(), None, proxy)
}

/// Waits for the proxy beside this process, where that is asked for: what it is programmed with is read after that. Whether the
/// wait was interrupted.
pub(super) fn ready(config: &RunConfig) -> Result<bool, Failure> {
    let proxy = config.wait_proxy.as_ref();
    proxy.map_or(Ok(false), WaitProxy::interruptible)
}

/// The proxy that makes the split, as far as it says anything.
#[derive(Default)]
pub(super) struct ProxySide {
    /// Its admin interface, where that answers.
    pub(super) live: Option<Live>,
    /// Whether it got the declared split before anything was sent, where that was waited for.
    pub(super) programmed: Option<bool>,
    /// What is to be said where it does not answer.
    pub(super) unread: Vec<Note>,
    /// Whether the wait for it was interrupted.
    pub(super) interrupted: bool,
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
    let mut session = Session::prepare(config, declared, different, proxy)?;
    let unsettled = session.settle()?;
    let seen = session.observe()?;
    session.judge(seen, unsettled)
}

pub(super) fn asked(request: &RequestConfig) -> report::Request {
    report::Request {
        url: request.url.clone(),
        method: request.method.to_string(),
        host: expectation::host_header(request),
    }
}
