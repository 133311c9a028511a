//! Dialects of which only the weights are read: SMI, Consul, Traefik, Contour, Kuma, `OpenShift`. One table says for each
//! kind where its weights are; one walk reads them. Hosts and conditions are left out on purpose, because half of what
//! decides about them lives in objects and defaults that are not read: a note names what is not judged.
//!
//! One such object declares the split of every request that no other rule takes; several are chosen from by name.

mod decode;
mod entry;
mod kind;
mod kinds;
mod lower;
mod notation;

use super::kube::Meta;
use super::mesh::WeightedBackend;
use crate::diag::Span;
use crate::split::Mechanism;

pub(super) use entry::entry;
pub(super) use kinds::DIALECTS;
pub(super) use lower::lower;

/// An object of which only the weights are read.
#[derive(Clone, Debug)]
pub struct WeightedObject {
    /// Its identity.
    pub meta: Meta,
    /// What it says about requests that is not judged, as a note names it.
    pub not_judged: &'static str,
    /// Its splits, in their order.
    pub splits: Vec<WeightedSplit>,
}

/// A list of backends with weights.
#[derive(Clone, Debug)]
pub struct WeightedSplit {
    /// Where it is in the object: `spec.routes[0]`.
    pub label: String,
    /// Where it begins.
    pub span: Span,
    /// The backends with their weights.
    pub backends: Vec<WeightedBackend>,
    /// How one of them is picked.
    pub mechanism: Mechanism,
    /// Whether several backends, or a weight that is written, share something out.
    pub shares_out: bool,
    /// What happens where all weights are zero; nothing where something gets a share.
    pub zero: Option<Zero>,
    /// Backends without a weight beside others that have one, and the weight that they count with.
    pub unset: Option<(Span, u32)>,
}

/// What a proxy does where all weights of a split are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// It replies with this status.
    Status(u16),
    /// It gives every backend the same.
    Even,
    /// The specification does not say; this status is assumed.
    Assumed(u16),
}
