//! The life of the proxy in the pod of this process: nothing is sent before it is ready, and it is asked to quit once, however
//! this process ends.
#![allow(clippy::disallowed_methods, reason = "waiting has a clock")]

use std::ffi::OsString;
use std::io;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::args::{QUIT_URL, SidecarArgs};
use super::failure::Failure;
use super::plain_http::{self, HttpUrl};
use super::proxy_admin::{AdminChoice, is_native_sidecar};
use super::signals::asking_to_end;
use super::warn;

/// Between two questions whether the proxy is ready.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest wait for one response of the agent.
const RESPONSE: Duration = Duration::from_secs(2);

/// Whom to ask to quit, where that is asked for.
static QUIT: OnceLock<Quit> = OnceLock::new();
static ASKED: Once = Once::new();
/// Whether a run handles signals, so that they no longer end the process at once.
static RUN_HANDLES_SIGNALS: AtomicBool = AtomicBool::new(false);

/// `--quit-proxy`: who is asked, and who tells whether that is to be done.
struct Quit {
    url: HttpUrl,
    /// The admin interface of the proxy, where one is chosen.
    admin: Option<AdminChoice>,
    quiet: bool,
}

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

    /// Waits before a run is prepared; whether that was interrupted. From then on a signal ends the process at once again, until
    /// the run handles signals itself.
    pub(super) fn interruptible(&self) -> Result<bool, Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let waits = Arc::new(AtomicBool::new(true));
        if let Ok(mut signals) = Signals::new(asking_to_end()) {
            let (interrupted, waits) = (Arc::clone(&interrupted), Arc::clone(&waits));
            let listens = move || {
                for signal in signals.forever() {
                    if waits.load(Ordering::SeqCst) {
                        interrupted.store(true, Ordering::SeqCst);
                    } else if !RUN_HANDLES_SIGNALS.load(Ordering::SeqCst) {
                        quit();
                        let _ = emulate_default_handler(signal);
                    }
                }
            };
            // Without a thread there is no run either.
            let _ = thread::Builder::new()
                .name("wait".to_owned())
                .spawn(listens);
            RUN_HANDLES_SIGNALS.store(true, Ordering::SeqCst);
        }
        self.wait(&interrupted)?;
        waits.store(false, Ordering::SeqCst);
        RUN_HANDLES_SIGNALS.store(false, Ordering::SeqCst);
        Ok(interrupted.load(Ordering::SeqCst))
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
    let value = |option: &str| {
        let next = |at: usize| words.get(at + 1).map(ToString::to_string);
        words.iter().enumerate().find_map(|(at, word)| {
            let rest = word.strip_prefix(option)?;
            rest.strip_prefix('=')
                .map(str::to_owned)
                .or_else(|| next(at).filter(|_| rest.is_empty()))
        })
    };
    let url = value("--proxy-quit-url").unwrap_or_else(|| QUIT_URL.to_owned());
    let Ok(url) = url.parse() else {
        return;
    };
    let _ = QUIT.set(Quit {
        url,
        admin: value("--proxy-admin").and_then(|typed| typed.parse().ok()),
        quiet: words.iter().any(|word| word == "--quiet"),
    });
    by_signal();
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        usual(panicked);
        quit();
    }));
}

/// Asks the proxy to quit, if that is to be done: once, however often this is called. Nobody there is no problem: without a
/// sidecar there is nobody to ask.
pub(super) fn quit() {
    if let Some(quit) = QUIT.get() {
        ASKED.call_once(|| quit.ask());
    }
}

impl Quit {
    /// Asks, and says what was done. kubelet ends a native sidecar after the other containers, and would start again one that
    /// quits before.
    fn ask(&self) {
        let url = &self.url;
        if is_native_sidecar(self.admin.as_ref()) == Some(true) {
            return self.note(
                "the proxy is a native sidecar, which ends with the pod: it was not asked to quit",
            );
        }
        let problem = match plain_http::status("POST", url, b"", RESPONSE) {
            Ok(200..=299) => return self.note(&format!("the proxy was asked to quit: POST {url}")),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
            Ok(status) => format!("status {status}"),
            Err(error) => error.kind().to_string(),
        };
        warn(&format!(
            "warning: the proxy may not have quit: POST {url}: {problem}\n"
        ));
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            warn(&format!("note: {text}\n"));
        }
    }
}

/// From now on a run handles signals.
pub(super) fn leave_signals_to_the_run() {
    RUN_HANDLES_SIGNALS.store(true, Ordering::SeqCst);
}

/// A signal that would end the process at once has the proxy asked first. During a run, the run handles it.
fn by_signal() {
    let Ok(mut signals) = Signals::new(asking_to_end()) else {
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
