//! What a case of a suite of resplit expects.

use serde_json::{Map, Value as Json};

use crate::split::Share;

/// What must become of a request; what is `None` is not asked.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The rule that takes it: `VirtualService default/reviews http[0]`, `http[0]`, or the name that it gives itself.
    pub rule: Option<String>,
    /// Where it goes, in full.
    pub destinations: Option<Vec<WantedTarget>>,
    /// Where it goes, by short names with weights.
    pub shares: Option<Vec<(String, Share)>>,
    /// The proxy answers all of it with this status.
    pub status: Option<u16>,
    /// Whether no proxy decides about it.
    pub passes: Option<bool>,
    /// What weakens that, by the codes of the notes.
    pub notes: Option<Vec<String>>,
    /// What else the rule does, by name, as the rule has it.
    pub effects: Map<String, Json>,
}

/// One target in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTarget {
    /// The host of a destination, in full or as clients call it.
    pub host: Option<String>,
    /// Its port; `None` for any.
    pub port: Option<u16>,
    /// Its subset; `None` for none.
    pub subset: Option<String>,
    /// The status of a reply of the proxy.
    pub status: Option<u16>,
    /// Its share.
    pub share: Share,
}
