//! What a split is: targets and their exact shares.

mod bucket;
mod codec;
mod consulted;
mod identifiers;
mod known;
mod response_flag;
mod share;
mod undeliverable;
mod weights;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use bucket::{Bucket, Identity};
pub use consulted::Consulted;
pub use identifiers::{Identifiers, contains_word, workload};
pub use known::KnownTarget;
pub use response_flag::{ResponseFlag, brief};
pub use share::{Share, ShareError};
pub use undeliverable::Undeliverable;
pub use weights::{WeightsError, parse_weights, sum_beside_hundred};

/// Where a request may end: at a destination behind the proxy, or at a response the proxy gives itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Only a name: from `--expect`.
    Named(String),
    /// A destination of a route.
    Destination(Destination),
    /// A response that the proxy gives itself.
    LocalReply(LocalReply),
}

/// A destination of a route, as the mesh names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// The full host name, `reviews.default.svc.cluster.local`.
    pub host: String,
    /// The service port, where it is known.
    pub port: Option<u16>,
    /// The subset, where one is named.
    pub subset: Option<String>,
}

/// A response that no destination gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalReply {
    /// The HTTP status.
    pub status: u16,
    /// Why the proxy answers by itself.
    pub cause: LocalReplyCause,
}

impl LocalReply {
    /// In the place of a destination that the proxy does not have.
    #[must_use]
    pub const fn missing(status: u16) -> Self {
        Self {
            status,
            cause: LocalReplyCause::BrokenBackend,
        }
    }

    /// In the place of a destination that a policy keeps requests from.
    #[must_use]
    pub const fn refused(status: u16) -> Self {
        Self {
            status,
            cause: LocalReplyCause::Refused,
        }
    }
}

/// Why a proxy answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalReplyCause {
    /// `fault.abort`.
    FaultAbort,
    /// `directResponse`.
    DirectResponse,
    /// `redirect`.
    Redirect,
    /// No route matches.
    NoRoute,
    /// The destination does not exist for the proxy: unknown subset, invalid backend.
    BrokenBackend,
    /// A policy in front of the destination refuses the request.
    Refused,
    /// The request names no endpoint that there is.
    NoEndpoint,
    /// Named by the user in `--expect`.
    Expected,
}

/// How the proxy picks among the targets of one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// Independently for every request.
    #[default]
    Iid,
    /// Weighted round robin: deterministic rotation.
    Wrr,
    /// By a hash of the request.
    Hash,
    /// Once per connection.
    PerConnection,
}

/// One target with the share it was declared to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetShare {
    /// Where.
    pub target: Target,
    /// The short name a person uses, unique within its [`Expected`].
    pub name: String,
    /// How much.
    pub share: Share,
    /// How its responses may be recognised.
    pub identifiers: Identifiers,
}

/// A declared split. Shares sum to exactly 1; targets and names are unique; zero shares are kept, because a target
/// that must see nothing is part of the declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Where it was declared: `weather-rules.yaml:27`, or `--expect`.
    pub source: String,
    /// How the proxy picks.
    pub mechanism: Mechanism,
    declared: Vec<TargetShare>,
    undeliverable: Undeliverable,
    known: Vec<KnownTarget>,
}

/// Why a list of shares is no split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpectedError {
    /// Nothing was declared.
    #[error("no target is declared")]
    Empty,
    /// Shares that do not sum to one (or sums that no longer fit 128 bits).
    #[error("the shares of {0} do not sum to one")]
    Sum(String),
    /// All weights are zero.
    #[error("the total weight is zero")]
    ZeroTotal,
}

impl Target {
    /// The HTTP status, where the proxy answers by itself.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::LocalReply(answer) => Some(answer.status),
            Self::Named(_) | Self::Destination(_) => None,
        }
    }

    /// The candidates for a short name, shortest first; the last one is unique among targets.
    fn names(&self) -> Vec<String> {
        match self {
            Self::Named(name) => vec![name.clone()],
            Self::LocalReply(answer) => vec![
                format!("status {}", answer.status),
                format!("status {} ({})", answer.status, answer.cause),
            ],
            Self::Destination(destination) => destination.short_names(),
        }
    }
}

impl Destination {
    /// The first label of the host: `reviews` of `reviews.default.svc.cluster.local`. An IP address stays whole.
    #[must_use]
    pub fn service(&self) -> &str {
        if self.host.parse::<std::net::IpAddr>().is_ok() {
            return &self.host;
        }
        self.host.split('.').next().unwrap_or(&self.host)
    }

