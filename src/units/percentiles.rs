//! The percentiles that tables show.

use std::fmt;
use std::str::FromStr;

use super::{UnitError, decimal};

/// More columns than this fit no screen.
const MOST: usize = 8;

/// Percentiles in the order of their columns, each between 0 and 100: `50,95,99.9`, or `p50,p95,p99.9`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    all: [f64; MOST],
    count: usize,
    /// Whether they were asked for: then a narrow table shows them all the same.
    chosen: bool,
}

impl Percentiles {
    /// Those that tables show where nobody asks for others.
    pub const DEFAULT: Self = Self {
        all: [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 0.0, 0.0],
        count: 6,
        chosen: false,
    };

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        self.all.iter().take(self.count).copied()
    }

    /// Whether somebody asked for just these.
    #[must_use]
    pub fn chosen(&self) -> bool {
        self.chosen
    }
}

impl Default for Percentiles {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for Percentiles {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Percentiles(text.to_owned());
        let mut own = Self {
            all: [0.0; MOST],
            count: 0,
            chosen: true,
        };
        for part in text.split(',') {
            let part = part.trim();
            let number = part.strip_prefix(['p', 'P']).unwrap_or(part);
            let value = decimal(number).filter(|value| *value > 0.0 && *value < 100.0);
            *own.all.get_mut(own.count).ok_or_else(wrong)? = value.ok_or_else(wrong)?;
            own.count += 1;
        }
        Ok(own)
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.iter().map(|own| own.to_string()).collect();
        f.write_str(&all.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_between_0_and_100_with_or_without_a_p() {
        for (text, shown) in [
            ("50", "50"),
            ("50,95,99.9", "50,95,99.9"),
            ("p99, P99.99", "99,99.99"),
        ] {
            let read: Percentiles = text.parse().expect("percentiles");
            assert_eq!((read.to_string().as_str(), read.chosen()), (shown, true));
        }
        for text in [
            "",
            "0",
            "100",
            "-1",
            "max",
            "50,",
            "50;95",
            "nan",
            "1,2,3,4,5,6,7,8,9",
        ] {
            assert!(text.parse::<Percentiles>().is_err(), "{text}");
        }
        assert_eq!(Percentiles::default().to_string(), "50,75,90,95,99,99.9");
    }
}
