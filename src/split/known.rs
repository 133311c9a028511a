//! A target that the manifests know and that is not declared for the request: a response that names it has a name.

use serde::{Deserialize, Serialize};

use super::{Identifiers, Target};

/// A target that is not declared, and how its responses may be recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownTarget {
    /// Where the manifests name it: `the subset of http[1] (in.yaml:12)`.
    pub origin: String,
    /// The target, where a route leads to it.
    pub target: Option<Target>,
    /// Words that are it as a whole: what a response says, and nothing beside it.
    pub identifiers: Identifiers,
    /// Words that mean it inside a longer value; only words of the host that is called are so specific.
    pub words: Vec<String>,
}

impl KnownTarget {
    /// A name that means it and nothing else.
    #[must_use]
    pub fn name(&self) -> &str {
        let identifiers = &self.identifiers;
        let mut names = (self.words.iter())
            .chain(&identifiers.labels)
            .chain(&identifiers.workloads)
            .chain(&identifiers.names);
        names.next().map_or("", String::as_str)
    }
}
