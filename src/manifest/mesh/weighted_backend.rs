//! Backends with weights as written, for the dialects whose backends are Services, and whether they are a split.

use crate::diag::{Code, Note, Span};
use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::yaml::Scalar;
use crate::split::Identifiers;

/// A Service with a weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightedBackend {
    /// The name of the Service.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
    /// The port.
    pub port: Option<u16>,
    /// The subset of the Service.
    pub subset: Option<String>,
    /// The weight.
    pub weight: u32,
    /// Where it is.
    pub span: Span,
    /// Words that give it away, besides those that follow from Services and workloads.
    pub identifiers: Identifiers,
}

impl WeightedBackend {
    /// A Service with a weight.
    pub(in crate::manifest) fn new(
        service: impl Into<String>,
        namespace: &str,
        weight: u32,
        span: Span,
    ) -> Self {
        Self {
            service: service.into(),
            namespace: namespace.to_owned(),
            port: None,
            subset: None,
            weight,
            span,
            identifiers: Identifiers::default(),
        }
    }

    /// The same with words of its own.
    pub(in crate::manifest) fn called(mut self, labels: &[&str]) -> Self {
        let words = labels.iter().filter(|word| !word.is_empty());
        self.identifiers
            .labels
            .extend(words.map(|word| (*word).to_owned()));
        self
    }

    /// Whether it is the same Service, port and subset as another.
    pub(in crate::manifest) fn is_destination_of(&self, other: &Self) -> bool {
        self.service == other.service
            && self.namespace == other.namespace
            && self.port == other.port
            && self.subset == other.subset
    }
}

/// Backends that are a split: there is one, and something gets something. What is not is reported at `place`.
pub(in crate::manifest) fn checked_split(
    backends: Vec<WeightedBackend>,
    place: Span,
    decoder: &mut Decoder<'_>,
) -> Option<Vec<WeightedBackend>> {
    let (id, message, help) = match (backends.first(), total(&backends)) {
        (None, _) => (
            Code::NoAction,
            "this splits traffic over no backend",
            "list at least one backend",
        ),
        (Some(_), Some(0)) => (
            Code::ZeroTotal,
            "the weights are all zero",
            "give at least one backend a weight above 0",
        ),
        (Some(_), Some(_)) => return Some(backends),
        (Some(_), None) => (
            Code::OutOfRange,
            "the weights add up to more than 4294967295",
            "write smaller weights: only their ratio counts",
        ),
    };
    let place = backends.first().map_or(place, |first| first.span);
    decoder.report(Note::new(id, message).at(place, "").help(help));
    None
}

/// The sum of the weights; nothing where it is more than a proxy takes.
pub(in crate::manifest) fn total(backends: &[WeightedBackend]) -> Option<u32> {
    let weights = backends.iter().map(|backend| u64::from(backend.weight));
    u32::try_from(weights.sum::<u64>()).ok()
}

/// A string that must be there; where it is misspelt, that is reported instead.
pub(in crate::manifest) fn required(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    decoder: &mut Decoder<'_>,
) -> Option<At<String>> {
    let found = fields.required(key, decoder);
    if fields.get(key).is_none() {
        fields.misspellings(&[key], decoder);
    }
    found
}

/// A port that may be given by name, which says nothing about its number.
pub(in crate::manifest) fn port(
    fields: &mut Fields<'_, '_>,
    decoder: &mut Decoder<'_>,
) -> Option<u16> {
    let node = fields.get("port")?;
    match node.scalar() {
        Some(Scalar::Text(_)) => None,
        _ => fields.port("port", decoder).map(|port| port.value),
    }
}
