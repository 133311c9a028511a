//! Routes as a proxy sees them, in no dialect: hosts, ordered routes, and what a matching route does. Shaped like
//! Envoy's tables, so that manifests and dumps lower to the same thing.

mod allocation;
mod alternatives;
pub mod cluster;
mod condition;
mod drift;
pub mod example_request;
mod fraction;
mod host;
pub mod implication;
mod ineffective;
pub mod matching;
mod mismatch;
mod probe;
pub mod resolve;
mod sole_split;
mod text;
mod undeliverable;
mod unrouted;
mod vantage;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub use alternatives::Alternative;
pub use condition::{AppliesTo, Condition, HeaderTest, Test};
pub use drift::{resolve, resolve_declared};
pub use fraction::Fraction;
pub use host::ResolveError;
pub use mismatch::Mismatch;
pub use probe::Probe;
pub use resolve::{Matched, Rejected, Resolution};
pub use sole_split::{SoleSplitError, sole_split};
pub use text::TextMatch;
pub use unrouted::Unrouted;
pub use vantage::{Implementation, IstioVersion, Origin, Proxy, Vantage};

use crate::diag::{Code, Note, Span};
use crate::split::{Destination, Identifiers, LocalReply, LocalReplyCause, Mechanism, Share};

/// Everything that applies from one vantage.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    /// The hosts with their routes, in the order in which they win ties.
    pub hosts: Vec<VirtualHost>,
    /// The port of a destination that names none: the one that is dialled, where it is known and means that.
    pub port: Option<u16>,
    /// What completes a name without dots, where that is known: `default.svc.cluster.local`.
    pub search_domain: Option<String>,
    /// Rules that exist and do not apply from here, so that an error can name them.
    pub inactive_rules: Vec<InactiveRule>,
    /// Names that choose the routes by where a connection goes: there `Host` is not looked at.
    pub matched_by_address: BTreeSet<String>,
    /// The port of the `Host` header is a part of the name, as it is for a proxy that was not told to ignore it.
    pub match_port: bool,
    /// The routes are those that one proxy has been told, wherever it stands.
    pub from_dump: bool,
    /// What a proxy has been told, where that is known beside what is declared.
    pub programmed: Option<Box<RouteTable>>,
}

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
    pub routes: Vec<Route>,
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

/// Backends with weights that can be turned into shares: at least one, their sum in `1..=u32::MAX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    mechanism: Mechanism,
    backends: Vec<Backend>,
    picked_by: Option<String>,
}

/// One backend of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Where it is; a port of `None` means the one that was dialled.
    pub destination: Destination,
    /// Its weight.
    pub weight: u32,
    /// How its answers may be recognised.
    pub identifiers: Identifiers,
    /// The status of its share where the proxy knows no such backend: 503 (Istio, NC) or 500 (Gateway API).
    pub broken: Option<u16>,
}

/// The part of the requests that a fault answers, in millionths as Envoy counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abort {
    status: u16,
    // At most a million.
    millionths: u32,
}

/// A rule that does not apply from the vantage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InactiveRule {
    /// The object: `VirtualService default/weather`.
    pub object: String,
    /// The hosts it would route, as written.
    pub hosts: Vec<String>,
    /// The names those hosts answer to, as in [`VirtualHost::domains`].
    pub domains: Vec<String>,
    /// Why it does not apply from here, and what to do to judge the request from where it applies.
    pub note: Note,
}

/// Why backends and weights are no split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// No backend.
    #[error("a route needs a destination")]
    Empty,
    /// Nothing would get anything.
    #[error("the weights are all zero")]
    ZeroTotal,
    /// More than a proxy takes.
    #[error("the weights add up to more than 4294967295")]
    TooLarge,
}

