//! The proxy that makes the split, asked through its admin interface: what it has been told before the run and during it, and
//! what it counted. It is only read, and whatever it does not say leaves the run as it is without it.
#![allow(
    clippy::disallowed_methods,
    reason = "how long the proxy has been running is told by a clock"
)]

mod choice;
mod open;
mod pages;
mod programmed;
mod targets;
mod view;
mod watch;
mod wording;

use std::time::Instant;

pub(super) use choice::AdminChoice;
pub(super) use open::{NamedDump, whole_dump};
pub(super) use programmed::{Asked, ProgrammedSplit};
pub(super) use targets::is_same;
pub(super) use view::{Seen, View, over};

use crate::admin::{Memory, ServerInfo, Stats};
use crate::diag::{Code, Note};
use crate::load::admin::AdminClient;
use open::{open, unread};
use watch::{Watched, Watching};

/// Part of its memory from which on a proxy is near its limit.
const FULL: u64 = 90;

/// A proxy that answers.
pub(super) struct Live {
    /// Its interface.
    name: String,
    info: Option<ServerInfo>,
    stats: Option<Stats>,
    memory: Option<Memory>,
    /// What it says of the request of the run.
    dump: Option<String>,
    start: Option<ProgrammedSplit>,
    begun: Instant,
    watched: Option<Watched>,
    watching: Option<Watching>,
    /// What could not be read.
    notes: Vec<Note>,
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
        let mut notes = Vec::new();
        let dump = configuration(&mut watched);
        let mut start = None;
        let dump = dump.and_then(|dump| {
            start = Some(ProgrammedSplit::of(&dump, &watched.asked)?);
            Ok(dump)
        });
        let dump = dump.map_err(|error| {
            let message =
                format!("what the proxy ({name}) does with this request is not known: {error}");
            notes.push(Note::new(Code::ProxyAdmin, message));
        });
        if let Some(start) = &start {
            watched.clusters.clone_from(&start.clusters);
            let mirrors = start.mirrors.iter().map(|mirror| mirror.cluster.clone());
            watched.clusters.extend(mirrors);
        }
        watched.programmed.clone_from(&start);
        let stats = pages::stats(&mut watched.client, &watched.clusters);
        let memory = watched.client.get("/memory").ok();
        Self {
            name,
            info,
            stats,
            memory: memory.and_then(|page| Memory::read(&page).ok()),
            dump: dump.ok(),
            start,
            begun: Instant::now(),
            watched: Some(watched),
            watching: None,
            notes,
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

    /// Counts from now on, and looks at the proxy until [`Self::stop`].
    pub(super) fn watch(&mut self) {
        let Some(mut watched) = self.watched.take() else {
            return;
        };
        if !watched.clusters.is_empty()
            && let Err(error) = watched.count()
        {
            let message = format!(
                "what the proxy ({}) counted is not known: {error}",
                self.name
            );
            self.note(message);
        }
        self.begun = Instant::now();
        match Watching::start(watched) {
            Ok(watching) => self.watching = Some(watching),
            Err(error) => self.note(unread(&self.name, &error.to_string())),
        }
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
