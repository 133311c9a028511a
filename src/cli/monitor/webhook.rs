//! `--webhook`: events are sent from a thread of its own, which never holds up the watch. Few may wait, and each is tried a few times.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::super::failure::Failure;
use super::super::load_plan::planned;
use super::super::{secrets, warn};
use super::run_config;
use crate::bucket::Bucketer;
use crate::load::{self, Control, LoadError};
use crate::observe::Observation;
use crate::plan::LoadPlan;
use crate::units::counted;

/// Events that may wait.
const WAITING: usize = 64;
/// Between two tries, the last of which is followed by none; they double.
const PAUSE: Duration = Duration::from_secs(1);
const TRIES: u64 = 5;
/// How long a try may take.
const TIMEOUT: &str = "10s";
/// How long the end of the watch waits for the events that are left, and how long after a signal.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_AFTER_SIGNAL: Duration = Duration::from_secs(1);

/// What became of the events: `delivered`, `failed`, `dropped`.
type Results = Arc<Mutex<BTreeMap<&'static str, u64>>>;

/// A webhook that takes events.
pub(super) struct Webhook {
    queue: Option<SyncSender<String>>,
    /// Events that were put into the queue.
    queued: AtomicU64,
    results: Results,
    /// Once it is gone, nothing is tried again.
    going_on: Option<mpsc::Sender<()>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    shown: String,
    quiet: bool,
}

impl Webhook {
    /// A webhook at this URL, which is checked, but not called yet.
    pub(super) fn open(url: &str, headers: &[String], quiet: bool) -> Result<Self, Failure> {
        let plan = plan(url, headers)?;
        let shown = shown(url);
        let (queue, events) = mpsc::sync_channel(WAITING);
        let (say_done, done) = mpsc::channel();
        let (going_on, ending) = mpsc::channel();
        let results = Results::default();
        for result in ["delivered", "dropped", "failed"] {
            count(&results, result, 0);
        }
        let sender = Sender {
            plan,
            shown: shown.clone(),
            results: Arc::clone(&results),
            ending,
            quiet,
        };
        let thread = thread::Builder::new()
            .name("webhook".to_owned())
            .spawn(move || {
                sender.work(&events);
                let _ = say_done.send(());
            })
            .map_err(LoadError::Thread)?;
        Ok(Self {
            queue: Some(queue),
            queued: AtomicU64::new(0),
            results,
            going_on: Some(going_on),
            done,
            thread: Some(thread),
            shown,
            quiet,
        })
    }

    /// Puts an event into the queue, unless that is full.
    pub(super) fn send(&self, event: String) {
        let queued = self
            .queue
            .as_ref()
            .is_some_and(|queue| queue.try_send(event).is_ok());
        if queued {
            self.queued.fetch_add(1, Ordering::Relaxed);
        } else {
            count(&self.results, "dropped", 1);
            if !self.quiet {
                let waiting = format!("{WAITING} events wait for it already");
                warn(&format!(
                    "warning: an event was not sent to {}: {waiting}\n",
                    self.shown
                ));
            }
        }
    }

    /// What became of the events so far.
    pub(super) fn results(&self) -> BTreeMap<&'static str, u64> {
        self.results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for what is left, which is tried once more each, but not for long; how many events had no response by then.
    pub(super) fn end(mut self, after_signal: bool) -> u64 {
        drop((self.queue.take(), self.going_on.take()));
        let patience = if after_signal {
            PATIENCE_AFTER_SIGNAL
        } else {
            PATIENCE
        };
        if let Err(RecvTimeoutError::Timeout) = self.done.recv_timeout(patience) {
            let results = self.results();
            let left =
                self.queued.load(Ordering::Relaxed) - results["delivered"] - results["failed"];
            if left > 0 && !self.quiet {
                warn(&format!(
                    "warning: {} had no response of {} when the watch ended\n",
                    counted(left, "event"),
                    self.shown
                ));
            }
            return left;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        0
    }
}

struct Sender {
    plan: LoadPlan,
    shown: String,
    results: Results,
    ending: Receiver<()>,
    quiet: bool,
}

impl Sender {
    fn work(&self, events: &Receiver<String>) {
        while let Ok(event) = events.recv() {
            match self.deliver(&event) {
                Ok(()) => count(&self.results, "delivered", 1),
                Err(why) => {
                    count(&self.results, "failed", 1);
                    if !self.quiet {
                        warn(&format!(
                            "warning: an event was not taken by {}: {why}\n",
                            self.shown
                        ));
                    }
                }
            }
        }
    }

