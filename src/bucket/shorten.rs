//! Values too long or too binary to be shown, told apart by a hash.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Longer values are cut, and told apart by a hash.
const LONGEST_VALUE: usize = 256;

/// The value itself, or its beginning with its length and a hash.
pub(super) fn shortened(value: &str) -> String {
    if value.len() <= LONGEST_VALUE {
        return value.to_owned();
    }
    let end = (0..=LONGEST_VALUE / 2)
        .rev()
        .find(|end| value.is_char_boundary(*end))
        .unwrap_or(0);
    format!(
        "{}… ({} bytes, #{:08x})",
        &value[..end],
        value.len(),
        short_hash(value.as_bytes())
    )
}

/// A hash to tell long or binary values apart; the same in every thread and run.
pub(super) fn short_hash(bytes: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let hash = hasher.finish();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves are folded together"
    )]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded
}
