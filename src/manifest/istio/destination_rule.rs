//! A DestinationRule as far as it decides a split: its host and its subsets. Not: its traffic policies, which shape
//! what happens inside a destination.

use std::collections::BTreeMap;

use crate::manifest::decode::{At, Decoder};
use crate::manifest::fields::Fields;
use crate::manifest::kube::Meta;
use crate::manifest::yaml::Node;

/// A DestinationRule.
#[derive(Clone, Debug)]
pub struct DestinationRule {
    /// Its identity.
    pub meta: Meta,
    /// The host as written.
    pub host: At<String>,
    /// Its subsets.
    pub subsets: Vec<Subset>,
    /// The namespaces that see it; none means all.
    pub export_to: Vec<At<String>>,
    /// Limited to some clients by `workloadSelector`.
    pub selective: bool,
}

/// A named part of the pods of a host.
#[derive(Clone, Debug)]
pub struct Subset {
    /// Its name.
    pub name: At<String>,
    /// The labels its pods carry.
    pub labels: BTreeMap<String, String>,
}

impl DestinationRule {
    /// A DestinationRule from the fields of its object.
    pub(in crate::manifest) fn decode(
        meta: Meta,
        object: &mut Fields<'_, '_>,
        decoder: &mut Decoder<'_>,
    ) -> Option<Self> {
        let mut spec = object.map("spec", "a DestinationRule spec", decoder)?;
        let host = spec.required("host", decoder);
        let subsets = spec.list("subsets", decoder, Subset::decode);
        let export_to = spec.texts("exportTo", decoder);
        let selective = spec.place("workloadSelector").is_some();
        spec.ignore(&["trafficPolicy"]);
        spec.finish(decoder);
        Some(Self {
            meta,
            host: host?,
            subsets,
            export_to,
            selective,
        })
    }
}

impl Subset {
    fn decode(node: &Node<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        let mut subset = decoder.map(node, "a subset")?;
        let name = subset.required("name", decoder);
        let labels = subset.labels("labels", decoder);
        subset.ignore(&["trafficPolicy"]);
        subset.finish(decoder);
        Some(Self {
            name: name?,
            labels,
        })
    }
}
