//! The events of a watch, each as a line of JSON and as a line for people, and its state as metrics.

mod fact;
mod json;
mod message;
mod metrics;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::verdict::monitor::{Period, State};
pub use fact::{Fact, Follows, Promise, SourceKind, Weight, weights};
pub use metrics::{Published, metrics};

/// The name and major version of the JSON form; `event.schema.json` beside this file describes it.
pub const EVENT_SCHEMA: &str = "resplit.event/1";
/// What the form is, for whoever checks it.
pub const EVENT_JSON_SCHEMA: &str = include_str!("event.schema.json");

/// A fact with its circumstances.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// What happened.
    pub fact: &'a Fact,
    /// Its number within the watch, from 1.
    pub number: u64,
    /// The request that is watched, without secrets.
    pub url: &'a str,
    /// `--label`.
    pub labels: &'a BTreeMap<String, String>,
    /// When the watch began, and how long after that this happened.
    pub began: SystemTime,
    /// See `began`.
    pub after: Duration,
    /// How it stands now.
    pub state: State,
    /// Requests of the watch so far.
    pub requests: u64,
}

impl Told<'_> {
    /// One line for people, without its end.
    #[must_use]
    pub fn text(&self) -> String {
        let line = format!(
            "{} {:<18} {}",
            self.time(self.after),
            self.fact.name(),
            self.message()
        );
        super::sanitize::safe(&line)
    }

    fn time(&self, after: Duration) -> String {
        humantime::format_rfc3339_seconds(self.began + after).to_string()
    }

    fn since(&self, period: &Period) -> String {
        self.time(Duration::from_secs(period.since))
    }
}
