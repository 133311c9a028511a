//! `resplit serve`: an HTTP service that runs named checks on demand, for gates that call a webhook.

mod checks;
mod config;
mod http;
mod metrics;
mod run_check;
mod template;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

use super::args::ServeArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::{http_service, input, warn};
use checks::{Checks, Limits};
use http::{Service, answer};
pub(super) use metrics::TYPE as METRICS_TYPE;

const MOST_WORKERS: u64 = 64;
const MOST_QUEUED: u64 = 10_000;

/// Serves until SIGTERM; then answers whoever waits, and ends.
pub(super) fn run(args: &ServeArgs) -> Result<Exit, Failure> {
    let table = config::read(&args.config)?;
    let number = |name: &str, count: u64, least: u64, most: u64| {
        let fits = (least..=most).contains(&count);
        let refused = || {
            Failure::usage(
                format!("{name} cannot be {count}"),
                format!("give a number from {least} to {most}"),
            )
        };
        fits.then_some(usize::try_from(count).unwrap_or(usize::MAX))
            .ok_or_else(refused)
    };
    let workers = number("--workers", args.workers.0, 1, MOST_WORKERS)?;
    let limits = Limits {
        workers,
        queue: number("--queue", args.queue.0, 1, MOST_QUEUED)?,
        reports: number("--reports", args.reports.0, 0, 1000)?,
    };
    let token = args
        .token_file
        .as_ref()
        .map(|path| token(path))
        .transpose()?;
    let (listener, signals) = open(args).map_err(Failure::Serve)?;
    let address = listener.local_addr().map_err(Failure::Serve)?;
    if token.is_none() && !address.ip().is_loopback() {
        warn(
            "warning: whoever reaches this address may start checks: --token-file asks for a token\n",
        );
    }
    warn(&format!(
        "listening on http://{address}; SIGTERM ends it once the checks under way are answered\n"
    ));
    let service = Arc::new(Service {
        table,
        checks: Checks::new(limits),
        token,
    });
    let working: Vec<_> = (0..workers)
        .map(|_| {
            let service = Arc::clone(&service);
            thread::spawn(move || service.checks.work())
        })
        .collect();
    serve(listener, signals, &service).map_err(Failure::Serve)?;
    for worker in working {
        let _ = worker.join();
    }
    Ok(Exit::Pass)
}

fn token(path: &std::path::Path) -> Result<String, Failure> {
    let text = String::from_utf8(input::bytes(path, input::Content::Checks)?).unwrap_or_default();
    let text = text.trim();
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        let message = format!("`{}` does not hold a token", path.display());
        return Err(Failure::usage(
            message,
            "write one line of printable ASCII without blanks",
        ));
    }
    Ok(text.to_owned())
}

fn open(args: &ServeArgs) -> io::Result<(TcpListener, Signals)> {
    Ok((
        http_service::open(args.listen)?,
        Signals::new([SIGINT, SIGTERM])?,
    ))
}

/// Accepts until a signal, then waits for the connections that have an answer to come.
fn serve(listener: TcpListener, mut signals: Signals, service: &Arc<Service>) -> io::Result<()> {
    let (end, ending) = watch::channel(false);
    let own = Arc::clone(service);
    thread::spawn(move || {
        signals.forever().next();
        own.checks.end();
        end.send_replace(true);
        // The second one ends the process at once, as it does without a handler.
        if let Some(signal) = signals.forever().next() {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    let service = Arc::clone(service);
    http_service::serve(listener, &ending, move |request| {
        answer(Arc::clone(&service), request)
    })
}
