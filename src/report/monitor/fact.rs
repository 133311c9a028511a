//! What a watch tells.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::split::{Expected, Share, TargetShare};
use crate::verdict::monitor::Event;

/// What the weights of a watch come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Follows {
    /// What it is.
    pub kind: SourceKind,
    /// Its name: files, or an admin interface.
    pub source: String,
}

/// Where weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// `--expect`: they stay.
    Typed,
    /// `-f`: read again when a file changes.
    Files,
    /// The admin interface of a proxy: asked again and again.
    Proxy,
}

/// A target with its declared share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weight {
    /// Its name.
    pub target: String,
    /// The fraction of the requests.
    pub share: f64,
    /// The same without rounding.
    pub ratio: Share,
}

/// The weights of a split.
#[must_use]
pub fn weights(expected: &Expected) -> Vec<Weight> {
    let weight = |own: &TargetShare| Weight {
        target: own.name.clone(),
        share: own.share.as_f64(),
        ratio: own.share,
    };
    expected.declared().iter().map(weight).collect()
}

/// What a watch promises.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Promise {
    /// Requests a second.
    pub rate: f64,
    /// False alarms in 30.4375 days at that rate, at most, on average.
    pub false_alarms_per_month: f64,
    /// The same in requests for one false alarm.
    pub requests_per_false_alarm: f64,
    /// The deviation of each target with a share that is looked for.
    pub resolution: Vec<f64>,
    /// Requests that it takes to see it, on average, at the target that takes longest; `None` for a split of one target.
    pub detection_requests: Option<f64>,
    /// Requests that it takes to see that a split that had diverged is the declared one again.
    pub recovery_requests: f64,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// The watch begins.
    Started {
        /// Where the weights come from.
        follows: Follows,
        /// The weights.
        weights: Vec<Weight>,
        /// What is promised.
        promise: Promise,
        /// What weakens the declaration.
        notes: Vec<String>,
    },
    /// The weights that are watched are others from now on.
    WeightsChanged {
        /// Where they come from.
        follows: Follows,
        /// What they were.
        previous: Vec<Weight>,
        /// What they are.
        weights: Vec<Weight>,
        /// What is promised now.
        promise: Promise,
        /// How long responses do not count, so that the proxies get the new weights.
        settle: Duration,
    },
    /// The proxy was programmed with other weights; those that are watched stay.
    ProgrammedChanged {
        /// The admin interface.
        source: String,
        /// What it says has changed.
        what: String,
        /// What it does with the request now.
        weights: Vec<Weight>,
        /// Whether that is what is declared; unknown where its targets are others.
        as_declared: Option<bool>,
    },
    /// The source of the weights, or a proxy, cannot be read; what was read before stays.
    SourceUnreadable {
        /// Its name.
        source: String,
        /// Why.
        why: String,
    },
    /// It can be read again, and says the same as before.
    SourceReadable {
        /// Its name.
        source: String,
    },
    /// The split, the responses or the server.
    Split {
        /// What has changed.
        event: Event,
        /// Why responses cannot be tied to targets, where that is so.
        untied: Option<String>,
    },
    /// The watch ends.
    Ended {
        /// The exit code.
        exit_code: u8,
        /// Events by name.
        events: BTreeMap<String, u64>,
        /// Requests that were sent and not looked at, because more ended than could be.
        missed: u64,
    },
}

impl Fact {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::WeightsChanged { .. } => "weights-changed",
            Self::ProgrammedChanged { .. } => "programmed-changed",
            Self::SourceUnreadable { .. } => "source-unreadable",
            Self::SourceReadable { .. } => "source-readable",
            Self::Split { event, .. } => match event {
                Event::Diverged { .. } => "diverged",
                Event::Recovered { .. } => "recovered",
                Event::Failing { .. } => "failing",
                Event::Responding { .. } => "responding",
                Event::Unreachable { .. } => "unreachable",
                Event::Reachable { .. } => "reachable",
            },
            Self::Ended { .. } => "ended",
        }
    }
}
