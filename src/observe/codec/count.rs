//! A count in a saved report.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// No run counts more: three million requests a second for three years. What says more is no report, and sums of less stay exact.
pub(crate) const MOST: u64 = 1 << 48;

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let count = u64::deserialize(deserializer)?;
    if count <= MOST {
        Ok(count)
    } else {
        Err(D::Error::custom(format!(
            "{count} is more than a run can count"
        )))
    }
}