impl RouteTable {
    /// Adds what another dialect declares. A name that has an owner keeps it, and the owner says who else asked for it.
    pub fn join(&mut self, other: Self) {
        let mut owners: HashMap<String, usize> = HashMap::new();
        for (at, host) in self.hosts.iter().enumerate() {
            for domain in &host.domains {
                owners.entry(domain.clone()).or_insert(at);
            }
        }
        for mut host in other.hosts {
            let taken = host.domains.iter().find_map(|domain| owners.get(domain));
            if let Some(owner) = taken.copied() {
                let owner = &mut self.hosts[owner];
                let message = format!(
                    "{} declares the host `{}` too, and only one of them can own it: taken to be {}",
                    host.objects.join(" and "),
                    host.name,
                    owner.objects.join(" and "),
                );
                let caveat = Note::about(Code::TwoOwners, message, Some(host.span));
                owner.caveats.push(caveat.help("delete one of them"));
                host.domains.retain(|domain| !owners.contains_key(domain));
            }
            if !host.domains.is_empty() {
                self.hosts.push(host);
            }
        }
        self.port = self.port.or(other.port);
        self.search_domain = self.search_domain.take().or(other.search_domain);
        self.programmed = self.programmed.take().or(other.programmed);
        self.inactive_rules.extend(other.inactive_rules);
        self.matched_by_address.extend(other.matched_by_address);
    }
}

impl Split {
    /// Backends and their weights.
    pub fn new(mechanism: Mechanism, backends: Vec<Backend>) -> Result<Self, SplitError> {
        if backends.is_empty() {
            return Err(SplitError::Empty);
        }
        let total: u64 = backends
            .iter()
            .map(|backend| u64::from(backend.weight))
            .sum();
        match u32::try_from(total) {
            Err(_) => Err(SplitError::TooLarge),
            Ok(0) => Err(SplitError::ZeroTotal),
            Ok(_) => Ok(Self {
                mechanism,
                backends,
                picked_by: None,
            }),
        }
    }

    /// The same split, picked in another way.
    #[must_use]
    pub fn by(self, mechanism: Mechanism) -> Self {
        Self { mechanism, ..self }
    }

    /// The same split, where a number in this header of the request picks the backend; without one chance does.
    #[must_use]
    pub fn picked_by(self, header: impl Into<String>) -> Self {
        Self {
            picked_by: Some(header.into()),
            ..self
        }
    }

    /// The backends in the order of the declaration.
    #[must_use]
    pub fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// How one of them is picked.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Each backend with its share; the shares sum to one.
    pub fn shares(&self) -> impl Iterator<Item = (&Backend, Share)> {
        let total: u64 = self
            .backends
            .iter()
            .map(|backend| u64::from(backend.weight))
            .sum();
        self.backends.iter().map(move |backend| {
            let share = Share::new(u64::from(backend.weight), total);
            (
                backend,
                share.expect("a weight is at most the sum of all, which is not zero"),
            )
        })
    }
}

impl Outcome {
    /// What the proxy replies by itself.
    #[must_use]
    pub fn reply(status: u16, cause: LocalReplyCause) -> Self {
        Self {
            action: Action::local_reply(status, cause),
            abort: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(weight: u32) -> Backend {
        let destination = Destination {
            host: format!("h{weight}"),
            port: None,
            subset: None,
        };
        Backend {
            destination,
            weight,
            identifiers: Identifiers::default(),
            broken: None,
        }
    }

    #[test]
    fn a_split_needs_weight() {
        let split = |weights: &[u32]| {
            Split::new(
                Mechanism::Iid,
                weights.iter().map(|w| backend(*w)).collect(),
            )
        };
        assert_eq!(split(&[]), Err(SplitError::Empty));
        assert_eq!(split(&[0, 0]), Err(SplitError::ZeroTotal));
        assert_eq!(split(&[u32::MAX, 1]), Err(SplitError::TooLarge));
        let shares: Vec<String> = split(&[1, 0, 2])
            .expect("a split")
            .shares()
            .map(|(_, share)| share.to_string())
            .collect();
        assert_eq!(shares, ["1/3", "0/1", "2/3"]);
    }
}
