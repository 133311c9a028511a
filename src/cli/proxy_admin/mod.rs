//! The proxy that makes the split, asked through its admin interface: what it has been told before the run and during it, and
//! what it counted. It is only read, and whatever it does not say leaves the run as it is without it.
#![allow(
    clippy::disallowed_methods,
    reason = "how long the proxy has been running is told by a clock"
)]

mod cases;
mod choice;
mod copies;
mod follow;
mod listeners;
mod open;
mod pages;
mod programmed;
mod sums;
mod targets;
mod view;
mod watch;
mod wording;

use std::thread;
use std::time::{Duration, Instant};

pub(super) use cases::ProxyOfCases;
pub(super) use choice::AdminChoice;
pub(super) use copies::DeclaredMirrors;
pub(super) use follow::{Follower, ProxyNews};
pub(super) use open::{NamedDump, is_native_sidecar, whole_dump};
use programmed::NoSplit;
pub(super) use programmed::{Asked, ProgrammedSplit};
pub(super) use view::{Seen, View, over};

use crate::admin::{Memory, ServerInfo, Stats};
use crate::diag::{Code, Note};
use crate::load::admin::AdminClient;
use crate::split::Expected;
use open::{open, unread};
use targets::is_same;
use watch::{Watched, Watching};

/// How often a proxy is asked whether it has the declared split.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long requests of others are counted before a run that is judged by counters.
const QUIET: Duration = Duration::from_secs(1);
/// Part of its memory from which on a proxy is near its limit.
const FULL: u64 = 90;

/// A proxy that answers.
pub(super) struct Live {
    /// Its interface.
    name: String,
    info: Option<ServerInfo>,
    stats: Option<Stats>,
    /// The statistics that the run begins with: they tell what moved.
    at_start: Option<Stats>,
    memory: Option<Memory>,
    /// What it says of the request of the run.
    dump: Option<String>,
    start: Option<ProgrammedSplit>,
    begun: Instant,
    watched: Option<Watched>,
    watching: Option<Watching>,
    /// What could not be read.
    notes: Vec<Note>,
    /// Requests per second that the clusters got while the run sent none.
    background: f64,
}

/// The proxy of a run, and what is to be said where there is none.
pub(super) fn begin(choice: Option<&AdminChoice>, asked: Asked) -> (Option<Live>, Vec<Note>) {
    match open(choice, true) {
        Ok(None) => (None, Vec::new()),
        Ok(Some((client, info))) => (Some(Live::new(client, info, asked)), Vec::new()),
        Err(message) => (None, vec![Note::new(Code::ProxyAdmin, message)]),
    }
}

impl Live {
    fn new(client: AdminClient, info: Option<ServerInfo>, asked: Asked) -> Self {
        let name = client.address().to_string();
        let mut watched = Watched::new(client, asked);
        let told = told(&mut watched);
        let stats = pages::stats(&mut watched.client, &watched.clusters);
        let memory = watched.client.get("/memory").ok();
        let mut live = Self {
            name,
            info,
            stats,
            at_start: None,
            memory: memory.and_then(|page| Memory::read(&page).ok()),
            dump: None,
            start: None,
            begun: Instant::now(),
            watched: Some(watched),
            watching: None,
            notes: Vec::new(),
            background: 0.0,
        };
        live.take(told);
        live
    }

    /// Takes what the proxy has been told, or why that is not known.
    fn take(&mut self, told: Result<(String, ProgrammedSplit), NoSplit>) {
        match told {
            Ok((dump, start)) => (self.dump, self.start) = (Some(dump), Some(start)),
            Err(NoSplit::UnknownHost(note)) => {
                (self.dump, self.start) = (None, None);
                self.notes.push(*note);
            }
            Err(NoSplit::Unknown(error)) => {
                (self.dump, self.start) = (None, None);
                let name = &self.name;
                self.note(format!(
                    "what the proxy ({name}) does with this request is not known: {error}"
                ));
            }
        }
    }

    /// The dump under the name of the interface, to be read beside the manifests.
    pub(super) fn dump(&self) -> Option<(&str, &str)> {
        let dump = self.dump.as_deref()?;
        Some((self.name.as_str(), dump))
    }

    /// What the proxy does with the request when the run begins.
    pub(super) fn start(&self) -> Option<&ProgrammedSplit> {
        self.start.as_ref()
    }

