//! Backends with weights that can be turned into shares.

use std::sync::Arc;

use super::{EndpointPick, HashKey};
use crate::split::{Destination, Identifiers, LocalReply, Mechanism, Share};

/// Backends with weights that can be turned into shares: at least one, their sum in `1..=u32::MAX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub(super) mechanism: Mechanism,
    pub(super) backends: Vec<Backend>,
    pub(super) picked_by: Option<String>,
    weights_ignored: Option<WeightsIgnored>,
    pub(super) endpoint_pick: Option<Arc<EndpointPick>>,
    hash_keys: Vec<HashKey>,
}

/// A proxy that picks among the endpoints of all backends, whatever their weights are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsIgnored {
    /// How many endpoints each backend has, where that is known.
    pub endpoints: Option<Vec<u32>>,
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
    /// What its share gets instead: where the proxy knows no such backend 503 (Istio, NC) or 500 (Gateway API).
    pub broken: Option<LocalReply>,
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
                weights_ignored: None,
                endpoint_pick: None,
                hash_keys: Vec::new(),
            }),
        }
    }

    /// The same split, picked in another way.
    #[must_use]
    pub fn by(self, mechanism: Mechanism) -> Self {
        Self { mechanism, ..self }
    }

    /// The same split, of which these parts of a request are hashed: to pick a backend where that is how it is picked, else to pick
    /// an endpoint of the backend that was drawn.
    #[must_use]
    pub fn hashed_by(self, hash_keys: Vec<HashKey>) -> Self {
        Self { hash_keys, ..self }
    }

    /// The parts of a request that are hashed, where they are known.
    #[must_use]
    pub fn hash_keys(&self) -> &[HashKey] {
        &self.hash_keys
    }

    /// The same split, where a number in this header of the request picks the backend; without one chance does.
    #[must_use]
    pub fn picked_by(self, header: impl Into<String>) -> Self {
        Self {
            picked_by: Some(header.into()),
            ..self
        }
    }

    /// The same split, of which the proxies do not apply the weights.
    #[must_use]
    pub fn ignored(self, weights_ignored: Option<WeightsIgnored>) -> Self {
        Self {
            weights_ignored,
            ..self
        }
    }

    /// The same split, of whose endpoints a request may name one; the weights are for the others.
    #[must_use]
    pub fn with_endpoint_pick(self, pick: Option<EndpointPick>) -> Self {
        Self {
            endpoint_pick: pick.map(Arc::new),
            ..self
        }
    }

    /// How a request may name one of its endpoints.
    #[must_use]
    pub fn endpoint_pick(&self) -> Option<&EndpointPick> {
        self.endpoint_pick.as_deref()
    }

    /// Whether the proxies do not apply its weights, and what is known about the endpoints that they pick among.
    #[must_use]
    pub fn weights_ignored(&self) -> Option<&WeightsIgnored> {
        self.weights_ignored.as_ref()
    }

    /// The same backends with shares by their endpoints, where the number of those is known.
    #[must_use]
    pub fn by_endpoints(&self) -> Option<Self> {
        let endpoints = self.weights_ignored.as_ref()?.endpoints.as_ref()?;
        let backends = self.backends.iter().zip(endpoints);
        let weighted = backends.map(|(backend, endpoints)| Backend {
            weight: *endpoints,
            ..backend.clone()
        });
        Self::new(self.mechanism, weighted.collect()).ok()
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
