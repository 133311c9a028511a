//! The proxy over a run: its counters about once a second, and its routes again when their version has moved. On a thread of
//! its own, so that neither waits for the other.
#![allow(
    clippy::disallowed_methods,
    reason = "looking again and again has a clock"
)]

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::pages;
use super::programmed::{Asked, ProgrammedSplit};
use crate::admin::{ClustersPage, Counters, RouteVersion};
use crate::load::admin::AdminClient;

/// How often the proxy is looked at: at first, so that little is lost of hosts that go early, and later.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(125), Duration::from_secs(1));
/// The pause after a look, in times of what the look took: at most so much of the proxy's time is asked for.
const PAUSE: u32 = 50;

/// What a page may take during a run: one that does not come must not hold up its end.
pub(super) const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// What is looked at.
pub(super) struct Watched {
    pub(super) client: AdminClient,
    /// The request, where its routes are known.
    pub(super) asked: Asked,
    /// The route configurations that are looked at; `None` for all.
    pub(super) routes: Option<String>,
    pub(super) versions: Vec<RouteVersion>,
    pub(super) programmed: Option<ProgrammedSplit>,
    /// The clusters that are counted.
    pub(super) clusters: Vec<String>,
    pub(super) counters: Option<Counters>,
    /// What the proxy was told meanwhile.
    pub(super) pushes: Vec<Push>,
    /// Since when the interface does not respond, and why.
    pub(super) lost: Option<(Duration, String)>,
    begun: Instant,
}

/// Something that the proxy was told.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) at: Duration,
    /// Which configurations came, went or have another version.
    pub(super) moved: String,
    pub(super) message: String,
    /// Whether other shares follow from it for the request.
    pub(super) concerns_request: bool,
}

/// The thread that looks.
pub(super) struct Watching {
    stop: Sender<()>,
    thread: JoinHandle<Watched>,
}

