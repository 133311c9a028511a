//! What the table says about one kind: the ways to its splits and their backends, and how weights are written.

use super::Zero;
use super::notation::Notation;
use crate::split::Mechanism;

/// A kind of object of which only the weights are read.
#[derive(Debug)]
pub(super) struct WeightedKind {
    /// Where its splits are.
    pub(super) splits: &'static [Places],
    /// What names a backend.
    pub(super) by: By,
    /// The field that holds the weight of a backend.
    pub(super) weight: &'static str,
    /// How weights are written.
    pub(super) notation: Notation,
    /// How many backends a split may have.
    pub(super) most_backends: usize,
    /// What happens where all of them are zero.
    pub(super) zero: Zero,
    /// What else decides about a request.
    pub(super) not_judged: &'static str,
}

/// A step of a path, with the name of the map that it leads to, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Into the map of a field.
    In(&'static str, &'static str),
    /// Into each map of the list of a field.
    Each(&'static str, &'static str),
}

impl Step {
    pub(super) fn key(self) -> &'static str {
        let (Self::In(key, _) | Self::Each(key, _)) = self;
        key
    }
}

/// Where an object has splits.
#[derive(Debug)]
pub(super) struct Places {
    /// What a report calls them; each `[]` stands for the number of an item.
    pub(super) label: &'static str,
    /// The way to each split.
    pub(super) at: &'static [Step],
    /// The ways from a split to its backends; without the first there is none.
    pub(super) backends: &'static [&'static [Step]],
    /// How one of them is picked.
    pub(super) mechanism: Mechanism,
}

/// What names a backend.
#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    /// The name of a Service, perhaps with a namespace and a port.
    Name(&'static str),
    /// A service or the object's own, a subset, a namespace.
    Consul {
        service: &'static str,
        subset: &'static str,
        namespace: &'static str,
    },
    /// A name with a namespace, or one word such as `backend_kuma-demo_svc_3001`, and tags.
    Kuma,
}