    /// Waits until the proxy is programmed with a split, at most so long: whether it was, where that can be told. What it has
    /// then is what the run begins with.
    pub(super) fn wait_for(&mut self, declared: &Expected, limit: Duration) -> Option<bool> {
        let begun = Instant::now();
        loop {
            let start = self.start.as_ref()?;
            if is_programmed(declared, &start.split)? {
                return Some(true);
            }
            let left = limit
                .checked_sub(begun.elapsed())
                .filter(|left| !left.is_zero());
            let Some(left) = left else {
                return Some(false);
            };
            thread::sleep(left.min(LOOK_AGAIN));
            let watched = self.watched.as_mut()?;
            let versions = pages::versions(&mut watched.client, watched.routes.as_deref());
            if versions.is_ok_and(|versions| versions != watched.versions) {
                let told = told(watched);
                self.take(told);
            }
        }
    }

    /// What the split of the proxy is, in words.
    pub(super) fn listed(&self) -> String {
        self.start
            .as_ref()
            .map_or_else(String::new, ProgrammedSplit::listed)
    }

    /// Why it is not known what the proxy does, or counts.
    pub(super) fn unread(&self) -> Option<&str> {
        self.notes.first().map(|note| note.message.as_str())
    }

    /// Counts what others send, over a second in which the run sends nothing.
    pub(super) fn listen(&mut self) {
        let Some(watched) = self.watched.as_mut() else {
            return;
        };
        let begun = Instant::now();
        if watched.count().is_ok() {
            thread::sleep(QUIET);
            let counted = watched.counted_since().unwrap_or(0);
            self.background = counted as f64 / begun.elapsed().as_secs_f64();
        }
    }

    /// Counts from now on, and looks at the proxy until [`Self::stop`]; whether there is anything to count by.
    pub(super) fn watch(&mut self) -> bool {
        let Some(mut watched) = self.watched.take() else {
            return false;
        };
        watched.counters = None;
        self.at_start = pages::stats(&mut watched.client, &watched.clusters);
        if !watched.clusters.is_empty()
            && let Err(error) = watched.count()
        {
            let message = format!(
                "what the proxy ({}) counted is not known: {error}",
                self.name
            );
            self.note(message);
        }
        let counts = watched.counters.is_some();
        self.begun = Instant::now();
        match Watching::start(watched) {
            Ok(watching) => self.watching = Some(watching),
            Err(error) => {
                self.note(unread(&self.name, &error.to_string()));
                return false;
            }
        }
        counts
    }

    /// What could not be read.
    pub(super) fn said(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(|note| note.message.clone())
    }

    fn note(&mut self, message: String) {
        self.notes.push(Note::new(Code::ProxyAdmin, message));
    }

    /// Looks at the proxy for the last time.
    pub(super) fn stop(&mut self) {
        if let Some(watching) = self.watching.take() {
            self.watched = Some(watching.stop());
        }
    }
}

/// What the proxy has been told about the request: its text, and what it makes of it. The clusters of that are counted.
fn told(watched: &mut Watched) -> Result<(String, ProgrammedSplit), NoSplit> {
    let dump = configuration(watched)?;
    let told = ProgrammedSplit::of(&dump, &watched.asked)?;
    watched.clusters.clone_from(&told.clusters);
    let mirrors = told.mirrors.iter().map(|mirror| mirror.cluster.clone());
    watched.clusters.extend(mirrors);
    watched.programmed = Some(told.clone());
    Ok((dump, told))
}

/// Whether a proxy has one of the declared targets.
pub(super) fn is_known(declared: &Expected, programmed: &Expected) -> bool {
    let known = |one| declared.declared().iter().any(|own| is_same(own, one));
    programmed.declared().iter().any(known)
}

/// Whether a split of a proxy is the declared one; unknown where it has other targets.
pub(super) fn is_programmed(declared: &Expected, programmed: &Expected) -> Option<bool> {
    if !is_known(declared, programmed) {
        return None;
    }
    let shares = over(declared, programmed);
    Some(shares.is_some_and(|shares| {
        let own = declared.declared().iter().map(|own| own.share.as_f64());
        own.zip(&shares)
            .all(|(own, told)| (own - told).abs() < 1e-9)
    }))
}

/// What the proxy has been told about the request, in one text.
fn configuration(watched: &mut Watched) -> Result<String, String> {
    let versions = pages::versions(&mut watched.client, None)?;
    watched.routes = pages::pattern_of(&versions, &watched.asked);
    watched.versions = match &watched.routes {
        None => versions,
        some => pages::versions(&mut watched.client, some.as_deref())?,
    };
    pages::dump(
        &mut watched.client,
        watched.routes.as_deref(),
        &watched.asked,
    )
}