    /// Whether it is one endpoint, by its address, and not all that stands behind a host or a subset.
    #[must_use]
    pub fn is_endpoint(&self) -> bool {
        let address = self.subset.as_deref();
        address.is_some_and(|address| address.parse::<SocketAddr>().is_ok())
    }

    fn short_names(&self) -> Vec<String> {
        let (service, host) = (self.service(), &self.host);
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        match &self.subset {
            Some(subset) => {
                vec![
                    subset.clone(),
                    format!("{service}/{subset}"),
                    format!("{host}/{subset}"),
                    format!("{host}{port}/{subset}"),
                ]
            }
            None => vec![
                service.to_owned(),
                format!("{service}{port}"),
                host.clone(),
                format!("{host}{port}"),
            ],
        }
    }
}

impl fmt::Display for Destination {
    /// `reviews.default.svc.cluster.local:9080 subset v1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match &self.subset {
            Some(subset) => write!(f, " subset {subset}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for LocalReplyCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FaultAbort => "fault abort",
            Self::DirectResponse => "direct response",
            Self::Redirect => "redirect",
            Self::NoRoute => "no route",
            Self::BrokenBackend => "broken backend",
            Self::Refused => "refused by a policy",
            Self::NoEndpoint => "no endpoint is named",
            Self::Expected => "expected",
        })
    }
}

impl Expected {
    /// A split of targets and exact shares. The shares of one target named twice add up.
    pub fn new(
        source: impl Into<String>,
        mechanism: Mechanism,
        parts: Vec<(Target, Share, Identifiers)>,
    ) -> Result<Self, ExpectedError> {
        let mut merged: Vec<(Target, Share, Identifiers)> = Vec::with_capacity(parts.len());
        let mut places: HashMap<Target, usize> = HashMap::with_capacity(parts.len());
        let mut total = Share::ZERO;
        let overflow = |target: &Target| ExpectedError::Sum(target.names().concat());
        for (target, share, identifiers) in parts {
            total = total.checked_add(share).ok_or_else(|| overflow(&target))?;
            if let Some(at) = places.get(&target) {
                let sum: &mut Share = &mut merged[*at].1;
                *sum = sum.checked_add(share).ok_or_else(|| overflow(&target))?;
            } else {
                places.insert(target.clone(), merged.len());
                merged.push((target, share, identifiers));
            }
        }
        if merged.is_empty() {
            return Err(ExpectedError::Empty);
        }
        if total != Share::ONE {
            return Err(ExpectedError::Sum(
                merged
                    .iter()
                    .map(|(t, ..)| t.names().swap_remove(0))
                    .collect::<Vec<_>>()
                    .join(", "),
            ));
        }
        let names = unique_names(&merged);
        let declared = merged
            .into_iter()
            .zip(names)
            .map(|((target, share, identifiers), name)| TargetShare {
                target,
                name,
                share,
                identifiers,
            });
        Ok(Self {
            source: source.into(),
            mechanism,
            declared: declared.collect(),
            undeliverable: Undeliverable::default(),
            known: Vec::new(),
        })
    }

    /// A split by integer weights: share = weight / sum. The sum need not be 100.
    pub fn from_weights(
        source: impl Into<String>,
        mechanism: Mechanism,
        parts: Vec<(Target, u64, Identifiers)>,
    ) -> Result<Self, ExpectedError> {
        let total: u64 = parts
            .iter()
            .try_fold(0_u64, |sum, (_, w, _)| sum.checked_add(*w))
            .ok_or_else(|| ExpectedError::Sum("all".into()))?;
        if parts.is_empty() {
            return Err(ExpectedError::Empty);
        }
        if total == 0 {
            return Err(ExpectedError::ZeroTotal);
        }
        let share = |weight| Share::new(weight, total).expect("a weight is at most the sum of all");
        Self::new(
            source,
            mechanism,
            parts
                .into_iter()
                .map(|(target, weight, identifiers)| (target, share(weight), identifiers))
                .collect(),
        )
    }

    /// The same split, with what it asks for and no proxy can deliver.
    #[must_use]
    pub fn with_undeliverable(self, undeliverable: Undeliverable) -> Self {
        Self {
            undeliverable,
            ..self
        }
    }

    /// What it asks for and no proxy can deliver.
    #[must_use]
    pub fn undeliverable(&self) -> &Undeliverable {
        &self.undeliverable
    }

    /// The same split, beside targets that are not declared and have a name all the same.
    #[must_use]
    pub fn with_known(self, known: Vec<KnownTarget>) -> Self {
        Self { known, ..self }
    }

    /// Targets that are not declared and have a name all the same.
    #[must_use]
    pub fn known(&self) -> &[KnownTarget] {
        &self.known
    }

