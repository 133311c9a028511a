//! Whose a response is, and the name of its row.

use serde::{Deserialize, Serialize};

use crate::split::{Bucket, Expected, Identity};

/// Where the responses of a row belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Classification {
    /// To the target at this position of [`Expected::declared`].
    Target(usize),
    /// To something that was not declared.
    Undeclared,
    /// Nobody knows: an error without identity, or no identity at all.
    Unattributed,
    /// Nothing was declared.
    Counted,
}

/// The value; where the status says more about the answer than its value does, with the status in front.
#[must_use]
pub fn label_of(bucket: &Bucket, place: Classification, expected: Option<&Expected>) -> String {
    let by_status = match (place, expected) {
        (Classification::Target(index), Some(expected)) => {
            expected.declared()[index].target.status().is_some()
        }
        _ => bucket.is_error(),
    };
    let bare = bucket.value().is_some_and(str::is_empty);
    let status = bucket.status;
    match &bucket.identity {
        // A value of the extractor `status` says it already.
        Identity::Value(value) if *value == status.to_string() => value.clone(),
        _ if bare && (by_status || status != 200) => format!("status {status}"),
        identity if by_status => format!("{status} {identity}"),
        identity => identity.to_string(),
    }
}
