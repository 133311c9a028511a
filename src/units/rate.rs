//! Starts per second, exact however long they go on.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Count, UnitError, decimal};

/// A number of starts per second, between 0.001 and 1e9: `100`, `0.5`, `20k`, `100/s`, `90/m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    /// Starts in a million seconds: whole, so that offsets are exact.
    micro: u64,
}

impl Rate {
    /// So many a second, unless that is next to nothing or more than a clock can tell apart.
    #[must_use]
    pub fn new(per_second: f64) -> Option<Self> {
        let micro = (per_second * 1e6).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1e3 <= micro <= 1e15"
        )]
        (1e3..=1e15).contains(&micro).then_some(Self {
            micro: micro as u64,
        })
    }

    /// Starts per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.micro as f64 / 1e6
    }

    /// From the start of number 0 to that of this number, exact to the nanosecond.
    #[must_use]
    pub fn offset(self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000_000_000 / u128::from(self.micro);
        u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
    }

    /// How many numbers start before this offset: the inverse of [`Self::offset`].
    #[must_use]
    pub fn before(self, offset: Duration) -> u64 {
        // `floor(x) >= n` holds for a whole n if and only if `x >= n` does.
        let number = (offset.as_nanos() * u128::from(self.micro)).div_ceil(1_000_000_000_000_000);
        u64::try_from(number).unwrap_or(u64::MAX)
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Rate(text.to_owned());
        let (number, seconds) = match text.trim().split_once('/') {
            None | Some((_, "s")) => (text.trim().trim_end_matches("/s"), 1.0),
            Some((number, "m")) => (number, 60.0),
            Some((number, "h")) => (number, 3600.0),
            Some(_) => return Err(wrong()),
        };
        let number = match decimal(number) {
            Some(number) => number,
            None => number.parse::<Count>().map_err(|_| wrong())?.0 as f64,
        };
        Self::new(number / seconds).ok_or_else(wrong)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.per_second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_unless_they_say_otherwise() {
        for (text, value) in [
            ("100", 100.0),
            ("0.5", 0.5),
            ("20k", 20_000.0),
            ("1.5k/s", 1500.0),
            ("90/m", 1.5),
            ("36/h", 0.01),
        ] {
            assert_eq!(
                text.parse(),
                Ok(Rate::new(value).expect("a rate")),
                "{text}"
            );
        }
        for text in ["", "0", "-1", "ten", "10/d", "/s", "2000M", "1/s/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        let third = Rate::new(3.0).expect("a rate");
        assert_eq!(third.offset(1), Duration::from_nanos(333_333_333));
        assert_eq!(
            third.offset(3_000_000_000),
            Duration::from_secs(1_000_000_000)
        );
    }
}