    /// The position of the one destination that everything goes to, if the declaration has no other.
    #[must_use]
    pub fn sole_destination(&self) -> Option<usize> {
        let mut destinations = (self.declared.iter().enumerate())
            .filter(|(_, declared)| declared.target.status().is_none());
        let (at, _) = destinations.next()?;
        destinations.next().is_none().then_some(at)
    }

    /// Whether everything goes to one endpoint.
    #[must_use]
    pub fn is_endpoint(&self) -> bool {
        let target = self.sole_destination().map(|at| &self.declared[at].target);
        matches!(target, Some(Target::Destination(one)) if one.is_endpoint())
    }

    /// The targets in the order of the declaration.
    #[must_use]
    pub fn declared(&self) -> &[TargetShare] {
        &self.declared
    }
}

/// The shortest names that tell the targets apart.
fn unique_names(parts: &[(Target, Share, Identifiers)]) -> Vec<String> {
    let candidates: Vec<Vec<String>> = parts.iter().map(|(target, ..)| target.names()).collect();
    let mut level = vec![0_usize; candidates.len()];
    loop {
        let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, names) in candidates.iter().enumerate() {
            users
                .entry(names[level[index]].as_str())
                .or_default()
                .push(index);
        }
        let clash: Vec<usize> = users
            .into_values()
            .filter(|v| v.len() > 1)
            .flatten()
            .filter(|i| level[*i] + 1 < candidates[*i].len())
            .collect();
        if clash.is_empty() {
            return candidates
                .iter()
                .zip(level)
                .map(|(names, level)| names[level].clone())
                .collect();
        }
        for index in clash {
            level[index] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn destination(host: &str, subset: Option<&str>) -> Target {
        Target::Destination(Destination {
            host: format!("{host}.default.svc.cluster.local"),
            port: Some(80),
            subset: subset.map(str::to_owned),
        })
    }

    fn names(targets: Vec<Target>) -> Vec<String> {
        let parts = targets
            .into_iter()
            .map(|target| (target, 1, Identifiers::default()))
            .collect();
        let expected = Expected::from_weights("test", Mechanism::Iid, parts).expect("a split");
        expected
            .declared()
            .iter()
            .map(|declared| declared.name.clone())
            .collect()
    }

    #[test]
    fn the_short_name_is_the_subset_else_the_service() {
        assert_eq!(
            names(vec![
                destination("reviews", Some("v1")),
                destination("ratings", None)
            ]),
            ["v1", "ratings"]
        );
    }

    #[test]
    fn where_two_targets_would_share_a_short_name_the_host_is_put_in_front() {
        assert_eq!(
            names(vec![
                destination("reviews", Some("v1")),
                destination("ratings", Some("v1")),
                destination("ratings", Some("v2"))
            ]),
            ["reviews/v1", "ratings/v1", "v2"]
        );
    }

    #[test]
    fn the_same_destination_twice_adds_up() {
        let parts = vec![
            (destination("a", None), 1, Identifiers::default()),
            (destination("b", None), 1, Identifiers::default()),
            (destination("a", None), 2, Identifiers::default()),
        ];
        let expected = Expected::from_weights("test", Mechanism::Iid, parts).expect("a split");
        let shares: Vec<String> = expected
            .declared()
            .iter()
            .map(|d| d.share.to_string())
            .collect();
        assert_eq!(shares, ["3/4", "1/4"]);
    }

    #[test]
    fn nothing_and_all_zero_are_refused() {
        assert_eq!(
            Expected::from_weights("t", Mechanism::Iid, vec![]),
            Err(ExpectedError::Empty)
        );
        let zero = vec![(Target::Named("a".into()), 0, Identifiers::default())];
        assert_eq!(
            Expected::from_weights("t", Mechanism::Iid, zero),
            Err(ExpectedError::ZeroTotal)
        );
    }

    proptest! {
        #[test]
        fn shares_sum_to_one_and_zero_shares_are_kept(weights in prop::collection::vec(0_u64..1_000_000, 1..8)) {
            prop_assume!(weights.iter().any(|w| *w > 0));
            let parts = weights.iter().enumerate().map(|(i, w)| (Target::Named(i.to_string()), *w, Identifiers::default())).collect();
            let expected = Expected::from_weights("t", Mechanism::Iid, parts).expect("a split");
            prop_assert_eq!(expected.declared().len(), weights.len());
            let sum = expected.declared().iter().try_fold(Share::ZERO, |sum, d| sum.checked_add(d.share));
            prop_assert_eq!(sum, Some(Share::ONE));
        }
    }
}