    /// Sends an event until it is taken, or refused for good.
    fn deliver(&self, event: &str) -> Result<(), String> {
        let mut pause = PAUSE;
        let mut tries = 0;
        loop {
            tries += 1;
            let why = match self.post(event) {
                Ok(200..=299) => return Ok(()),
                // Another try would be refused as well.
                Ok(status @ 400..=499) if status != 408 && status != 429 => {
                    return Err(format!("status {status}"));
                }
                Ok(status) => format!("status {status}"),
                Err(error) => error,
            };
            if tries == TRIES || self.ends_within(pause) {
                return Err(format!("{why}, {}", counted(tries, "try")));
            }
            pause *= 2;
        }
    }

    /// Waits so long, or until the watch ends.
    fn ends_within(&self, pause: Duration) -> bool {
        !matches!(
            self.ending.recv_timeout(pause),
            Err(RecvTimeoutError::Timeout)
        )
    }

    fn post(&self, event: &str) -> Result<u16, String> {
        let mut plan = self.plan.clone();
        plan.request.body = event.as_bytes().to_vec();
        let bucketer = Bucketer::parse(&["status"]).map_err(|error| error.to_string())?;
        let seen = load::run(plan, bucketer, &mut |_: &Observation| Control::Continue);
        let seen = seen.map_err(|error| error.to_string())?;
        let status = seen.tallies.keys().map(|bucket| bucket.status).next();
        status.ok_or_else(|| {
            let said = seen
                .failures
                .values()
                .map(|failed| failed.example.clone())
                .next();
            said.unwrap_or_else(|| "no response".to_owned())
        })
    }
}

fn count(results: &Results, result: &'static str, more: u64) {
    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
    *results.entry(result).or_default() += more;
}

/// The scheme and the host: the path of a webhook is often its secret.
fn shown(url: &str) -> String {
    let masked = secrets::url(url, secrets::Query::Masked);
    let begin = masked.find("://").map_or(0, |at| at + 3);
    let end = masked[begin..].find(['/', '?', '#']);
    match end {
        Some(end) => format!("{}/…", &masked[..begin + end]),
        None => masked,
    }
}

/// One request as those of a run, whose body is an event.
fn plan(url: &str, headers: &[String]) -> Result<LoadPlan, Failure> {
    let mut words = vec![
        "-m",
        "POST",
        "-T",
        "application/json",
        "-d",
        "{}",
        "-n",
        "1",
        "-c",
        "1",
        "-t",
        TIMEOUT,
    ];
    for header in headers {
        words.extend(["-H", header]);
    }
    let config = run_config(&words, url)?;
    Ok(planned(&config.load, &config.request, None, &config.policy)?.plan)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    /// It takes connections and says nothing.
    #[test]
    fn a_silent_webhook_holds_a_bounded_number_of_events_and_the_end_waits_for_no_response() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", silent.local_addr().expect("an address"));
        let hook = Webhook::open(&url, &[], true).expect("a webhook");
        hook.send("{}".to_owned());
        // The first is under way.
        let (mut first, _) = silent.accept().expect("a connection");
        for _ in 0..1000 {
            hook.send("{}".to_owned());
        }
        let waiting = WAITING as u64;
        assert_eq!(hook.results()["dropped"], 1000 - waiting);
        assert_eq!(hook.end(true), 1 + waiting);
        // It has not been given up: the time of its try is not over.
        first.set_nonblocking(true).expect("a socket");
        let mut request = Vec::new();
        let ended = first.read_to_end(&mut request);
        assert!(
            ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
            "{}",
            String::from_utf8_lossy(&request)
        );
    }

    /// The pauses between the tries take 15 s; what waits is tried once at the end.
    #[test]
    fn at_the_end_nothing_is_tried_again() {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", closed.local_addr().expect("an address"));
        let hook = Webhook::open(&url, &[], true).expect("a webhook");
        drop(closed);
        for _ in 0..50 {
            hook.send("{}".to_owned());
        }
        let results = Arc::clone(&hook.results);
        assert_eq!(hook.end(false), 0);
        let results = results.lock().expect("nobody panicked");
        assert_eq!((results["failed"], results["dropped"]), (50, 0));
    }

    #[test]
    fn of_a_webhook_only_the_host_is_shown() {
        for (url, text) in [
            (
                "https://hooks.example.com/services/T0/B0/s3cret",
                "https://hooks.example.com/…",
            ),
            (
                "http://u:s3cret@alerts:9093/api?token=s3cret",
                "http://***@alerts:9093/…",
            ),
            ("http://alerts", "http://alerts"),
        ] {
            assert_eq!(shown(url), text);
        }
    }
}
