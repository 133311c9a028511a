//! Subsets that a controller labels: the two of a rollout differ by a label that its manifests do not hold.

/// The label by which Argo Rollouts tells the pods of two versions apart: it writes it to the subsets of a DestinationRule.
pub(in crate::manifest) const POD_HASH: &str = "rollouts-pod-template-hash";

/// A DestinationRule of which a controller labels two subsets, each with what the pods of one version alone carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledRule {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The names of the subsets.
    pub subsets: Vec<String>,
}
