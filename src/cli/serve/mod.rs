//! `resplit serve`: an HTTP service that runs named checks on demand, for gates that call a webhook.

mod checks;
mod config;
mod http;
mod metrics;
mod run_check;
mod template;

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use super::args::ServeArgs;
use super::exit::Exit;
use super::failure::Failure;
use super::{input, warn};
use checks::{Checks, Limits};
use http::{Service, answer};

/// Connections at a time; those on top wait to be accepted.
const CONNECTIONS: u32 = 2048;
/// How long a caller may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// How long an accept waits that failed, as it does without free descriptors.
const PAUSE: Duration = Duration::from_millis(50);
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
    let listener = TcpListener::bind(args.listen)?;
    listener.set_nonblocking(true)?;
    Ok((listener, Signals::new([SIGINT, SIGTERM])?))
}

/// Accepts until a signal, then waits for the connections that have an answer to come.
fn serve(listener: TcpListener, mut signals: Signals, service: &Arc<Service>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
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
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
        let mut ended = ending.clone();
        loop {
            let place = Arc::clone(&places)
                .acquire_owned()
                .await
                .map_err(io::Error::other)?;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = until(&mut ended) => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (service, ending) = (Arc::clone(service), ending.clone());
                    tokio::spawn(async move {
                        connection(stream, service, ending).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        drop(listener);
        // All places are free once every connection has ended.
        let _ = places.acquire_many(CONNECTIONS).await;
        Ok(())
    })
}

/// Waits for the end; what says it is not kept.
async fn until(ending: &mut watch::Receiver<bool>) {
    drop(ending.wait_for(|ending| *ending).await);
}

async fn connection(stream: TcpStream, service: Arc<Service>, mut ending: watch::Receiver<bool>) {
    let answers = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(answer(service, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), answers);
    let mut connection = pin!(connection);
    // What a caller does to its connection is its own affair.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = until(&mut ending) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
