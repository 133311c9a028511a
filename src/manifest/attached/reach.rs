//! Which of the pods of a destination a policy selects.

use std::collections::BTreeMap;

use super::Attached;
use crate::manifest::kube::selects;

type Labels = BTreeMap<String, String>;

/// Which of the pods of a destination a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them.
    All,
    /// Some of them.
    Some,
    /// Perhaps some: the manifests do not hold the pods, and what is known about their labels does not say it.
    Unknown,
    /// None.
    None,
}

impl Reach {
    /// Whether it may select a pod.
    #[must_use]
    pub fn is_any(self) -> bool {
        self != Self::None
    }
}

impl Attached {
    /// Which pods it selects: of these, or, where none are given, of pods that carry at least the labels that are known.
    #[must_use]
    pub fn reach(&self, pods: &[&Labels], known: &Labels) -> Reach {
        let Some(selector) = &self.selector else {
            return Reach::None;
        };
        if pods.is_empty() {
            let differs =
                |(key, value): (&String, &String)| known.get(key).is_some_and(|own| own != value);
            return match (selects(selector, known), selector.iter().any(differs)) {
                (true, _) => Reach::All,
                (false, true) => Reach::None,
                (false, false) => Reach::Unknown,
            };
        }
        let selected = pods.iter().filter(|labels| selects(selector, labels));
        match selected.count() {
            0 => Reach::None,
            some if some == pods.len() => Reach::All,
            _ => Reach::Some,
        }
    }
}
