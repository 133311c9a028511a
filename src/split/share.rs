//! A share of traffic as an exact fraction, so that 33/33/33 is thirds and not 0.99.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact share of traffic: a reduced fraction in `[0, 1]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    // In [0, denominator], and coprime to it.
    numerator: u128,
    // At least 1.
    denominator: u128,
}

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self {
        numerator: 0,
        denominator: 1,
    };
    /// Everything.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// `numerator / denominator`, unless that is no number in `[0, 1]`.
    #[must_use]
    pub fn new(numerator: u64, denominator: u64) -> Option<Self> {
        Self::reduced(u128::from(numerator), u128::from(denominator))
    }

    fn reduced(numerator: u128, denominator: u128) -> Option<Self> {
        if denominator == 0 || numerator > denominator {
            return None;
        }
        let divisor = gcd(numerator, denominator);
        Some(Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        })
    }

    /// The nearest double.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// Whether this is nothing at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The rest: `1 - self`.
    #[must_use]
    pub fn complement(self) -> Self {
        Self {
            numerator: self.denominator - self.numerator,
            denominator: self.denominator,
        }
    }

    /// This share of that share. `None` when the exact fraction no longer fits 128 bits.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(other.numerator)?;
        Self::reduced(numerator, self.denominator.checked_mul(other.denominator)?)
    }

    /// What part of `whole` this is. `None` where it is more than that, or when the exact fraction no longer fits 128 bits.
    #[must_use]
    pub fn checked_div(self, whole: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(whole.denominator)?;
        Self::reduced(numerator, self.denominator.checked_mul(whole.numerator)?)
    }

    /// The sum. `None` above 1, or when the exact fraction no longer fits 128 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let common = gcd(self.denominator, other.denominator);
        let left = self.numerator.checked_mul(other.denominator / common)?;
        let right = other.numerator.checked_mul(self.denominator / common)?;
        let denominator = self.denominator.checked_mul(other.denominator / common)?;
        Self::reduced(left.checked_add(right)?, denominator)
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was no fraction in `[0, 1]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share such as 9/10")]
pub struct ShareError(String);

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let parts = text
            .split_once('/')
            .and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
        parts
            .and_then(|(n, d)| Self::reduced(n, d))
            .ok_or_else(|| ShareError(text.to_owned()))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        match (
            self.numerator.checked_mul(other.denominator),
            other.numerator.checked_mul(self.denominator),
        ) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.as_f64().total_cmp(&other.as_f64()),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_share() -> impl Strategy<Value = Share> {
        (1_u64..=1_000_000, 0_u64..=1_000_000)
            .prop_map(|(d, n)| Share::new(n % (d + 1), d).expect("n <= d"))
    }

    proptest! {
        #[test]
        fn a_share_and_the_rest_are_everything(share in any_share()) {
            prop_assert_eq!(share.checked_add(share.complement()), Some(Share::ONE));
        }

        #[test]
        fn display_reads_back(share in any_share()) {
            prop_assert_eq!(share.to_string().parse(), Ok(share));
        }

        #[test]
        fn a_mixture_keeps_the_whole(part in any_share(), of in any_share()) {
            let (inside, rest) = (part.checked_mul(of).expect("fits"), part.complement().checked_mul(of).expect("fits"));
            prop_assert_eq!(inside.checked_add(rest), Some(of));
        }
    }

    #[test]
    fn ninety_of_a_hundred_is_nine_tenths() {
        assert_eq!(
            Share::new(90, 100).map(|s| s.to_string()).as_deref(),
            Some("9/10")
        );
        assert_eq!(Share::new(1, 0), None);
        assert_eq!(Share::new(3, 2), None);
    }
}
