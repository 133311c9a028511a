//! `resplit monitor`: sends a trickle for ever, and tells when the split changes.

mod board;
mod outputs;
mod sorter;
mod source;
mod watch;
mod webhook;

use std::sync::atomic::Ordering;

use clap::Parser;

use super::args::{Cli, Command, MonitorArgs, RunArgs};
use super::cluster_bucket;
use super::config::RunConfig;
use super::exit::Exit;
use super::failure::Failure;
use super::interrupt;
use super::warn;
use crate::units::{Count, Rate};
use outputs::Outputs;
use source::Source;
use watch::Watch;

/// What is no trickle any more.
const FASTEST: f64 = 1000.0;
/// Requests under way at a time, at most.
const MOST_UNDER_WAY: u64 = 10_000;

/// Watches until it is interrupted, or until the requests or the time are over.
pub(super) fn run(args: MonitorArgs) -> Result<Exit, Failure> {
    let rate = args.rate.per_second();
    if rate > FASTEST {
        return Err(Failure::usage(
            format!("--rate cannot be {rate}/s"),
            format!("give {FASTEST}/s at most: `resplit run` sends more than a trickle"),
        ));
    }
    for (option, time) in [
        ("--duration", args.duration),
        ("--timeout", Some(args.timeout)),
    ] {
        if time.is_some_and(|time| time.0.is_zero()) {
            let help = "give a time above zero, such as 20s";
            return Err(Failure::usage(format!("{option} cannot be zero"), help));
        }
    }
    if args.requests == Some(Count(0)) {
        return Err(Failure::usage(
            "--requests cannot be 0",
            "leave --requests out, or give at least 1",
        ));
    }
    let part = args.max_unattributed.get();
    if part <= 0.0 || part >= 0.5 {
        return Err(Failure::usage(
            "--max-unattributed must be above 0 and below 50%",
            "give a part of the requests, such as 1%",
        ));
    }
    let mut args = args;
    let config = config(&mut args)?;
    let quiet = args.quiet;
    let interrupted = interrupt::listen(move |_, _| {
        if !quiet {
            warn("stopping: waiting for the responses under way; Ctrl-C again ends at once\n");
        }
    });
    if let Some(proxy) = &config.wait_proxy {
        proxy.wait(&interrupted)?;
    }
    let (source, expected, notes) = Source::open(&config)?;
    let mut outputs = Outputs::open(&args, &config.request.url)?;
    let watch = Watch::new(&args, config, source, expected, &interrupted);
    let exit = watch.run(notes, &mut outputs);
    outputs.end(interrupted.load(Ordering::Relaxed));
    exit
}

/// A run with the same request and declaration. Every request has a connection of its own: those of one connection might
/// resemble each other, which is no evidence.
fn config(args: &mut MonitorArgs) -> Result<RunConfig, Failure> {
    cluster_bucket::refuse_for("monitor", &args.expectation.bucket)?;
    let mut run = run_args(&[], &args.url);
    std::mem::swap(&mut run.expectation, &mut args.expectation);
    std::mem::swap(&mut run.proxy, &mut args.proxy);
    std::mem::swap(&mut run.request, &mut args.request);
    std::mem::swap(&mut run.sidecar, &mut args.sidecar);
    run.judgement.tolerance = args.tolerance;
    run.judgement.resolution = args.resolution;
    run.judgement.max_unattributed = args.max_unattributed;
    run.load.rate = Some(args.rate);
    run.load.reuse = Some((1, 1));
    run.load.threads = Some(Count(1));
    run.load.connections = Some(Count(1));
    run.load.in_flight = Some(Count(under_way(args.rate, args.timeout.0.as_secs_f64())));
    run.load.timeout = args.timeout;
    run.load.connect_timeout = args.connect_timeout;
    run.output.quiet = args.quiet;
    RunConfig::try_from(run)
}

/// As many as are due while one waits for its response.
fn under_way(rate: Rate, timeout: f64) -> u64 {
    let most = (rate.per_second() * timeout).ceil() + 1.0;
    crate::stats::whole(most).clamp(2, MOST_UNDER_WAY)
}

/// What these words after `resplit run` mean.
fn run_config(words: &[&str], url: &str) -> Result<RunConfig, Failure> {
    RunConfig::try_from(run_args(words, url))
}

fn run_args(words: &[&str], url: &str) -> RunArgs {
    let typed = [&["resplit", "run"], words, &["--", url]].concat();
    match Cli::try_parse_from(typed).map(|cli| cli.command) {
        Ok(Some(Command::Run(run))) => *run,
        _ => unreachable!("the options of `run` stay what they are"),
    }
}
