//! Words by which a response may give away that it came from a target.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Words by which a response may give away that it came from a target, strongest kind first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifiers {
    /// Names of the target itself: subset, service, host, `host:port`, cluster.
    pub names: BTreeSet<String>,
    /// Values of the labels that select the subset (`v1` of `version: v1`).
    pub labels: BTreeSet<String>,
    /// Workloads (Deployments) whose pods belong to the target.
    pub workloads: BTreeSet<String>,
}

/// Whether `word` stands in `text` with no letter or digit beside it, whatever the case: `single` in
/// `weather-backend: Single`, but not `v1` in `v10`.
#[must_use]
pub fn contains_word(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return false;
    }
    let (text, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(&word).any(|(start, _)| {
        boundary(text[..start].chars().next_back())
            && boundary(text[start + word.len()..].chars().next())
    })
}

/// `reviews-v1` of the pod name `reviews-v1-6757db4ff5-8jzqn`: a Deployment's pods end in the hash of the replica set
/// and five characters of their own, both from an alphabet without vowels.
#[must_use]
pub fn workload(pod: &str) -> Option<&str> {
    const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";
    let mut parts = pod.rsplitn(3, '-');
    let (own, replica_set, name) = (parts.next()?, parts.next()?, parts.next()?);
    let safe = |text: &str, lengths: RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.chars().all(|c| SAFE.contains(c))
    };
    (safe(own, 5..=5) && safe(replica_set, 5..=10) && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_whole_and_case_does_not_matter() {
        for (text, word, found) in [
            ("weather-backend: Single", "single", true),
            ("v10", "v1", false),
            ("reviews-v1-abc", "v1", true),
            ("xv1", "v1", false),
            ("v1", "", false),
            ("İv1", "v1", false),
            ("a blue-green b", "blue-green", true),
        ] {
            assert_eq!(contains_word(text, word), found, "{word} in {text}");
        }
    }

    #[test]
    fn only_a_pod_name_loses_its_suffix() {
        assert_eq!(workload("reviews-v1-6757db4ff5-8jzqn"), Some("reviews-v1"));
        for other in [
            "reviews-v1",
            "weather-backend-single",
            "a-b-c",
            "reviews-v1-6757db4ff5-8jzqna",
            "",
        ] {
            assert_eq!(workload(other), None, "{other}");
        }
    }
}
