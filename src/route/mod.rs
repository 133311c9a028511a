//! Routes as a proxy sees them, in no dialect: hosts, ordered routes, and what a matching route does. Shaped like
//! Envoy's tables, so that manifests and dumps lower to the same thing.

mod allocation;
mod alternatives;
pub mod cluster;
mod condition;
mod drift;
pub mod example_request;
mod fraction;
mod hash_key;
mod host;
pub mod implication;
mod ineffective;
pub mod matching;
mod mirrored_share;
mod mismatch;
mod pick;
mod probe;
pub mod resolve;
mod route_index;
mod route_list;
mod sole_split;
mod table;
mod text;
mod transport;
mod undeliverable;
mod unrouted;
mod vantage;
mod weighted_backends;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use alternatives::Alternative;
pub use condition::{AppliesTo, Condition, HeaderTest, Test};
pub use drift::{resolve, resolve_declared, resolve_untraced};
pub use fraction::Fraction;
pub use hash_key::HashKey;
pub use host::ResolveError;
pub use mirrored_share::MirroredShare;
pub use mismatch::Mismatch;
pub use pick::{EndpointPick, PickEndpoint, PickMechanism, PickRequest, PickSource, Picked};
pub use probe::Probe;
pub use resolve::{Matched, Rejected, Resolution};
pub use route_list::RouteList;
pub use sole_split::{SoleSplitError, sole_split};
pub use table::{InactiveRule, RouteTable};
pub use text::TextMatch;
pub use transport::Transport;
pub use unrouted::Unrouted;
pub use vantage::{Implementation, IstioVersion, Origin, Proxy, Vantage};
pub use weighted_backends::{Backend, Split, SplitError, WeightsIgnored};

use crate::diag::{Note, Span};
use crate::split::{LocalReply, LocalReplyCause, Share};

/// One host, or several names of it, with its routes.
#[derive(Clone, Debug)]
pub struct VirtualHost {
    /// What a person calls it: the host as written in the rule.
    pub name: String,
    /// The names it answers to, lower case: exact, `*.suffix`, `prefix.*` or `*`.
    pub domains: Vec<String>,
    /// The objects that declare it, such as `VirtualService default/weather`.
    pub objects: Vec<String>,
    /// Where the host is declared.
    pub span: Span,
    /// Plain HTTP is answered with a redirect to HTTPS.
    pub https_only: bool,
    /// Set where nothing true can be said about requests to this host.
    pub unsupported: Option<Note>,
    /// The routes; the first that matches wins.
    pub routes: RouteList,
    /// What weakens every answer about this host.
    pub caveats: Vec<Note<AppliesTo>>,
}

/// One route: conditions that must all hold, and what happens then.
#[derive(Clone, Debug)]
pub struct Route {
    /// The object it comes from: `VirtualService default/weather`.
    pub object: String,
    /// The rule in that object: `http[0]`.
    pub rule: String,
    /// Which of several alternatives of the rule this is: `match[1]`.
    pub alternative: Option<String>,
    /// The name the rule gives itself.
    pub name: Option<String>,
    /// Where the rule begins.
    pub span: Span,
    /// All must hold; none means that it always matches.
    pub conditions: Vec<Condition>,
    /// What happens to a request that matches; shared by the alternatives of a rule.
    pub outcome: Arc<Outcome>,
}

/// What happens to a request that matches a route.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Where it goes.
    pub action: Action,
    /// The part that a fault answers before that.
    pub abort: Option<Abort>,
    /// Where copies of it go.
    pub mirrors: Vec<MirroredShare>,
    /// What resplit cannot promise about this route.
    pub caveats: Vec<Note<AppliesTo>>,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub enum Action {
    /// To one of several backends.
    Split(Split),
    /// To the cluster that a header of the request names.
    Named(NamedByHeader),
    /// Nowhere: the proxy answers by itself.
    LocalReply(LocalReply),
}

/// A destination that the request itself names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedByHeader {
    /// The header that holds the name of a cluster.
    pub header: String,
    /// The clusters that the proxy has, where that is known.
    pub clusters: Option<Arc<BTreeSet<String>>>,
    /// The status where there is no header, or no such cluster.
    pub missing: u16,
}

/// The part of the requests that a fault answers, in millionths as Envoy counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abort {
    status: u16,
    // At most a million.
    millionths: u32,
}

impl Outcome {
    /// What the proxy replies by itself.
    #[must_use]
    pub fn reply(status: u16, cause: LocalReplyCause) -> Self {
        Self {
            action: Action::local_reply(status, cause),
            abort: None,
            mirrors: Vec::new(),
            caveats: Vec::new(),
        }
    }
}

impl Action {
    /// Answered by the proxy itself.
    #[must_use]
    pub fn local_reply(status: u16, cause: LocalReplyCause) -> Self {
        Self::LocalReply(LocalReply { status, cause })
    }
}

impl Abort {
    /// So many millionths of the requests are answered with an HTTP status; more than a million is all of them.
    #[must_use]
    pub fn new(status: u16, millionths: u32) -> Self {
        Self {
            status,
            millionths: millionths.min(1_000_000),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.status
    }

    /// The share of the requests.
    #[must_use]
    pub fn share(self) -> Share {
        Share::new(u64::from(self.millionths), 1_000_000).expect("at most a million millionths")
    }
}

impl Route {
    /// The rule with the alternative, as `explain` lists it: `http[0].match[1]`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.alternative {
            Some(alternative) => format!("{}.{alternative}", self.rule),
            None => self.rule.clone(),
        }
    }
}
