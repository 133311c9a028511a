//! Where the weights of a watch come from, and what is new about them: files that are read again when they change, and a proxy that
//! is asked.
#![allow(
    clippy::disallowed_methods,
    reason = "files are looked at again and again, by a clock"
)]

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::config::{Declaration, RunConfig};
use super::super::expectation::{self, Declared};
use super::super::failure::Failure;
use super::super::proxy_admin::{self, Asked, Follower, Live, ProgrammedSplit, ProxyNews};
use super::super::warn;
use crate::report::monitor::{Fact, Follows, SourceKind, weights};
use crate::split::Expected;
use crate::verdict::mapping::Mapping;

/// How often files are looked at. What has changed is read when it has stayed as it is for as long.
const LOOK: Duration = Duration::from_secs(1);

/// What is new.
pub(super) enum News {
    /// Other weights.
    Weights(Box<Expected>),
    /// Something to be told.
    Fact(Box<Fact>),
}

/// The source of the weights.
pub(super) struct Source {
    pub(super) follows: Follows,
    paths: Vec<PathBuf>,
    /// What the files looked like when they were read, and when they were looked at last.
    read: u64,
    seen: u64,
    looked: Instant,
    unreadable: bool,
    proxy: Option<Follower>,
    proxy_name: String,
}

impl Source {
    /// Finds out what is declared, and what is to be said about it.
    pub(super) fn open(config: &RunConfig) -> Result<(Self, Expected, Vec<String>), Failure> {
        let mut live = live(config)?;
        let paths = match &config.declared {
            Declaration::Manifests(paths, _) => paths.clone(),
            _ => Vec::new(),
        };
        let read = fingerprint(&paths);
        let declared = expectation::resolve(config, live.as_ref())?;
        let (follows, expected, notes) = if let Some(declared) = declared {
            let notes = declared.caveats.iter().map(|note| note.message.clone());
            let notes = notes.collect();
            (follows(&paths), declared.declaration.split, notes)
        } else {
            let programmed = live
                .as_ref()
                .and_then(|live| Some((live.name(), live.start()?)));
            let (name, start) = programmed.ok_or_else(nothing)?;
            let follows = Follows {
                kind: SourceKind::Proxy,
                source: name.to_owned(),
            };
            (follows, start.split.clone(), Vec::new())
        };
        Mapping::derive(&expected, &config.map, [])?;
        let proxy_name = live
            .as_ref()
            .map_or_else(String::new, |live| live.name().to_owned());
        let source = Self {
            follows,
            paths,
            read,
            seen: read,
            looked: Instant::now(),
            unreadable: false,
            proxy: live.as_mut().and_then(Live::follow),
            proxy_name,
        };
        Ok((source, expected, notes))
    }

    /// What is new since the last time, in the order in which it is to be told.
    pub(super) fn news(&mut self, config: &RunConfig, watched: &Expected) -> Option<News> {
        self.of_proxy(watched)
            .or_else(|| self.of_files(config, watched))
    }

    fn of_proxy(&mut self, watched: &Expected) -> Option<News> {
        let news = self.proxy.as_ref()?.news()?;
        let source = self.proxy_name.clone();
        let fact = match news {
            ProxyNews::Programmed(now, _) if self.follows.kind == SourceKind::Proxy => {
                return Some(News::Weights(Box::new(now.split)));
            }
            ProxyNews::Programmed(now, what) => programmed(source, what, &now, watched),
            ProxyNews::Unreadable(why) => Fact::SourceUnreadable { source, why },
            ProxyNews::Readable => Fact::SourceReadable { source },
        };
        Some(News::Fact(Box::new(fact)))
    }

