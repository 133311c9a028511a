//! Numbers as people type them: counts (`10k`), durations (`1m30s`), rates (`100/s`), percentages (`2%`), percentiles
//! (`50,95,99.9`).

mod byte_size;
mod percentiles;
mod rate;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub use byte_size::byte_size;
pub use percentiles::Percentiles;
pub use rate::Rate;

/// A number of things, at most 1e15: `1000`, `10k`, `1.5M`, `2G`, `1_000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(pub u64);

/// A length of time, at most ten years: `200ms`, `1.5s`, `1m30s`, `2h`; a bare number is seconds, as in hey and curl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub Duration);

/// A fraction in `[0, 1]`: `2%`, `0.5%`, `2pp`, or the plain fraction `0.02`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fraction(f64);

/// Why a number could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a count.
    #[error("`{0}` is not a valid count: write 1000, 10k or 1.5M")]
    Count(String),
    /// Not a duration.
    #[error("`{0}` is not a valid duration: write 200ms, 1.5s, 1m30s, or plain seconds")]
    Period(String),
    /// A duration that nobody waits for.
    #[error("`{0}` is more than ten years (87600h)")]
    LongPeriod(String),
    /// Not a rate.
    #[error("`{0}` is not a valid rate: write 100, 20k, 0.5 or 90/m, from 0.001 to 1G a second")]
    Rate(String),
    /// Not a fraction between 0 and 1.
    #[error("`{0}` is not a share between 0 and 1: write 2% or 0.02")]
    Fraction(String),
    /// No percentiles.
    #[error(
        "`{0}` is no list of percentiles: write up to eight numbers between 0 and 100, as in 50,95,99.9"
    )]
    Percentiles(String),
}

const COUNT_UNITS: [(&str, u64); 3] = [("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)];
const MOST: f64 = 1e15;
/// Clocks have an end too, and this is far from it.
const LONGEST: Duration = Duration::from_secs(87_600 * 3600);
const PERIOD_UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl FromStr for Count {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Count(text.to_owned());
        let cleaned = text.trim().replace('_', "");
        let unit = |c: char| {
            COUNT_UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(&c.to_string()))
        };
        let (digits, factor) = match cleaned.chars().next_back().and_then(unit) {
            Some((name, factor)) => (&cleaned[..cleaned.len() - name.len()], *factor),
            None => (cleaned.as_str(), 1),
        };
        if let Ok(whole) = digits.parse::<u64>() {
            return whole
                .checked_mul(factor)
                .filter(|n| (*n as f64) <= MOST)
                .map(Count)
                .ok_or_else(wrong);
        }
        let value = decimal(digits).ok_or_else(wrong)? * factor as f64;
        // 1.5k is 1500; 1.5 alone is half a request.
        if value > MOST || (value - value.round()).abs() > 1e-6 {
            return Err(wrong());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 <= value <= 1e15 and whole"
        )]
        Ok(Self(value.round() as u64))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = COUNT_UNITS
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match unit {
            Some((name, factor)) => write!(f, "{}{name}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError::Period(text.to_owned());
        let long = || UnitError::LongPeriod(text.to_owned());
        let bounded = |period: Duration| {
            if period <= LONGEST {
                Ok(Self(period))
            } else {
                Err(long())
            }
        };
        let mut rest = text.trim();
        if let Some(seconds) = decimal(rest) {
            return Duration::try_from_secs_f64(seconds)
                .map_err(|_| long())
                .and_then(bounded);
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut total = Duration::ZERO;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(wrong)?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let unit = if unit == "µs" { "us" } else { unit };
            let (_, factor) = PERIOD_UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .ok_or_else(wrong)?;
            // Whole numbers stay exact; only a fraction goes through a float.
            let part = if let Ok(whole) = number.parse::<u64>() {
                Duration::from_nanos(whole.checked_mul(*factor).ok_or_else(long)?)
            } else {
                let seconds = decimal(number).ok_or_else(wrong)? * *factor as f64 / 1e9;
                Duration::try_from_secs_f64(seconds).map_err(|_| long())?
            };
            total = total.checked_add(part).ok_or_else(long)?;
            rest = tail;
        }
        bounded(total)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        for (name, factor) in PERIOD_UNITS {
            let factor = u128::from(factor);
            if nanos >= factor {
                write!(f, "{}{name}", nanos / factor)?;
                nanos %= factor;
            }
        }
        Ok(())
    }
}

impl Fraction {
    /// The fraction, unless it lies outside `[0, 1]`.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The value in `[0, 1]`.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Fraction {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let trimmed = text.trim();
        let percent = ["%", "pp"]
            .iter()
            .find_map(|unit| trimmed.strip_suffix(unit));
        let value = match percent {
            Some(digits) => decimal(digits.trim_end()).map(|value| value / 100.0),
            None => decimal(trimmed),
        };
        value
            .and_then(Self::new)
            .ok_or_else(|| UnitError::Fraction(text.to_owned()))
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A share as people read it: `90%`, `9.97%`, `0.012%`; the digits that matter and no more.
#[must_use]
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    let edge = value.min(100.0 - value).abs();
    let decimals = if edge >= 1.0 {
        2
    } else if edge >= 0.01 {
        3
    } else {
        5
    };
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}%")
}

