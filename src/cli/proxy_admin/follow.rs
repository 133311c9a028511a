//! The proxy for as long as a watch takes: what it is programmed with for the request, asked again and again. An interface that does
//! not respond is asked on.
#![allow(
    clippy::disallowed_methods,
    reason = "looking again and again has a clock"
)]

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::watch::{LONGEST_LOOK, Push, Watched};
use super::{Live, ProgrammedSplit};

/// How often the proxy is asked, at most; and the pause in times of what an answer took.
const INTERVAL: Duration = Duration::from_secs(1);
const PAUSE: u32 = 50;
/// The longest pause after a look that failed: an interface that did not respond may be back.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What is new about a proxy.
pub(in crate::cli) enum ProxyNews {
    /// Another split of the request, and what was pushed.
    Programmed(Box<ProgrammedSplit>, String),
    /// It does not say what it does with the request.
    Unreadable(String),
    /// It says so again.
    Readable,
}

/// A thread that asks.
pub(in crate::cli) struct Follower {
    news: Receiver<ProxyNews>,
    /// The thread ends when this is gone.
    _alive: Sender<()>,
}

impl Live {
    /// Asks the proxy from now on, where it is there.
    pub(in crate::cli) fn follow(&mut self) -> Option<Follower> {
        let watched = self.watched.take()?;
        let (alive, gone) = mpsc::channel();
        let (tell, news) = mpsc::channel();
        let spawned = thread::Builder::new()
            .name("follow-admin".to_owned())
            .spawn(move || ask(watched, &gone, &tell));
        spawned.ok()?;
        Some(Follower {
            news,
            _alive: alive,
        })
    }

    /// The name of the interface.
    pub(in crate::cli) fn name(&self) -> &str {
        &self.name
    }
}

impl Follower {
    /// What is new, if anything.
    pub(in crate::cli) fn news(&self) -> Option<ProxyNews> {
        self.news.try_recv().ok()
    }
}

fn ask(mut watched: Watched, gone: &Receiver<()>, tell: &Sender<ProxyNews>) {
    watched.client.wait_at_most(LONGEST_LOOK);
    let (mut pause, mut lost, mut unrouted) = (INTERVAL, false, false);
    while let Err(RecvTimeoutError::Timeout) = gone.recv_timeout(pause) {
        let asked = Instant::now();
        let (versions, programmed) = (watched.versions.clone(), watched.programmed.clone());
        let looked = watched.look_at_routes();
        let pushes: Vec<Push> = watched.pushes.drain(..).collect();
        let was_told = !pushes.is_empty();
        let other = pushes.into_iter().rfind(|push| push.concerns_request);
        let was_lost = std::mem::replace(&mut lost, looked.is_err());
        let news = match (looked, other) {
            (Err(why), _) => {
                // What was read of a change that could not be read in full is read again.
                (watched.versions, watched.programmed) = (versions, programmed);
                (!was_lost).then_some(ProxyNews::Unreadable(why))
            }
            (Ok(()), Some(push)) => {
                let now = watched.programmed.clone();
                let now = now.filter(|_| watched.programmed != programmed);
                unrouted = now.is_none();
                Some(match now {
                    Some(now) => ProxyNews::Programmed(Box::new(now), push.moved),
                    None => ProxyNews::Unreadable(push.message),
                })
            }
            (Ok(()), None) => {
                let routed = was_told && std::mem::replace(&mut unrouted, false);
                (routed || was_lost && !unrouted).then_some(ProxyNews::Readable)
            }
        };
        if news.is_some_and(|news| tell.send(news).is_err()) {
            return;
        }
        pause = (asked.elapsed() * PAUSE).max(INTERVAL);
        if lost {
            pause = pause.min(PAUSE_AFTER_FAILURE);
        }
    }
}