    fn of_files(&mut self, config: &RunConfig, watched: &Expected) -> Option<News> {
        if self.follows.kind != SourceKind::Files || self.looked.elapsed() < LOOK {
            return None;
        }
        self.looked = Instant::now();
        let now = fingerprint(&self.paths);
        let steady = std::mem::replace(&mut self.seen, now) == now;
        if now == self.read || !steady {
            return None;
        }
        self.read = now;
        let source = self.follows.source.clone();
        let fact = match declared(config) {
            Ok(declared) => {
                let was_unreadable = std::mem::take(&mut self.unreadable);
                let split = declared.declaration.split;
                if split.declared() != watched.declared() {
                    return Some(News::Weights(Box::new(split)));
                }
                if !was_unreadable {
                    return None;
                }
                Fact::SourceReadable { source }
            }
            Err(failure) => {
                self.unreadable = true;
                let why = failure.render();
                let why = why.trim().trim_start_matches("error: ").to_owned();
                Fact::SourceUnreadable { source, why }
            }
        };
        Some(News::Fact(Box::new(fact)))
    }
}

/// The proxy, where one is asked.
fn live(config: &RunConfig) -> Result<Option<Live>, Failure> {
    let Some(choice) = &config.proxy_admin else {
        return Ok(None);
    };
    let asked = Asked {
        probe: expectation::probe(&config.request),
        vantage: config.vantage.clone(),
        among_others: false,
    };
    let (live, notes) = proxy_admin::begin(Some(choice), asked);
    let said: Vec<String> = notes.into_iter().map(|note| note.message).collect();
    if matches!(config.declared, Declaration::None)
        && live.as_ref().is_none_or(|live| live.start().is_none())
    {
        let said = live
            .iter()
            .flat_map(Live::said)
            .chain(said)
            .collect::<Vec<_>>();
        let message = match said.join("; ") {
            none if none.is_empty() => {
                "there is nothing that says how the requests are split".to_owned()
            }
            said => said,
        };
        return Err(Failure::usage(
            message,
            "give the weights with -f FILE or --expect v1=90,v2=10, or name a proxy that has a route for this request with --proxy-admin",
        ));
    }
    for message in said {
        if !config.output.args.quiet {
            warn(&format!("warning: {message}\n"));
        }
    }
    Ok(live)
}

fn nothing() -> Failure {
    Failure::usage(
        "there is nothing that says how the requests are split",
        "give the weights with -f FILE or --expect v1=90,v2=10, or name a proxy that is followed with --proxy-admin",
    )
}

fn follows(paths: &[PathBuf]) -> Follows {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    // What came through a pipe cannot be read again.
    let again = paths.iter().any(|path| path.as_os_str() != "-");
    match (names.is_empty(), again) {
        (true, _) => Follows {
            kind: SourceKind::Typed,
            source: "--expect".to_owned(),
        },
        (false, false) => Follows {
            kind: SourceKind::Typed,
            source: "-f -".to_owned(),
        },
        (false, true) => Follows {
            kind: SourceKind::Files,
            source: names.join(", "),
        },
    }
}

/// What the files declare now.
fn declared(config: &RunConfig) -> Result<Declared, Failure> {
    let declared = expectation::resolve(config, None)?.ok_or_else(nothing)?;
    Mapping::derive(declared.expected(), &config.map, [])?;
    Ok(declared)
}

fn programmed(source: String, what: String, now: &ProgrammedSplit, watched: &Expected) -> Fact {
    Fact::ProgrammedChanged {
        source,
        what,
        weights: weights(&now.split),
        as_declared: proxy_admin::is_programmed(watched, &now.split),
    }
}

/// A number that changes with the files: with their sizes, times and places, and with what is in a folder.
fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths.iter().filter(|path| path.as_os_str() != "-") {
        add(path, &mut hasher);
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        entries.sort();
        for entry in &entries {
            add(entry, &mut hasher);
        }
    }
    hasher.finish()
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    // A mounted ConfigMap is a link that leads elsewhere after a change.
    fs::canonicalize(path).ok().hash(hasher);
    let found = fs::metadata(path).ok();
    let about = found.map(|own| (own.len(), own.modified().ok(), own.is_dir()));
    about.hash(hasher);
}