/// A length of time as people read it, with three digits: `8.2ms`, `1.5s`, `350us`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    let (value, unit) = match seconds.abs() {
        s if s >= 0.9995 => (seconds, "s"),
        s if s >= 0.000_999_5 || s == 0.0 => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "us"),
    };
    let decimals = match value.abs() {
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let text = if decimals > 0 {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

/// `1 request`, `2 requests`, `2 Ingresses`, `2 ServiceEntries`.
#[must_use]
pub fn counted(n: u64, thing: &str) -> String {
    if n == 1 {
        return format!("1 {thing}");
    }
    // A kind whose own name is a plural.
    if thing == "Endpoints" {
        return format!("{n} {thing}");
    }
    let before_y = thing.strip_suffix('y');
    let before_y = before_y.filter(|word| !word.ends_with(['a', 'e', 'o', 'u']));
    match before_y {
        Some(word) => format!("{n} {word}ies"),
        None if ["s", "x", "ch", "sh"]
            .iter()
            .any(|end| thing.ends_with(end)) =>
        {
            format!("{n} {thing}es")
        }
        None => format!("{n} {thing}s"),
    }
}

/// A probability to two digits, as it stands behind `p`: `= 0.53`, `= 0.0021`, `= 3.1e-9`, `< 1e-300`.
#[must_use]
pub fn probability(p: f64) -> String {
    if p < 1e-300 {
        return "< 1e-300".to_owned();
    }
    if p < 0.001 {
        return format!("= {p:.1e}");
    }
    let decimals = match p {
        p if p >= 0.095 => 2,
        p if p >= 0.0095 => 3,
        _ => 4,
    };
    format!("= {p:.decimals$}")
}

/// A non-negative decimal in plain digits (`12`, `1.5`, `.5`); no sign, no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_have_their_plural() {
        for (kind, several) in [
            ("request", "2 requests"),
            ("Ingress", "2 Ingresses"),
            ("ServiceEntry", "2 ServiceEntries"),
            ("Gateway", "2 Gateways"),
            ("TrafficPolicy", "2 TrafficPolicies"),
            ("Proxy", "2 Proxies"),
            ("match", "2 matches"),
            ("Endpoints", "2 Endpoints"),
        ] {
            assert_eq!(counted(2, kind), several);
            assert_eq!(counted(1, kind), format!("1 {kind}"));
        }
    }

    #[test]
    fn counts_read_as_in_hey_and_oha() {
        for (text, value) in [
            ("1000", 1000),
            ("10k", 10_000),
            ("1.5M", 1_500_000),
            ("2m", 2_000_000),
            ("1_000", 1000),
            ("0", 0),
        ] {
            assert_eq!(text.parse(), Ok(Count(value)), "{text}");
        }
        for text in [
            "", "k", "-1", "1.5", "ten", "1e3", "9999999G", "1.0005k", "é",
        ] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_read_as_in_go_and_bare_numbers_are_seconds() {
        for (text, ms) in [
            ("200ms", 200),
            ("1.5s", 1500),
            ("1m30s", 90_000),
            ("20", 20_000),
            (".5", 500),
            ("2h", 7_200_000),
        ] {
            assert_eq!(
                text.parse(),
                Ok(Period(Duration::from_millis(ms))),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "-1s",
            "1x",
            "1s5",
            "1.2.3s",
            "99999999999999999999h",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
        assert!("87600h".parse::<Period>().is_ok());
        for text in ["87600h1ns", "9300000000000000000", "99999999999h"] {
            let long = UnitError::LongPeriod(text.to_owned());
            assert_eq!(text.parse::<Period>(), Err(long), "{text}");
        }
    }

    #[test]
    fn a_fraction_is_a_percentage_or_a_plain_number() {
        for (text, value) in [
            ("2%", 0.02),
            ("0.5pp", 0.005),
            ("0.02", 0.02),
            ("100%", 1.0),
            ("0", 0.0),
        ] {
            assert_eq!(text.parse(), Ok(Fraction(value)), "{text}");
        }
        for text in ["2", "101%", "-1%", "%", "NaN"] {
            assert!(text.parse::<Fraction>().is_err(), "{text}");
        }
    }

    #[test]
    fn probabilities_have_two_digits() {
        for (p, text) in [
            (1.0, "= 1.00"),
            (0.5271, "= 0.53"),
            (0.0217, "= 0.022"),
            (0.002_14, "= 0.0021"),
            (3.1e-9, "= 3.1e-9"),
            (0.0, "< 1e-300"),
        ] {
            assert_eq!(probability(p), text);
        }
    }

    #[test]
    fn percentages_show_the_digits_that_matter() {
        for (share, text) in [
            (0.9, "90%"),
            (0.0997, "9.97%"),
            (0.999, "99.9%"),
            (0.00012, "0.012%"),
            (0.0, "0%"),
            (1.0, "100%"),
            (1.0 / 3.0, "33.33%"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn times_show_three_digits() {
        for (value, text) in [
            (0.0082, "8.2ms"),
            (0.2, "200ms"),
            (1.5, "1.5s"),
            (0.000_35, "350us"),
            (0.000_999_9, "1ms"),
            (0.0, "0ms"),
            (120.0, "120s"),
        ] {
            assert_eq!(seconds(value), text);
        }
    }

    proptest! {
        #[test]
        fn display_of_a_count_reads_back(n in 0_u64..1_000_000_000_000) {
            prop_assert_eq!(Count(n).to_string().parse(), Ok(Count(n)));
        }

        #[test]
        fn display_of_a_period_reads_back(ms in 0_u64..10_000_000_000) {
            let period = Period(Duration::from_millis(ms));
            prop_assert_eq!(period.to_string().parse(), Ok(period));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (text.parse::<Count>(), text.parse::<Period>(), text.parse::<Fraction>(), text.parse::<Rate>());
        }
    }
}
