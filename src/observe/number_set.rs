//! A set of numbers of which most lie close together, as those of the connections of a run do.

use std::collections::HashMap;

/// How many numbers share an entry.
const PAGE: u32 = u64::BITS;

/// A set of numbers. A million in a row take less than a megabyte.
#[derive(Clone, Debug, Default)]
pub struct NumberSet {
    /// A bit for each number, by the page it is in.
    pages: HashMap<u32, u64>,
}

impl NumberSet {
    /// Adds a number; false where it is in the set already.
    pub fn insert(&mut self, number: u32) -> bool {
        let bit = 1 << (number % PAGE);
        let page = self.pages.entry(number / PAGE).or_default();
        let new = *page & bit == 0;
        *page |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn it_knows_what_was_added(numbers in prop::collection::vec(prop_oneof![0_u32..200, any::<u32>()], 0..300)) {
            let (mut own, mut other) = (NumberSet::default(), HashSet::new());
            for number in numbers {
                prop_assert_eq!(own.insert(number), other.insert(number));
            }
        }
    }
}