impl Watching {
    /// Looks until it is stopped.
    pub(super) fn start(mut watched: Watched) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("watch-admin".to_owned())
            .spawn(move || {
                watched.begun = Instant::now();
                watched.client.wait_at_most(LONGEST_LOOK);
                let (mut interval, most) = INTERVAL;
                let mut pause = interval;
                while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
                    let begun = Instant::now();
                    watched.look();
                    interval = (interval * 2).min(most);
                    pause = (begun.elapsed() * PAUSE).max(interval);
                }
                watched.look();
                watched
            })?;
        Ok(Self { stop, thread })
    }

    /// Looks once more, after which all responses are counted.
    pub(super) fn stop(self) -> Watched {
        drop(self.stop);
        match self.thread.join() {
            Ok(watched) => watched,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Watched {
    pub(super) fn new(client: AdminClient, asked: Asked) -> Self {
        Self {
            client,
            asked,
            routes: None,
            versions: Vec::new(),
            programmed: None,
            clusters: Vec::new(),
            counters: None,
            pushes: Vec::new(),
            lost: None,
            begun: Instant::now(),
        }
    }

    /// Takes the counters that the run begins with.
    pub(super) fn count(&mut self) -> Result<(), String> {
        self.counters = Some(Counters::from(self.page()?));
        Ok(())
    }

    /// Requests that were counted since [`Self::count`].
    pub(super) fn counted_since(&mut self) -> Option<u64> {
        let page = self.page().ok()?;
        let counters = self.counters.as_mut()?;
        counters.add(page, Duration::ZERO);
        Some(counters.hosts().values().map(|sum| sum.requests).sum())
    }

    /// Looks at routes and hosts. A look that fails is no loss while a later one succeeds: counters and versions stay.
    fn look(&mut self) {
        let (hosts, routes) = (self.look_at_hosts(), self.look_at_routes());
        match hosts.and(routes) {
            Ok(()) => self.lost = None,
            Err(error) => {
                let since = self.lost.as_ref().map(|(since, _)| *since);
                self.lost = Some((since.unwrap_or_else(|| self.begun.elapsed()), error));
            }
        }
    }

    fn look_at_hosts(&mut self) -> Result<(), String> {
        if self.counters.is_some() {
            let page = self.page()?;
            let at = self.begun.elapsed();
            if let Some(counters) = &mut self.counters {
                counters.add(page, at);
            }
        }
        Ok(())
    }

    fn page(&mut self) -> Result<ClustersPage, String> {
        pages::clusters(&mut self.client, &self.clusters)
    }

    pub(super) fn look_at_routes(&mut self) -> Result<(), String> {
        if self.versions.is_empty() {
            return Ok(());
        }
        let versions = pages::versions(&mut self.client, self.routes.as_deref())?;
        if versions == self.versions {
            return Ok(());
        }
        let at = self.begun.elapsed();
        let before = std::mem::replace(&mut self.versions, versions);
        let moved = moved(&before, &self.versions);
        let dump = pages::dump(&mut self.client, self.routes.as_deref(), &self.asked)?;
        let now = ProgrammedSplit::of(&dump, &self.asked);
        let same = match (&self.programmed, &now) {
            (Some(before), Ok(now)) => before.is_as(now),
            (None, Err(_)) => true,
            _ => false,
        };
        let then = match &now {
            _ if same => String::new(),
            Ok(now) => format!(": {} from then on", now.listed()),
            Err(error) => format!(": {error}"),
        };
        self.pushes.push(Push {
            at,
            message: format!("{moved}{then}"),
            moved,
            concerns_request: !same,
        });
        if let Ok(now) = now {
            let news = now
                .clusters
                .iter()
                .filter(|name| !self.clusters.contains(name));
            let news: Vec<String> = news.cloned().collect();
            self.programmed = Some(now);
            if !news.is_empty() {
                self.clusters.extend(news);
                let page = self.page()?;
                self.counters
                    .iter_mut()
                    .for_each(|own| own.join(page.clone()));
            }
        }
        Ok(())
    }
}

/// `the route configuration 5000 went from version 1 to 2`
fn moved(before: &[RouteVersion], now: &[RouteVersion]) -> String {
    let named = |all: &[RouteVersion], name: &str| {
        let found = all.iter().find(|one| one.name == name);
        found.map(|one| one.version.clone())
    };
    let told = now.iter().filter_map(|one| match named(before, &one.name) {
        None => Some(format!("the route configuration `{}` came", one.name)),
        Some(_) if before.contains(one) => None,
        // Incremental xDS, which Istio speaks by default, has no versions.
        Some(_) if one.version.is_empty() => Some(format!(
            "the route configuration `{}` came again at {}",
            one.name, one.last_updated
        )),
        Some(old) if old != one.version => Some(format!(
            "the route configuration `{}` went from version `{old}` to `{}`",
            one.name, one.version
        )),
        Some(_) => Some(format!(
            "the route configuration `{}` came again as version `{}`",
            one.name, one.version
        )),
    });
    let gone = before.iter().filter(|one| named(now, &one.name).is_none());
    let gone = gone.map(|one| format!("the route configuration `{}` went", one.name));
    told.chain(gone).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_told_by_name_and_version() {
        let version = |name: &str, version: &str, last_updated: &str| RouteVersion {
            name: name.to_owned(),
            version: version.to_owned(),
            last_updated: last_updated.to_owned(),
        };
        let before = [
            version("80", "1", "a"),
            version("81", "1", "a"),
            version("82", "1", "a"),
            version("84", "", "a"),
            version("85", "", "a"),
        ];
        let now = [
            version("80", "2", "b"),
            version("81", "1", "b"),
            version("83", "1", "b"),
            version("84", "", "b"),
            version("85", "", "a"),
        ];
        assert_eq!(
            moved(&before, &now),
            "the route configuration `80` went from version `1` to `2`, the route configuration `81` came again as version `1`, \
             the route configuration `83` came, the route configuration `84` came again at b, the route configuration `82` went"
        );
    }
}
