//! The life of the proxy in the pod of this process: nothing is sent before it is ready, and it is asked to quit once, however
//! this process ends.
#![allow(clippy::disallowed_methods, reason = "waiting has a clock")]

use std::ffi::OsString;
use std::io;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::args::{QUIT_URL, SidecarArgs};
use super::failure::Failure;
use super::plain_http::{self, HttpUrl};
use super::warn;

/// Between two questions whether the proxy is ready.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest wait for one response of the agent.
const RESPONSE: Duration = Duration::from_secs(2);

/// Whom to ask to quit, where that is asked for.
static QUIT: OnceLock<HttpUrl> = OnceLock::new();
static ASKED: Once = Once::new();
/// Whether a run handles signals, so that they no longer end the process at once.
static RUN_HANDLES_SIGNALS: AtomicBool = AtomicBool::new(false);

/// `--wait-proxy`: what says that the proxy is ready, and the longest wait for it.
#[derive(Debug)]
pub(super) struct WaitProxy {
    url: HttpUrl,
    limit: Duration,
}

impl WaitProxy {
    /// What the options say, if they ask for it.
    pub(super) fn of(args: &SidecarArgs) -> Result<Option<Self>, Failure> {
        let Some(limit) = args.wait_proxy else {
            return Ok(None);
        };
        if limit.0.is_zero() {
            let help = "give a time above zero, such as --wait-proxy=60s";
            return Err(Failure::usage("--wait-proxy cannot be zero", help));
        }
        Ok(Some(Self {
            url: args.proxy_ready_url.clone(),
            limit: limit.0,
        }))
    }

    /// Waits until the proxy is ready, or this is interrupted.
    pub(super) fn wait(&self, interrupted: &AtomicBool) -> Result<(), Failure> {
        let end = Instant::now() + self.limit;
        while !interrupted.load(Ordering::Relaxed) {
            let left = end.saturating_duration_since(Instant::now());
            let response = plain_http::status("GET", &self.url, b"", RESPONSE.min(left.max(PAUSE)));
            let last = match response {
                Ok(200..=299) => return Ok(()),
                Ok(status) => format!("status {status}"),
                Err(error) => error.kind().to_string(),
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::ProxyNotReady {
                    url: self.url.to_string(),
                    limit: self.limit,
                    last,
                });
            }
            thread::sleep(PAUSE.min(left));
        }
        Ok(())
    }
}

/// Has the proxy asked to quit when this process ends, where the command line asks for that. It is looked at before it is
/// understood: a typo ends the process, too.
pub(super) fn quit_at_the_end(typed: &[OsString]) {
    let words = typed.iter().skip(1).map(|word| word.to_string_lossy());
    let words: Vec<_> = words.take_while(|word| word != "--").collect();
    if !words.iter().any(|word| word == "--quit-proxy") {
        return;
    }
    let after = |name: &str| {
        let next = words.iter().position(|word| word == name)?;
        words.get(next + 1).map(ToString::to_string)
    };
    let option = "--proxy-quit-url";
    let typed = words.iter().find_map(|word| {
        let value = word.strip_prefix(option)?.strip_prefix('=')?;
        Some(value.to_owned())
    });
    let Ok(url) = typed
        .or_else(|| after(option))
        .unwrap_or_else(|| QUIT_URL.to_owned())
        .parse()
    else {
        return;
    };
    let _ = QUIT.set(url);
    by_signal();
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        usual(panicked);
        quit();
    }));
}

/// Asks the proxy to quit, if that is to be done: once, however often this is called. Nobody there is no problem: a native
/// sidecar ends by itself, and without a sidecar there is nobody to ask.
pub(super) fn quit() {
    let Some(url) = QUIT.get() else {
        return;
    };
    ASKED.call_once(|| {
        let problem = match plain_http::status("POST", url, b"", RESPONSE) {
            Ok(200..=299) => return,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
            Ok(status) => format!("status {status}"),
            Err(error) => error.kind().to_string(),
        };
        warn(&format!(
            "warning: the proxy may not have quit: POST {url}: {problem}\n"
        ));
    });
}

/// From now on a run handles signals.
pub(super) fn leave_signals_to_the_run() {
    RUN_HANDLES_SIGNALS.store(true, Ordering::SeqCst);
}

/// A signal that would end the process at once has the proxy asked first. During a run, the run handles it.
fn by_signal() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    let waits = move || {
        for signal in signals.forever() {
            if !RUN_HANDLES_SIGNALS.load(Ordering::SeqCst) {
                quit();
                let _ = emulate_default_handler(signal);
            }
        }
    };
    // Without a thread there is no run either.
    let _ = thread::Builder::new().name("quit".to_owned()).spawn(waits);
}
